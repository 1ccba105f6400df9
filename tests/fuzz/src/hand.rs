//! A hand that writes SIP messages to the machine under test: calls of its own, answers to what it heard, requests in
//! every dialog it knows, and any of them again, changed or in the wrong order.

use std::collections::VecDeque;
use std::net::SocketAddr;

use baton_sip::wire::{Challenge, HeaderName, Message};
use baton_sip::{Credentials, digest};
use bytes::Bytes;

use crate::mutate;
use crate::steps::Step;

/// Most messages that are remembered, each way.
const REMEMBERED_MAX: usize = 24;

const METHODS: &[&str] = &[
    "BYE",
    "INVITE",
    "ACK",
    "UPDATE",
    "REFER",
    "INFO",
    "PRACK",
    "NOTIFY",
    "OPTIONS",
    "CANCEL",
    "MESSAGE",
    "SUBSCRIBE",
];
const STATUSES: &[u16] = &[
    200, 180, 183, 100, 486, 487, 481, 491, 401, 407, 302, 422, 503, 500, 408, 202, 199, 420, 423, 600, 603, 300, 699,
    404,
];
const HOLDS: &[&str] = &["sendrecv", "sendonly", "inactive", "recvonly"];

/// A message that came from the machine.
#[derive(Debug, Clone)]
struct Heard {
    from: SocketAddr,
    message: Message,
}

/// A message that was sent to it.
#[derive(Debug, Clone)]
struct Said {
    from: SocketAddr,
    bytes: Bytes,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Hand {
    /// The machine's address, as it stands in what is sent.
    machine: SocketAddr,
    /// Whom calls are for.
    users: &'static [&'static str],
    heard: VecDeque<Heard>,
    said: VecDeque<Said>,
    /// For what must be fresh.
    number: u32,
}

/// A message and the address that it comes from.
pub(crate) type Letter = (SocketAddr, Bytes);

