//! What people do: they call, answer, hold, transfer and hang up at their phones, and click in the panel.

use std::net::SocketAddr;

use baton_contact::command::{AddMode, Command, Control, Refusal, Reply, Target};
use baton_contact::snapshot::{ContactSnapshot, ContactState};
use baton_contact::{ContactId, Input, RequestId};
use baton_sip::{Command as SipCommand, SessionId, TransferId};
use bytes::Bytes;

use super::line::LineState;
use super::{BATON, Behaviour, Verdict, World, office};

/// How phones say that they hold (D6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    SendOnly,
    Inactive,
    /// RFC 2543.
    ZeroAddress,
    /// The direction at the session's level.
    SessionLevel,
}

impl World {
    /// Somebody calls a number through the trunk.
    pub fn call_in(&mut self, who: &str, number: &str) {
        let trunk = self.device("pbx");
        self.call(trunk, who, number, |_| {});
        self.settle();
    }

    /// An agent dials at its phone.
    pub fn dial(&mut self, agent: &str, number: &str) {
        let device = self.device(agent);
        self.call(device, agent, number, |_| {});
        self.settle();
    }

    /// A call with a changed INVITE.
    pub fn call_with(&mut self, who: &str, number: &str, change: impl FnOnce(&mut baton_sip::OutgoingInvite)) {
        let device = self.devices.iter().position(|device| device.name == who);
        let device = device.unwrap_or_else(|| self.device("pbx"));
        self.call(device, who, number, change);
        self.settle();
    }

    pub fn answer(&mut self, who: &str) {
        let id = self.line_in(who, LineState::Ringing);
        self.answer_line(id);
        self.settle();
    }

    pub fn refuse(&mut self, who: &str, status: u16) {
        let id = self.line_in(who, LineState::Ringing);
        self.refuse_line(id, status);
        self.settle();
    }

    pub fn hang_up(&mut self, who: &str) {
        self.hang_up_now(who);
        self.settle();
    }

    /// Without waiting for what follows.
    pub fn hang_up_now(&mut self, who: &str) {
        let id = self.line_id(who);
        self.hang_up_line(id);
    }

    /// The hold key.
    pub fn hold(&mut self, who: &str, dialect: Dialect) {
        self.offer(who, |text| match dialect {
            Dialect::SendOnly => text.replace("a=sendrecv", "a=sendonly"),
            Dialect::Inactive => text.replace("a=sendrecv", "a=inactive"),
            Dialect::ZeroAddress => {
                let line = text.lines().find(|line| line.starts_with("c=")).expect("a connection line");
                text.replace(line, "c=IN IP4 0.0.0.0")
            }
            Dialect::SessionLevel => text.replace("a=sendrecv\r\n", "").replacen("m=", "a=sendonly\r\nm=", 1),
        });
        self.settle();
    }

    pub fn unhold(&mut self, who: &str) {
        self.offer(who, |text| text);
        self.settle();
    }

    /// From now on a party refuses every re-INVITE.
    pub fn refuse_offers(&mut self, who: &str, status: u16) {
        let id = self.line_id(who);
        if let Some(line) = self.lines.get_mut(&id) {
            line.refuses_offers = Some(status);
        }
    }

    /// From now on a party takes re-INVITEs again.
    pub fn accept_offers(&mut self, who: &str) {
        let id = self.line_id(who);
        if let Some(line) = self.lines.get_mut(&id) {
            line.refuses_offers = None;
        }
    }

    /// A re-INVITE with a changed description, without waiting.
    pub fn offer(&mut self, who: &str, change: impl FnOnce(String) -> String) {
        let id = self.line_id(who);
        let Some(line) = self.lines.get_mut(&id) else { return };
        let (offer, pending) = line.negotiation.offer();
        let text = change(String::from_utf8(offer.to_vec()).expect("a description is text"));
        line.holding = !text.contains("a=sendrecv") || text.contains("0.0.0.0");
        line.pending = Some(pending);
        let (device, session) = (line.device, line.session);
        self.device_command(device, SipCommand::Offer { session, sdp: Bytes::from(text), identity: None });
    }

