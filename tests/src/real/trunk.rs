//! A call of the trunk: SIPp for its signalling, an RTP party for its sound.

use std::net::{SocketAddrV4, UdpSocket};

use super::ear::{Ear, Mark};
use super::network::Network;
use super::rtp::RtpParty;
use super::sipp::Sipp;
use super::tone::Sound;
use super::wait::until_some;
use super::{SERVER, TRUNK};

/// One call over the trunk, in or out.
#[derive(Debug)]
pub struct TrunkCall {
    sipp: Sipp,
    party: RtpParty,
    local: SocketAddrV4,
    call_id: String,
}

impl TrunkCall {
    /// The trunk calls `number` at `remote`, from the caller id `caller`. SIPp's port is `port`.
    pub fn calling(
        network: &Network,
        port: u16,
        remote: SocketAddrV4,
        number: &str,
        caller: &str,
        tone_hz: u32,
    ) -> TrunkCall {
        let options = ["-s", number, "-key", "caller", caller];
        TrunkCall::start(network, "trunk_calls", port, remote, &options, tone_hz)
    }

    /// The trunk waits for a call on `port`, rings for `ring_ms` and answers.
    pub fn answering(network: &Network, port: u16, ring_ms: u32, tone_hz: u32) -> TrunkCall {
        let remote = SocketAddrV4::new(SERVER, 5060);
        let options = ["-d", &ring_ms.to_string()];
        TrunkCall::start(network, "trunk_answers", port, remote, &options, tone_hz)
    }

    /// Any scenario with the keys that [`TrunkCall::calling`] and [`TrunkCall::answering`] use.
    pub fn start(
        network: &Network,
        scenario: &str,
        port: u16,
        remote: SocketAddrV4,
        options: &[&str],
        tone_hz: u32,
    ) -> TrunkCall {
        let local = SocketAddrV4::new(TRUNK, port);
        let party = RtpParty::open(TRUNK, tone_hz);
        let call_id = format!("trunk-{port}@{TRUNK}");
        let media_port = party.port().to_string();
        let mut all = vec!["-key", "rtp_port", &media_port, "-cid_str", &call_id];
        all.extend(options);
        TrunkCall { sipp: Sipp::start(network, scenario, local, remote, &all), party, local, call_id }
    }

    /// Waits until it knows where its sound goes, and sends it there.
    #[track_caller]
    pub fn expect_media(&self, seconds: f64) {
        let remote = until_some("where the trunk's sound goes", seconds, || self.sipp.remote_media());
        self.party.send_to(remote);
    }

    /// Waits until it is answered (or, called, has got its ACK).
    #[track_caller]
    pub fn expect_answered(&self, seconds: f64) {
        until_some("the trunk's call to be answered", seconds, || {
            self.sipp.received().iter().find(|line| line.contains(" 200 ") || line.starts_with("ACK")).cloned()
        });
        self.expect_media(seconds);
    }

    /// Hangs up: a MESSAGE inside the call tells SIPp's scenario to send its BYE. `call_id` is only known here for
    /// calls that the trunk makes; of others SIPp's log tells it.
    pub fn hang_up(&self) {
        let call_id = self.call_id_on_the_wire();
        let tell = UdpSocket::bind((*self.local.ip(), 0)).expect("a free port");
        let text = format!(
            "MESSAGE sip:trunk@{local} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK-hang-up\r\n\
             From: <sip:test@{from}>;tag=test\r\nTo: <sip:trunk@{local}>\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            local = self.local,
            from = tell.local_addr().expect("a bound socket"),
        );
        tell.send_to(text.as_bytes(), self.local).expect("SIPp listens");
    }

    /// Its sound.
    pub fn party(&self) -> &RtpParty {
        &self.party
    }

    /// Its signalling.
    pub fn sipp(&mut self) -> &mut Sipp {
        &mut self.sipp
    }

    fn call_id_on_the_wire(&self) -> String {
        let messages = self.sipp.messages();
        let found = messages.lines().find_map(|line| line.strip_prefix("Call-ID: "));
        found.map_or_else(|| self.call_id.clone(), |id| id.trim().to_owned())
    }
}

impl Ear for TrunkCall {
    fn mark(&self) -> Mark {
        self.party.mark()
    }

    fn since(&self, mark: &Mark) -> Sound {
        self.party.since(mark)
    }
}