impl Hand {
    pub(crate) fn new(machine: SocketAddr, users: &'static [&'static str]) -> Hand {
        Hand { machine, users, heard: VecDeque::new(), said: VecDeque::new(), number: 0 }
    }

    /// Keeps what the machine sent to `to`, which may be answered from there.
    pub(crate) fn hear(&mut self, to: SocketAddr, bytes: &Bytes) {
        let Ok(message) = Message::parse(bytes.clone()) else { return };
        self.heard.push_front(Heard { from: to, message });
        self.heard.truncate(REMEMBERED_MAX);
    }

    /// The letter that a step stands for; `None` when there is nothing yet to answer or to repeat.
    pub(crate) fn write(&mut self, step: Step, from: SocketAddr) -> Option<Letter> {
        self.number += 1;
        let letter = match step.byte(1) % 8 {
            0 => Some((from, self.call(step, from))),
            1 | 2 => self.respond(step),
            3 | 4 => self.request(step),
            5 => self.again(step),
            6 => self.changed(step),
            _ => self.authorize(step),
        };
        if let Some((from, bytes)) = &letter {
            self.said.push_front(Said { from: *from, bytes: bytes.clone() });
            self.said.truncate(REMEMBERED_MAX);
        }
        letter
    }

    /// A REGISTER, without credentials at first.
    pub(crate) fn register(&mut self, step: Step, from: SocketAddr, account: &str) -> Letter {
        self.number += 1;
        let number = self.number;
        let expires = step.one(3, &[300, 0, 1, 60, 3_600, 86_400]);
        let contact =
            if step.bit(4, 0) { "*".to_owned() } else { format!("<sip:{account}@{from}>;q=0.{}", step.byte(5) % 10) };
        let bytes = Bytes::from(format!(
            "REGISTER sip:{} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKr{number};rport\r\nFrom: <sip:{account}@b>;tag=r{number}\r\n\
             To: <sip:{account}@b>\r\nCall-ID: r{}\r\nCSeq: {number} REGISTER\r\nContact: {contact}\r\nExpires: {expires}\r\n\
             Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            self.machine,
            step.byte(6) % 3,
        ));
        self.said.push_front(Said { from, bytes: bytes.clone() });
        self.said.truncate(REMEMBERED_MAX);
        (from, bytes)
    }

    /// A new call.
    fn call(&self, step: Step, from: SocketAddr) -> Bytes {
        let number = self.number;
        let user = step.one(2, self.users);
        let mut extra = String::new();
        for (bit, header) in [
            (0, "Supported: 100rel, timer, replaces\r\n"),
            (1, "Require: 100rel\r\n"),
            (2, "Session-Expires: 90;refresher=uac\r\n"),
            (3, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE, REFER, NOTIFY, PRACK\r\n"),
            (4, "Privacy: id\r\nP-Asserted-Identity: <sip:+4940@carrier.example>\r\n"),
            (5, "Record-Route: <sip:192.0.2.200;lr>\r\n"),
            (6, "Max-Forwards: 1\r\nUser-to-User: 00aa;encoding=hex\r\n"),
        ] {
            if step.bit(3, bit) {
                extra.push_str(header);
            }
        }
        if step.bit(3, 7)
            && let Some(heard) = self.heard.get(usize::from(step.byte(4)) % REMEMBERED_MAX)
        {
            let (call, to, from) = (heard.message.call_id(), heard.message.to_tag(), heard.message.from_tag());
            let early = if step.bit(5, 7) { ";early-only" } else { "" };
            let (to, from) = (to.unwrap_or("0"), from.unwrap_or("0"));
            extra.push_str(&format!("Replaces: {call};to-tag={to};from-tag={from}{early}\r\n"));
        }
        let head = format!(
            "INVITE sip:{user}@{} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKc{number}\r\nFrom: \"C\" <sip:+4917@{from}>;tag=c{number}\r\n\
             To: <sip:{user}@{}>\r\nCall-ID: c{number}\r\nCSeq: 1 INVITE\r\nContact: <sip:c@{from}>\r\n{extra}",
            self.machine, self.machine,
        );
        with_body(head, sdp(step, 5, from))
    }

    /// A response to a request that was heard.
    fn respond(&self, step: Step) -> Option<Letter> {
        let requests: Vec<&Heard> = self.heard.iter().filter(|heard| heard.message.is_request()).collect();
        let Heard { from, message } = step.of(2, &requests)?;
        let status = step.one(3, STATUSES);
        let mut extra = String::new();
        for (bit, header) in [
            (0, "Require: 100rel\r\nRSeq: 1\r\n"),
            (1, "Require: 100rel\r\nRSeq: 2\r\n"),
            (2, "Record-Route: <sip:192.0.2.200;lr>\r\n"),
            (3, "Session-Expires: 90;refresher=uas\r\nRequire: timer\r\n"),
            (4, "Allow: INVITE, ACK, BYE, CANCEL, UPDATE\r\n"),
            (5, "Retry-After: 5\r\nMin-SE: 1800\r\nMin-Expires: 600\r\n"),
            (6, "Reason: Q.850;cause=17\r\nP-Asserted-Identity: <sip:b@b>\r\n"),
        ] {
            if step.bit(4, bit) {
                extra.push_str(header);
            }
        }
        if matches!(status, 401 | 407) {
            let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
            extra.push_str(&format!("{name}: Digest realm=\"far\", nonce=\"n{}\", qop=\"auth\"\r\n", step.byte(6) % 3));
        }
        let tag = if status == 100 { String::new() } else { format!(";tag=h{}", step.byte(6) % 3) };
        let to = message.header(HeaderName::To)?;
        let to = if message.to_tag().is_some() { to.to_owned() } else { format!("{to}{tag}") };
        let head = format!(
            "SIP/2.0 {status} X\r\n{}From: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:h@{from}>\r\n{extra}",
            vias(message),
            message.header(HeaderName::From)?,
            message.call_id(),
            message.header(HeaderName::CSeq)?,
        );
        Some((*from, with_body(head, sdp(step, 5, *from))))
    }

    /// A request in the dialog of a message that was heard, or the ACK or CANCEL of its transaction.
    fn request(&self, step: Step) -> Option<Letter> {
        let heard: Vec<&Heard> = self.heard.iter().collect();
        let Heard { from, message } = step.of(2, &heard)?;
        let method = step.one(3, METHODS);
        // A request of the machine's makes us its callee; a response of its, the caller.
        let (mut ours, mut theirs) =
            (message.header(HeaderName::From)?.to_owned(), message.header(HeaderName::To)?.to_owned());
        if message.is_request() {
            std::mem::swap(&mut ours, &mut theirs);
            if message.to_tag().is_none() {
                ours.push_str(&format!(";tag=h{}", step.byte(6) % 3));
            }
        }
        let cseq = message.cseq().number;
        let cseq = match (method, step.byte(4) % 4) {
            ("ACK" | "CANCEL", _) | (_, 1) => cseq,
            (_, 2) => cseq.wrapping_add(1),
            (_, 3) => cseq.saturating_sub(1),
            _ => self.number.wrapping_add(100),
        };
        let branch = match method {
            "ACK" if message.status() < 300 => format!("z9hG4bKa{}", self.number),
            "ACK" | "CANCEL" => message.branch().to_owned(),
            _ => format!("z9hG4bKd{}", self.number),
        };
        let uri = match message.contact() {
            Ok(Some(contact)) if method != "CANCEL" => contact.uri.to_string(),
            _ => format!("sip:{}@{}", step.one(7, self.users), self.machine),
        };
        let body = match method {
            "INVITE" | "UPDATE" | "ACK" | "PRACK" => sdp(step, 5, *from),
            "INFO" => Some(("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n".to_owned())),
            "NOTIFY" => Some(("message/sipfrag", format!("SIP/2.0 {} X\r\n", step.one(5, STATUSES)))),
            _ => None,
        };
        let extra = match method {
            "REFER" => self.refer_to(step),
            "PRACK" => format!("RAck: {} {} INVITE\r\n", step.byte(6) % 4, message.cseq().number),
            "NOTIFY" => {
                let state = step.one(6, &["active;expires=60", "terminated;reason=noresource", "pending"]);
                format!("Event: refer\r\nSubscription-State: {state}\r\n")
            }
            "SUBSCRIBE" => {
                format!("Event: {}\r\nExpires: 60\r\n", step.one(6, &["dialog", "presence", "refer", "conference"]))
            }
            "BYE" => "Reason: Q.850;cause=16\r\n".to_owned(),
            "INVITE" | "UPDATE" => {
                step.one(6, &["", "Session-Expires: 90;refresher=uas\r\nSupported: timer\r\n"]).to_owned()
            }
            _ => String::new(),
        };
        let head = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch={branch}\r\nFrom: {ours}\r\nTo: {theirs}\r\nCall-ID: {}\r\n\
             CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContact: <sip:h@{from}>\r\n{extra}",
            message.call_id(),
        );
        Some((*from, with_body(head, body)))
    }

    /// Refer-To an extension, a number, or a dialog that was heard of.
    fn refer_to(&self, step: Step) -> String {
        let user = step.one(5, self.users);
        let known = self.heard.get(usize::from(step.byte(6)) % REMEMBERED_MAX).filter(|_| step.bit(7, 0));
        let embedded = known.map_or_else(String::new, |heard| {
            let (to, from) = (heard.message.to_tag().unwrap_or("0"), heard.message.from_tag().unwrap_or("0"));
            let (to, from) = if step.bit(7, 1) { (from, to) } else { (to, from) };
            format!("?Replaces={}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}", heard.message.call_id())
        });
        let sub = if step.bit(7, 2) { "Refer-Sub: false\r\n" } else { "" };
        format!("Refer-To: <sip:{user}@{}{embedded}>\r\nReferred-By: <sip:h@b>\r\n{sub}", self.machine)
    }

    /// A message that was sent before, as it was.
    fn again(&self, step: Step) -> Option<Letter> {
        let at = usize::from(step.byte(2)) % self.said.len().max(1);
        self.said.get(at).map(|said| (said.from, said.bytes.clone()))
    }

    /// A message that was sent before, damaged.
    fn changed(&self, step: Step) -> Option<Letter> {
        let (from, bytes) = self.again(step)?;
        let others: Vec<&[u8]> = self.said.iter().map(|said| said.bytes.as_ref()).collect();
        Some((from, Bytes::from(mutate::mutate(&bytes, &others, true, step.seed()))))
    }

    /// The request that was challenged, with credentials for the account in its From, right or wrong.
    fn authorize(&self, step: Step) -> Option<Letter> {
        let is_challenge = |heard: &&Heard| matches!(heard.message.status(), 401 | 407) && !heard.message.is_request();
        let challenges: Vec<&Heard> = self.heard.iter().filter(is_challenge).collect();
        let Heard { message: response, .. } = step.of(2, &challenges)?;
        let (name, answer) = match response.status() {
            401 => (HeaderName::WwwAuthenticate, "Authorization"),
            _ => (HeaderName::ProxyAuthenticate, "Proxy-Authorization"),
        };
        let offered: Vec<Challenge> = response.challenges(name);
        let challenge = offered.get(usize::from(step.byte(3)) % offered.len().max(1))?;
        let said = self.said.iter().find(|said| {
            let request = Message::parse(said.bytes.clone()).ok();
            request.is_some_and(|request| request.call_id() == response.call_id() && request.cseq() == response.cseq())
        })?;
        let request = Message::parse(said.bytes.clone()).ok()?;
        let username = match request.method() {
            baton_sip::wire::Method::Register => request.to().party().user,
            _ => step.one(4, crate::targets::ACCOUNTS).to_owned(),
        };
        let password = if step.byte(5) == 255 { "wrong".to_owned() } else { crate::targets::password(&username) };
        let count = u32::from(step.byte(6) % 4) + 1;
        let credentials = Credentials { username, password };
        let uri = request.request_uri();
        let value = digest::answer(challenge, &credentials, request.method(), uri, &request.body(), "0a", count)?;
        let text = String::from_utf8(said.bytes.to_vec()).ok()?;
        let number = self.number;
        let cseq = request.header(HeaderName::CSeq)?;
        let next = request.cseq().number.wrapping_add(1);
        let text = text
            .replacen("branch=z9hG4bK", &format!("branch=z9hG4bKn{number}"), 1)
            .replacen(&format!("CSeq: {cseq}"), &format!("CSeq: {next} {}", request.method()), 1)
            .replacen("Call-ID:", &format!("{answer}: {value}\r\nCall-ID:"), 1);
        Some((said.from, Bytes::from(text)))
    }
}