    /// The blind transfer key.
    pub fn refer(&mut self, who: &str, number: &str) {
        self.refer_now(who, &format!("sip:{number}@192.0.2.1"));
        self.settle();
    }

    /// The blind transfer key of a phone that names itself like this in Referred-By.
    pub fn refer_by(&mut self, who: &str, number: &str, referred_by: &str) {
        let line = self.line(who);
        let (device, session) = (line.device, line.session);
        let (target, referred_by) = (format!("sip:{number}@192.0.2.1"), Some(referred_by.into()));
        self.device_command(device, SipCommand::Transfer { session, target, referred_by });
        self.settle();
    }

    /// The attended transfer key: `who` is referred to the other end of the line `other`.
    pub fn refer_to_line(&mut self, who: &str, other: &str) {
        let target = self.replacing(other, false);
        self.refer_now(who, &target);
        self.settle();
    }

    /// A Refer-To that names the dialog of a line; tags `turned` the other way round (R5).
    pub fn replacing(&self, other: &str, turned: bool) -> String {
        let replaces = self.replaces(other, turned);
        let escaped: String = replaces.bytes().map(escape).collect();
        format!("sip:{}@192.0.2.1?Replaces={escaped}", office::account("bert"))
    }

    /// A Replaces value for a line's dialog, as its own phone or (`turned`) as its peer sees it.
    pub fn replaces(&self, other: &str, turned: bool) -> String {
        let call_id = &self.line(other).call_id;
        let (from, to) =
            self.ladder.dialogs.get(call_id).unwrap_or_else(|| panic!("no dialog {call_id}\n{}", self.ladder));
        let (to, from) = if turned { (from, to) } else { (to, from) };
        format!("{call_id};to-tag={to};from-tag={from}")
    }

    /// A REFER, without waiting. Whether the phone could send it.
    pub fn refer_now(&mut self, who: &str, target: &str) -> bool {
        let id = self.line_id(who);
        let Some(line) = self.lines.get_mut(&id) else { return false };
        line.progress.clear();
        line.referring_us = Some(self.now_us);
        let (device, session) = (line.device, line.session);
        let referred_by = Some(format!("<sip:{}@192.0.2.1>", office::account(&self.devices[device].name)));
        self.device_command(device, SipCommand::Transfer { session, target: target.into(), referred_by })
    }

    /// A key by INFO.
    pub fn press_by_info(&mut self, who: &str, digit: char) {
        let line = self.line(who);
        let (device, session) = (line.device, line.session);
        self.device_command(device, SipCommand::SendDigit { session, digit, duration_ms: 100 });
        self.settle();
    }

    /// The phone loses its power.
    pub fn unplug(&mut self, agent: &str) {
        let at = self.device(agent);
        self.devices[at].dead = true;
    }

    /// It has power again, registers, and knows nothing of calls from before.
    pub fn plug_in(&mut self, agent: &str) {
        let at = self.device(agent);
        if !self.devices[at].dead {
            return;
        }
        self.devices[at].reboot(self.now_us);
        for line in self.lines.values_mut().filter(|line| line.device == at) {
            line.state = LineState::Over;
        }
        if self.devices[at].registration.is_some() {
            self.send_register(at, "");
        }
    }

    /// What a person does from now on when it is called.
    pub fn behave(&mut self, who: &str, behaviour: Behaviour) {
        self.behaviours.insert(who.into(), behaviour);
    }

    /// Decides the fate of the next message of this title that a device (or `baton`) sends.
    pub fn decide(&mut self, from: &str, title: &str, verdict: Verdict) {
        let address = if from == "baton" { SocketAddr::from(BATON) } else { self.devices[self.device(from)].address };
        self.network.decide(address, title, verdict, 1);
    }

