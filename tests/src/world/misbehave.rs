//! Phones that break the rules: what one does by itself when a message comes.

use bytes::Bytes;

use super::{World, header, title};

/// How a device misbehaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vice {
    /// It hangs up as soon as it has got a message of this title.
    HangsUpAt(String),
    /// It refuses every request of this method within a call, with this status.
    Refuses(String, u16),
    /// Whatever it should describe, it sends the first description that it ever sent.
    StaleSdp,
}

impl World {
    /// From now on a device (by its name) misbehaves.
    pub fn misbehave(&mut self, device: &str, vice: Vice) {
        self.vices.insert(device.into(), vice);
    }

    /// Whether the device's vice has dealt with a message that has come to it.
    pub(super) fn refused_by_vice(&mut self, at: usize, bytes: &Bytes) -> bool {
        let device = &self.devices[at];
        let Some(Vice::Refuses(method, status)) = self.vices.get(&device.name) else { return false };
        let text = String::from_utf8_lossy(bytes);
        let within_a_call = !super::tag(&header(&text, "To")).is_empty();
        if !within_a_call || text.split(' ').next() != Some(method) {
            return false;
        }
        let copied = ["Via", "From", "To", "Call-ID", "CSeq"];
        let copied = copied.map(|name| format!("{name}: {}\r\n", header(&text, name))).concat();
        let response = format!("SIP/2.0 {status} No\r\n{copied}Content-Length: 0\r\n\r\n");
        let address = device.address;
        self.transmit(address, super::BATON.into(), Bytes::from(response));
        true
    }

    /// What the device does after a message that has come to it.
    pub(super) fn act_by_vice(&mut self, at: usize, bytes: &Bytes) {
        let Some(Vice::HangsUpAt(at_title)) = self.vices.get(&self.devices[at].name) else { return };
        if title(bytes) != *at_title {
            return;
        }
        let call_id = header(&String::from_utf8_lossy(bytes), "Call-ID");
        let own = self.lines.iter().filter(|(_, line)| line.device == at && line.call_id == call_id);
        let ids: Vec<u64> = own.map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|id| self.hang_up_line(id));
    }

    /// The description that a device sends in place of the right one.
    pub(super) fn describe_by_vice(&mut self, at: usize, sdp: Bytes) -> Bytes {
        let name = &self.devices[at].name;
        if self.vices.get(name) != Some(&Vice::StaleSdp) {
            return sdp;
        }
        self.devices[at].first_description.get_or_insert(sdp).clone()
    }
}