/// The Via lines of a request, for its response.
fn vias(message: &Message) -> String {
    message.headers(HeaderName::Via).map(|via| format!("Via: {via}\r\n")).collect()
}

type Body = Option<(&'static str, String)>;

/// A description, or none, or something else, as the byte at a place says.
fn sdp(step: Step, at: usize, from: SocketAddr) -> Body {
    let choice = step.byte(at);
    let (version, hold) = (choice >> 4, HOLDS[usize::from(choice >> 2) % HOLDS.len()]);
    let address = if choice & 0x40 != 0 { "0.0.0.0".to_owned() } else { from.ip().to_string() };
    let audio = step.one(at, &["0 8 101", "8", "0", "18", "8 101"]);
    let text = format!(
        "v=0\r\no=- 7 {version} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 4{:03} RTP/AVP {audio}\r\n\
         a=rtpmap:101 telephone-event/8000\r\na={hold}\r\n",
        u16::from(choice) * 2,
    );
    match choice % 8 {
        0 => None,
        7 => Some(("application/sdp", "v=0\r\nrubbish".to_owned())),
        6 => Some((
            "multipart/mixed;boundary=b",
            format!(
                "--b\r\nContent-Type: application/sdp\r\n\r\n{text}\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n"
            ),
        )),
        _ => Some(("application/sdp", text)),
    }
}

fn with_body(head: String, body: Body) -> Bytes {
    Bytes::from(match body {
        None => format!("{head}Content-Length: 0\r\n\r\n"),
        Some((kind, text)) => format!("{head}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{text}", text.len()),
    })
}