    /// A message by hand, from a device or from anywhere.
    pub fn send_text(&mut self, from: SocketAddr, text: &str) {
        let (head, body) = text.split_once("\n--\n").unwrap_or((text, ""));
        let body = body.replace('\n', "\r\n");
        let lines: Vec<&str> = head.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let message = format!("{}\r\nContent-Length: {}\r\n\r\n{body}", lines.join("\r\n"), body.len());
        self.transmit(from, SocketAddr::from(BATON), Bytes::from(message));
    }

    pub fn command(&mut self, command: Command) -> Result<Reply, Refusal> {
        let request = RequestId(self.number());
        self.feed(Input::Command(request, Box::new(command)));
        self.replies.remove(&request).expect("each command is answered at once")
    }

    /// The contact that an agent's panel shows first: the one that is not over.
    pub fn contact_of(&self, agent: &str) -> ContactId {
        self.try_contact_of(agent).unwrap_or_else(|| panic!("{agent} has no contact\n{}", self.ladder))
    }

    pub fn try_contact_of(&self, agent: &str) -> Option<ContactId> {
        let contacts = &self.agents.get(agent)?.contacts;
        let over = |each: &&ContactSnapshot| matches!(each.state, ContactState::Acw | ContactState::Missed);
        contacts.iter().min_by_key(|each| over(each)).map(|each| each.contact_id)
    }

    /// A click of an agent on its present contact.
    pub fn try_click(&mut self, agent: &str, control: Control) -> Result<(), Refusal> {
        let contact = self.contact_of(agent);
        self.command(Command::Control { agent: Some(agent.into()), contact, control }).map(drop)
    }

    /// A click that must succeed; then messages arrive.
    pub fn click(&mut self, agent: &str, control: Control) {
        let shown = format!("{agent}: {control:?}");
        if let Err(refusal) = self.try_click(agent, control) {
            panic!("{shown} was refused: {}\n{}", refusal.detail, self.ladder);
        }
        self.settle();
    }

    pub fn consult(&mut self, agent: &str, quick_connect: &str) {
        let target = Target::QuickConnect(quick_connect.into());
        self.click(agent, Control::Add { target, mode: AddMode::Consult });
    }

    pub fn transfer_blind(&mut self, agent: &str, quick_connect: &str) {
        let target = Target::QuickConnect(quick_connect.into());
        self.click(agent, Control::Add { target, mode: AddMode::Blind });
    }

    /// After-contact work is over, and what was missed is acknowledged, for everybody.
    pub fn clear_all(&mut self) {
        let over = |each: &&ContactSnapshot| matches!(each.state, ContactState::Acw | ContactState::Missed);
        let todo: Vec<(String, ContactId)> = (self.agents.iter())
            .flat_map(|(name, agent)| agent.contacts.iter().filter(over).map(|each| (name.clone(), each.contact_id)))
            .collect();
        for (agent, contact) in todo {
            let control = Control::Clear;
            let cleared = self.command(Command::Control { agent: Some(agent.clone()), contact, control });
            assert!(cleared.is_ok(), "{agent} clears {contact}: {cleared:?}\n{}", self.ladder);
        }
    }

    /// A customer in talk with anna, out of the queue.
    pub fn talking(&mut self) {
        self.call_in("C", office::SUPPORT);
        self.answer("anna");
        self.settle();
    }
}

