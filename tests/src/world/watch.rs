//! A phone's subscription, written by hand, with digest (RFC 6665 §4.1).

use std::net::SocketAddr;

use baton_sip::Credentials;
use baton_sip::digest::{answer, choose};
use baton_sip::wire::{HeaderName, Message, Method};
use bytes::Bytes;

use super::{BATON, World, office};

/// A phone's side of a subscription.
#[derive(Debug, Clone)]
pub struct Watch {
    /// The status of the last final response to its SUBSCRIBE.
    pub status: Option<u16>,
    /// The documents that came, in order.
    pub told: Vec<String>,
    /// The Subscription-State that came last.
    pub state: String,
    /// What the phone answers notifications with.
    pub answers: u16,
    device: usize,
    account: String,
    uri: String,
    event: String,
    call_id: String,
    to_tag: String,
    cseq: u32,
}

impl World {
    /// A phone subscribes to what a number stands for. The number of its watch.
    pub fn watch(&mut self, who: &str, event: &str, number: &str) -> usize {
        let device = self.device(who);
        let account = self.devices[device].registration.as_ref().map(|each| each.account.clone());
        let at = self.watches.len();
        self.watches.push(Watch {
            status: None,
            told: Vec::new(),
            state: String::new(),
            answers: 200,
            device,
            account: account.expect("phones watch"),
            uri: format!("sip:{number}@192.0.2.1"),
            event: event.into(),
            call_id: format!("watch-{at}"),
            to_tag: String::new(),
            cseq: 0,
        });
        self.subscribe(at, 3_600);
        at
    }

    /// A phone prolongs its subscription, or with 0 ends it.
    pub fn subscribe(&mut self, at: usize, expires_s: u32) {
        self.watches[at].status = None;
        self.send_subscribe(at, &format!("Expires: {expires_s}\r\n"));
        self.run_ms(100);
    }

    /// What a watch was told last.
    #[track_caller]
    pub fn told(&self, at: usize) -> &str {
        self.watches[at].told.last().expect("something was told")
    }

    fn send_subscribe(&mut self, at: usize, extra: &str) {
        let watch = &mut self.watches[at];
        watch.cseq += 1;
        let address = self.devices[watch.device].address;
        let Watch { account, uri, event, call_id, cseq, .. } = &*watch;
        let tag = if watch.to_tag.is_empty() { String::new() } else { format!(";tag={}", watch.to_tag) };
        let text = format!(
            "SUBSCRIBE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{call_id}-{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{account}@192.0.2.1>;tag={call_id}\r\nTo: <{uri}>{tag}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} SUBSCRIBE\r\nContact: <sip:{account}@{address}>\r\n\
             Event: {event}\r\n{extra}Content-Length: 0\r\n\r\n"
        );
        self.transmit(address, SocketAddr::from(BATON), Bytes::from(text));
    }

    /// Takes a message of a watch's dialog; whether it was one.
    pub(super) fn watch_message(&mut self, device: usize, bytes: &Bytes) -> bool {
        let Ok(message) = Message::parse(bytes.clone()) else { return false };
        let own = |watch: &Watch| watch.device == device && watch.call_id == message.call_id();
        let Some(at) = self.watches.iter().position(own) else { return false };
        if message.is_request() {
            self.notified(at, &message);
        } else {
            self.subscribe_response(at, &message);
        }
        true
    }

    fn notified(&mut self, at: usize, notify: &Message) {
        let watch = &mut self.watches[at];
        watch.state = notify.header(HeaderName::SubscriptionState).unwrap_or("").to_owned();
        watch.told.push(String::from_utf8_lossy(&notify.body()).into_owned());
        let (address, status) = (self.devices[watch.device].address, watch.answers);
        let answer = notify.response(status, "", None).finish().expect("a response");
        self.transmit(address, SocketAddr::from(BATON), answer);
    }

    fn subscribe_response(&mut self, at: usize, response: &Message) {
        let watch = &mut self.watches[at];
        let first = watch.status != Some(407);
        watch.status = Some(response.status());
        if response.status() == 200 {
            watch.to_tag = response.to_tag().unwrap_or("").to_owned();
        }
        let challenges = response.challenges(HeaderName::ProxyAuthenticate);
        let (Some(challenge), true) = (choose(&challenges), first) else { return };
        let agent = self.devices[watch.device].registration.as_ref().map(|each| each.agent.clone());
        let password = office::password(&agent.expect("phones watch"));
        let credentials = Credentials { username: watch.account.clone(), password };
        let digest = answer(challenge, &credentials, &Method::Subscribe, &watch.uri, b"", "dice", 1);
        let digest = digest.expect("a usable challenge");
        self.send_subscribe(at, &format!("Proxy-Authorization: {digest}\r\nExpires: 3600\r\n"));
    }
}