fn escape(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// Messages by hand, within a call.
impl World {
    /// A request of a party's phone in its dialog, with a CSeq of the test's choice.
    pub fn send_in_dialog(&mut self, who: &str, method: &str, cseq: u32, extra: &str) {
        let line = self.line(who);
        let (from, to) = self.ladder.dialogs.get(&line.call_id).cloned().expect("a dialog");
        let (own, peer) = if line.invite.is_some() { (to, from) } else { (from, to) };
        let (call_id, source) = (line.call_id.clone(), self.devices[line.device].address);
        let text = format!(
            "{method} sip:192.0.2.1:5060 SIP/2.0\nVia: SIP/2.0/UDP {source};branch=z9hG4bKhand{cseq}{method};rport\n\
             Max-Forwards: 70\nFrom: <sip:hand@{source}>;tag={own}\nTo: <sip:baton@192.0.2.1>;tag={peer}\n\
             Call-ID: {call_id}\nCSeq: {cseq} {method}\nContact: <sip:hand@{source}>\n{extra}"
        );
        self.send_text(source, &text);
    }
}

/// The directory.
impl World {
    /// Puts the changed [`World::directory`] in force.
    pub fn apply_directory(&mut self) {
        let directory = Box::new(self.directory.clone());
        let done = self.command(Command::SetDirectory(directory));
        assert!(done.is_ok(), "the directory is in force: {done:?}");
    }
}

/// Statuses.
impl World {
    pub fn set_status(&mut self, agent: &str, status: &str) {
        let done = self.command(Command::SetStatus { agent: agent.into(), status: status.into() });
        assert!(done.is_ok(), "{agent} is {status}: {done:?}");
        self.settle();
    }
}

/// Without waiting for what follows: for races.
impl World {
    pub fn answer_now(&mut self, line: u64) {
        self.answer_line(line);
    }

    pub fn call_in_now(&mut self, who: &str, number: &str) {
        let trunk = self.device("pbx");
        self.call(trunk, who, number, |_| {});
    }
}

impl World {
    /// An agent dials at its phone, without waiting; nothing when the phone cannot.
    pub fn dial_now(&mut self, agent: &str, number: &str) {
        let device = self.device(agent);
        self.call(device, agent, number, |_| {});
    }

    /// A key by INFO, without waiting.
    pub fn send_digit(&mut self, device: usize, session: baton_sip::SessionId, digit: char) {
        self.device_command(device, SipCommand::SendDigit { session, digit, duration_ms: 100 });
    }
}

/// A far end that is referred.
impl World {
    /// From now on it thinks over what it is asked for by REFER.
    pub fn ponder(&mut self, who: &str) {
        let id = self.line_id(who);
        self.lines.get_mut(&id).expect("a live line").ponders = true;
    }

    /// What it was asked for: the Refer-To, and whether there was a Replaces.
    pub fn asked(&self, who: &str) -> Option<(String, bool)> {
        let (_, target) = self.line(who).asked.as_ref()?;
        Some((target.target.uri.clone(), target.replaces.is_some()))
    }

    pub fn accept_refer(&mut self, who: &str) {
        self.about_refer(who, |session, transfer| SipCommand::AcceptTransfer { session, transfer });
    }

    pub fn refuse_refer(&mut self, who: &str, status: u16) {
        self.about_refer(who, |session, transfer| SipCommand::RefuseTransfer { session, transfer, status });
    }

    /// Tells how the call goes that it was asked for.
    pub fn report_refer(&mut self, who: &str, status: u16) {
        let reason = String::new();
        self.about_refer(who, |session, transfer| SipCommand::ReportTransfer { session, transfer, status, reason });
    }

    fn about_refer(&mut self, who: &str, command: impl FnOnce(SessionId, TransferId) -> SipCommand) {
        let line = self.line(who);
        let Some((transfer, _)) = &line.asked else { panic!("{who} was asked for nothing\n{}", self.ladder) };
        let (device, command) = (line.device, command(line.session, *transfer));
        assert!(self.device_command(device, command), "{who} can answer its REFER\n{}", self.ladder);
        self.settle();
    }

    /// A called party's 302.
    pub fn redirect(&mut self, who: &str, uri: &str) {
        let id = self.line_in(who, LineState::Ringing);
        let line = self.lines.get_mut(&id).expect("a live line");
        line.state = LineState::Over;
        let (device, session) = (line.device, line.session);
        self.device_command(device, SipCommand::Redirect { session, contacts: vec![uri.into()] });
        self.settle();
    }
}
