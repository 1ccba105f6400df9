//! Subscriptions (RFC 6665): who may watch, when it is told what, and how a subscription ends.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::digest::{Algorithm, answer, ha1};
use baton_sip::events::{DialogInfo, DialogPhase, Presence, WatchedDialog};
use baton_sip::wire::{Challenge, Method};
use baton_sip::*;
use world::*;

const PASSWORD: &str = "secret";

fn access() -> Access {
    let account = |name: &str| Account {
        ha1_md5: ha1(name, "baton", PASSWORD, Algorithm::Md5),
        ha1_sha256: ha1(name, "baton", PASSWORD, Algorithm::Sha256),
    };
    let accounts = ["101", "102", "carrier"].iter().map(|name| (name.to_string(), account(name))).collect();
    let peer = TrustedPeer { peer: PeerId(1), network: "192.0.2.99".parse().unwrap(), prefix: 32, port: None };
    Access { accounts, asserting: ["carrier".to_string()].into(), peers: vec![peer], ..Access::default() }
}

/// A phone that watches, written by hand.
struct Watcher {
    desk: Desk,
    account: &'static str,
    cseq: u32,
    call_id: String,
}

impl Watcher {
    fn new() -> Watcher {
        Watcher::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Watcher {
        let mut config = config(0);
        change(&mut config);
        Watcher { desk: Desk::with(config, access()), account: "101", cseq: 0, call_id: "watch".into() }
    }

    fn request(&mut self, method: &str, to_tag: &str, extra: &str) -> String {
        self.cseq += 1;
        let tag = if to_tag.is_empty() { String::new() } else { format!(";tag={to_tag}") };
        let (account, call_id, cseq, source) = (self.account, &self.call_id, self.cseq, self.desk.source);
        format!(
            "{method} sip:102@192.0.2.1 SIP/2.0\n\
             Via: SIP/2.0/UDP {source};branch=z9hG4bK{call_id}{method}{cseq};rport\n\
             Max-Forwards: 70\n\
             From: <sip:{account}@192.0.2.1>;tag=mine\n\
             To: <sip:102@192.0.2.1>{tag}\n\
             Call-ID: {call_id}\n\
             CSeq: {cseq} {method}\n\
             Contact: <sip:{account}@10.0.0.5:5062>\n\
             {extra}"
        )
    }

    /// Sends a request outside a dialog with credentials, and gives the first answer to them.
    fn prove(&mut self, method: Method, extra: &str) -> String {
        let text = self.request(method.as_str(), "", extra);
        let text = text.replace("REGISTER sip:102@192.0.2.1", "REGISTER sip:192.0.2.1");
        let uri = text.split(' ').nth(1).unwrap().to_owned();
        let before = self.desk.endpoint.transactions_len();
        self.desk.send(&text);
        let challenge = self.desk.next();
        let (name, own) = match method {
            Method::Register => ("WWW-Authenticate", "Authorization"),
            _ => ("Proxy-Authenticate", "Proxy-Authorization"),
        };
        assert_eq!(self.desk.endpoint.transactions_len(), before, "a challenge leaves no state: {challenge}");
        let challenge = Challenge::parse(&header(&challenge, name)).unwrap();
        let credentials = Credentials { username: self.account.into(), password: PASSWORD.into() };
        let proof = answer(&challenge, &credentials, &method, &uri, b"", "cnonce", 1).unwrap();
        let mut again = self.request(method.as_str(), "", &format!("{own}: {proof}\n{extra}"));
        if method == Method::Register {
            again = again
                .replace("REGISTER sip:102@192.0.2.1", "REGISTER sip:192.0.2.1")
                .replace("To: <sip:102@", "To: <sip:101@");
        }
        self.desk.send(&again);
        self.desk.sent.pop_front().unwrap_or_default()
    }

    /// Subscribes to 102's calls. The subscription, the 200 and the first NOTIFY, which is not answered.
    fn watch(&mut self, extra: &str) -> (SubscriptionId, String, String) {
        let sent = self.prove(Method::Subscribe, &format!("Event: dialog\n{extra}"));
        assert_eq!(sent, "", "nothing before the decision");
        let asked = self.desk.events.pop_back();
        let Some(Event::SubscriptionAsked { subscription, account, package, target }) = asked else {
            panic!("nobody was asked: {asked:?}")
        };
        assert_eq!((account.as_str(), package, target.user.as_str()), ("101", Package::Dialog, "102"));
        self.desk.command(Command::AcceptSubscription { subscription, state: Box::new(calls(&[])) }).unwrap();
        self.desk.flows.clear();
        (subscription, self.desk.sent.pop_front().unwrap(), self.desk.sent.pop_front().unwrap())
    }

    fn publish(&mut self, subscription: SubscriptionId, state: EventState) {
        self.desk.command(Command::Publish { subscription, state: Box::new(state) }).unwrap();
    }

    fn notify(&mut self) -> String {
        let text = self.desk.sent.pop_front().expect("a NOTIFY");
        assert_eq!(title(text.as_bytes()), "NOTIFY");
        text
    }

    fn silent(&self) {
        assert!(self.desk.sent.is_empty(), "{:?}", self.desk.sent);
    }
}

/// 102's calls, by number and phase.
fn calls(all: &[(&str, DialogPhase)]) -> EventState {
    let dialog = |(id, phase): &(&str, DialogPhase)| WatchedDialog {
        id: (*id).to_owned(),
        initiator: false,
        phase: *phase,
        held: false,
    };
    EventState::Dialog(DialogInfo { entity: "sip:102@192.0.2.1".into(), dialogs: all.iter().map(dialog).collect() })
}

fn version(notify: &str) -> String {
    notify.split("version=\"").nth(2).unwrap_or("").split('"').next().unwrap_or("").to_owned()
}

#[test]
fn a_phone_is_told_at_once_what_is_true_and_then_what_changes() {
    let mut phone = Watcher::new();
    let (subscription, ok, first) = phone.watch("Expires: 600");
    assert_eq!((title(ok.as_bytes()), header(&ok, "Expires")), ("200 SUBSCRIBE".into(), "600".into()));
    assert!(!header(&ok, "Contact").is_empty() && !tag(&header(&ok, "To")).is_empty(), "{ok}");
    for (name, wanted) in [
        ("Event", "dialog"),
        ("Subscription-State", "active;expires=600"),
        ("Content-Type", "application/dialog-info+xml"),
        ("Call-ID", "watch"),
        ("To", "<sip:101@192.0.2.1>;tag=mine"),
    ] {
        assert_eq!(header(&first, name), wanted);
    }
    assert!(first.starts_with("NOTIFY sip:101@10.0.0.5:5062 SIP/2.0"), "{first}");
    assert_eq!(tag(&header(&first, "From")), tag(&header(&ok, "To")));
    assert_eq!(version(&first), "0");
    phone.desk.answer(&first, "200 OK", "", "");
    phone.publish(subscription, calls(&[]));
    phone.desk.run(10 * SECOND);
    phone.silent();
    phone.publish(subscription, calls(&[("7", DialogPhase::Early)]));
    let second = phone.notify();
    assert_eq!((version(&second).as_str(), header(&second, "CSeq").as_str()), ("1", "2 NOTIFY"));
    assert!(second.contains("<state>early</state>"), "{second}");
    phone.desk.answer(&second, "200 OK", "", "");
    phone.desk.run(10 * SECOND);
    phone.publish(subscription, calls(&[]));
    assert!(phone.notify().contains("<state>terminated</state>"));
    phone.desk.no_event();
}

#[test]
fn a_burst_of_changes_is_told_once_a_second_and_in_order() {
    let mut phone = Watcher::new();
    let (subscription, _, first) = phone.watch("");
    // The first one is not answered yet: nothing overtakes it.
    phone.publish(subscription, calls(&[("1", DialogPhase::Trying)]));
    phone.silent();
    phone.desk.run(100 * MILLISECOND);
    phone.desk.answer(&first, "200 OK", "", "");
    phone.silent();
    for phase in [DialogPhase::Early, DialogPhase::Confirmed] {
        phone.publish(subscription, calls(&[("1", phase)]));
    }
    phone.desk.run(899 * MILLISECOND);
    phone.silent();
    phone.desk.run(2 * MILLISECOND);
    let told = phone.notify();
    assert!(told.contains("<state>confirmed</state>") && version(&told) == "1", "{told}");
    phone.desk.answer(&told, "200 OK", "", "");
    // What has gone back to what the phone knows is not told.
    phone.publish(subscription, calls(&[]));
    phone.publish(subscription, calls(&[("1", DialogPhase::Confirmed)]));
    phone.desk.run(5 * SECOND);
    phone.silent();
}

#[test]
fn a_subscription_is_prolonged_and_ended_by_its_phone() {
    let mut phone = Watcher::new();
    let (subscription, ok, first) = phone.watch("Expires: 100");
    let to_tag = tag(&header(&ok, "To"));
    phone.desk.answer(&first, "200 OK", "", "");
    phone.desk.run(90 * SECOND);
    let refresh = phone.request("SUBSCRIBE", &to_tag, "Event: dialog\nExpires: 100");
    phone.desk.send(&refresh);
    assert_eq!(phone.desk.sent.pop_front().map(|ok| title(ok.as_bytes())).unwrap(), "200 SUBSCRIBE");
    let owed = phone.notify();
    assert_eq!((header(&owed, "Subscription-State").as_str(), version(&owed).as_str()), ("active;expires=100", "1"));
    phone.desk.answer(&owed, "200 OK", "", "");
    phone.desk.run(90 * SECOND);
    phone.desk.no_event();
    let end = phone.request("SUBSCRIBE", &to_tag, "Event: dialog\nExpires: 0");
    phone.desk.send(&end);
    assert_eq!(header(&phone.desk.sent.pop_front().unwrap(), "Expires"), "0");
    let last = phone.notify();
    assert_eq!(header(&last, "Subscription-State"), "terminated;reason=timeout");
    assert_eq!(phone.desk.event(), Some(Event::Unsubscribed { subscription }));
    phone.desk.answer(&last, "200 OK", "", "");
    assert_eq!(phone.desk.endpoint.subscriptions_len(), 0);
    let late = phone.request("SUBSCRIBE", &to_tag, "Event: dialog\nExpires: 100");
    phone.desk.send(&late);
    assert_eq!(phone.desk.titles(), ["481 SUBSCRIBE"]);
    phone.desk.run(400 * SECOND);
    assert_eq!((phone.desk.endpoint.transactions_len(), phone.desk.endpoint.next_timeout_us()), (0, None));
}

#[test]
fn a_subscribe_with_expires_0_fetches_once() {
    let mut phone = Watcher::new();
    let (subscription, ok, only) = phone.watch("Expires: 0");
    assert_eq!(header(&ok, "Expires"), "0");
    assert_eq!(header(&only, "Subscription-State"), "terminated;reason=timeout");
    assert!(only.contains("<dialog-info"), "{only}");
    assert_eq!(phone.desk.event(), Some(Event::Unsubscribed { subscription }));
    phone.desk.answer(&only, "200 OK", "", "");
    assert_eq!(phone.desk.endpoint.subscriptions_len(), 0);
}

#[test]
fn a_subscription_that_expires_is_told_so() {
    let mut phone = Watcher::new();
    let (subscription, _, first) = phone.watch("Expires: 60");
    phone.desk.answer(&first, "200 OK", "", "");
    phone.desk.run(60 * SECOND);
    assert_eq!(header(&phone.notify(), "Subscription-State"), "terminated;reason=timeout");
    assert_eq!(phone.desk.event(), Some(Event::Unsubscribed { subscription }));
    phone.desk.run(33 * SECOND);
    assert_eq!(phone.desk.endpoint.subscriptions_len(), 0, "nobody answers, nobody waits for ever");
}

#[test]
fn what_cannot_be_subscribed_to_is_refused_with_what_can() {
    // Before anybody has proven anything, and without state.
    for (extra, status, name, value) in [
        ("Event: message-summary", "489", "Allow-Events", "refer, dialog, presence, conference"),
        ("Event: refer", "489", "Allow-Events", "refer, dialog, presence, conference"),
        ("", "489", "Allow-Events", "refer, dialog, presence, conference"),
        ("Event: dialog\nRequire: eventlist", "420", "Unsupported", "eventlist"),
    ] {
        let mut phone = Watcher::new();
        let text = phone.request("SUBSCRIBE", "", extra);
        phone.desk.send(&text);
        let refused = phone.desk.next();
        assert_eq!(title(refused.as_bytes()), format!("{status} SUBSCRIBE"), "{extra}");
        assert_eq!(header(&refused, name), value);
        assert_eq!(phone.desk.endpoint.transactions_len(), 0);
    }
    for (extra, status, name, value) in [
        ("Event: dialog\nExpires: 59", "423", "Min-Expires", "60"),
        ("Event: dialog\nExpires: soon", "400", "", ""),
        ("Event: presence\nAccept: application/dialog-info+xml", "406", "Accept", "application/pidf+xml"),
    ] {
        let mut phone = Watcher::new();
        let refused = phone.prove(Method::Subscribe, extra);
        assert_eq!(title(refused.as_bytes()), format!("{status} SUBSCRIBE"), "{extra}");
        assert_eq!(header(&refused, name), value);
        phone.desk.no_event();
        assert_eq!(phone.desk.endpoint.subscriptions_len(), 0);
    }
}

#[test]
fn only_phones_that_have_proven_it_may_watch() {
    let mut phone = Watcher::new();
    let text = phone.request("SUBSCRIBE", "", "Event: dialog");
    phone.desk.send(&text);
    assert_eq!(phone.desk.titles(), ["407 SUBSCRIBE"]);
    // A trunk, by its address or by its password.
    let mut trunk = Watcher::new();
    trunk.desk.source = "192.0.2.99:5060".parse().unwrap();
    let text = trunk.request("SUBSCRIBE", "", "Event: dialog");
    trunk.desk.send(&text);
    assert_eq!(trunk.desk.titles(), ["403 SUBSCRIBE"]);
    let mut trunk = Watcher::new();
    trunk.account = "carrier";
    assert_eq!(title(trunk.prove(Method::Subscribe, "Event: dialog").as_bytes()), "403 SUBSCRIBE");
    assert_eq!(trunk.desk.endpoint.subscriptions_len(), 0);
}

#[test]
fn subscriptions_are_limited_for_each_phone_and_in_all() {
    for (per_account, in_all, status) in [(2, 10, "403 SUBSCRIBE"), (10, 2, "503 SUBSCRIBE")] {
        let mut phone = Watcher::with(|config| {
            (config.subscriptions_per_account_max, config.subscriptions_max) = (per_account, in_all);
        });
        for number in 0..2 {
            phone.call_id = format!("watch{number}");
            let (_, _, first) = phone.watch("");
            phone.desk.answer(&first, "200 OK", "", "");
            phone.desk.run(40 * SECOND);
        }
        phone.call_id = "one-more".into();
        let refused = phone.prove(Method::Subscribe, "Event: dialog");
        assert_eq!(title(refused.as_bytes()), status);
        assert_eq!(phone.desk.endpoint.subscriptions_len(), 2);
    }
}

#[test]
fn a_notify_that_fails_ends_its_subscription_unless_the_phone_says_when_to_try_again() {
    for (answer, extra, goes_on) in [
        ("481 Call/Transaction Does Not Exist", "", false),
        ("481 Call/Transaction Does Not Exist", "Retry-After: 1", false),
        ("500 Server Error", "", false),
        ("489 Bad Event", "", false),
        ("503 Service Unavailable", "Retry-After: 20", true),
        ("503 Service Unavailable", "Retry-After: 0", true),
        ("503 Service Unavailable", "Retry-After: 3600", false),
    ] {
        let mut phone = Watcher::new();
        let (subscription, _, first) = phone.watch("");
        phone.desk.answer(&first, answer, "", extra);
        if !goes_on {
            assert_eq!(phone.desk.event(), Some(Event::Unsubscribed { subscription }), "{answer} {extra}");
            assert_eq!(phone.desk.endpoint.subscriptions_len(), 0);
            continue;
        }
        phone.desk.no_event();
        phone.silent();
        phone.desk.run(20 * SECOND);
        let again = phone.notify();
        assert_eq!(header(&again, "CSeq"), "2 NOTIFY");
        phone.desk.answer(&again, "200 OK", "", "");
        assert_eq!(phone.desk.endpoint.subscriptions_len(), 1);
    }
}

#[test]
fn a_subscription_that_ends_goes_with_its_connection() {
    let one = ConnectionHandle(1);
    let mut watcher = Watcher::new();
    watcher.desk.connect(one, "198.51.100.9:40000".parse().unwrap());
    let (_, ok, _) = watcher.watch("");
    // It is ended while its first notification is still unanswered, and then nothing can be told any more.
    let end = watcher.request("SUBSCRIBE", &tag(&header(&ok, "To")), "Event: dialog\nExpires: 0\n");
    watcher.desk.send(&end);
    assert_eq!(watcher.desk.titles(), ["200 SUBSCRIBE"]);
    watcher.desk.handle(Input::StreamClosed { connection: one });
    watcher.desk.run(10 * SECOND);
    assert_eq!(watcher.desk.endpoint.subscriptions_len(), 0);
}

#[test]
fn a_phone_that_answers_no_notify_has_lost_its_subscription() {
    let mut phone = Watcher::new();
    let (subscription, _, _) = phone.watch("");
    phone.desk.run(33 * SECOND);
    assert_eq!(phone.desk.event(), Some(Event::Unsubscribed { subscription }));
    assert_eq!(phone.desk.endpoint.subscriptions_len(), 0);
    let refused = phone.desk.command(Command::Publish { subscription, state: Box::new(calls(&[])) });
    assert_eq!(refused, Err(CommandRefused::NoSession));
}

#[test]
fn a_phone_that_registers_from_another_place_is_notified_there() {
    let mut phone = Watcher::new();
    phone.desk.source = "198.51.100.9:40000".parse().unwrap();
    assert_eq!(title(phone.prove(Method::Register, "").as_bytes()), "200 REGISTER");
    let (subscription, _, first) = phone.watch("");
    phone.desk.answer(&first, "200 OK", "", "");
    phone.desk.source = "198.51.100.9:50000".parse().unwrap();
    phone.call_id = "again".into();
    assert_eq!(title(phone.prove(Method::Register, "").as_bytes()), "200 REGISTER");
    phone.desk.run(SECOND);
    phone.desk.flows.clear();
    phone.publish(subscription, calls(&[("1", DialogPhase::Early)]));
    phone.notify();
    assert_eq!(phone.desk.flows.pop_front().unwrap().remote, phone.desk.source);
}

#[test]
fn what_nobody_decides_or_grants_is_refused() {
    let mut phone = Watcher::new();
    assert_eq!(phone.prove(Method::Subscribe, "Event: presence"), "");
    let Some(Event::SubscriptionAsked { subscription, .. }) = phone.desk.event() else { panic!() };
    let wrong = Command::AcceptSubscription { subscription, state: Box::new(calls(&[])) };
    assert_eq!(phone.desk.command(wrong), Err(CommandRefused::WrongState), "another package's state");
    phone.desk.command(Command::RefuseSubscription { subscription, status: 404 }).unwrap();
    assert_eq!(phone.desk.titles(), ["404 SUBSCRIBE"]);
    phone.call_id = "another".into();
    assert_eq!(phone.prove(Method::Subscribe, "Event: presence"), "");
    phone.desk.run(33 * SECOND);
    assert_eq!(phone.desk.titles().pop().unwrap(), "500 SUBSCRIBE");
    assert_eq!(phone.desk.endpoint.subscriptions_len(), 0);
}

#[test]
fn subscriptions_end_with_their_account_and_when_they_are_ended() {
    for (command, reason) in [(None, "rejected"), (Some(EndReason::NoResource), "noresource")] {
        let mut phone = Watcher::new();
        let (subscription, _, first) = phone.watch("");
        phone.desk.answer(&first, "200 OK", "", "");
        match command {
            Some(reason) => {
                phone.desk.command(Command::EndSubscription { subscription, reason }).unwrap();
                phone.desk.no_event();
            }
            None => {
                let mut left = access();
                left.accounts.remove("101");
                phone.desk.command(Command::SetAccess(left)).unwrap();
                assert_eq!(phone.desk.event(), Some(Event::Unsubscribed { subscription }));
            }
        }
        let last = phone.notify();
        assert_eq!(header(&last, "Subscription-State"), format!("terminated;reason={reason}"));
        phone.desk.answer(&last, "200 OK", "", "");
        assert_eq!(phone.desk.endpoint.subscriptions_len(), 0);
    }
}

#[test]
fn a_subscription_is_frozen_and_revived_between_any_two_messages() {
    let mut phone = Watcher::new();
    let revive = |phone: &mut Watcher| {
        let text = serde_json::to_string(&phone.desk.endpoint).unwrap();
        let revived: Endpoint = serde_json::from_str(&text).unwrap();
        assert!(phone.desk.endpoint == revived);
        phone.desk.endpoint = revived;
    };
    let (subscription, _, first) = phone.watch("");
    revive(&mut phone);
    phone.publish(subscription, calls(&[("1", DialogPhase::Early)]));
    revive(&mut phone);
    phone.desk.answer(&first, "200 OK", "", "");
    revive(&mut phone);
    phone.desk.run(SECOND);
    assert!(phone.notify().contains("early"));
}

#[test]
fn presence_is_told_in_its_own_document_and_pace() {
    let mut phone = Watcher::new();
    assert_eq!(phone.prove(Method::Subscribe, "Event: presence;id=7"), "");
    let Some(Event::SubscriptionAsked { subscription, package, .. }) = phone.desk.event() else { panic!() };
    assert_eq!(package, Package::Presence);
    let state = |open| {
        let entity = "sip:102@192.0.2.1".to_string();
        Box::new(EventState::Presence(Presence { entity, open, note: "Lunch".into(), activity: None }))
    };
    phone.desk.command(Command::AcceptSubscription { subscription, state: state(false) }).unwrap();
    phone.desk.sent.pop_front();
    let first = phone.notify();
    assert_eq!(header(&first, "Event"), "presence;id=7");
    assert!(first.contains("<basic>closed</basic>") && first.contains("<note>Lunch</note>"), "{first}");
    phone.desk.answer(&first, "200 OK", "", "");
    phone.desk.command(Command::Publish { subscription, state: state(true) }).unwrap();
    phone.desk.run(4_900 * MILLISECOND);
    phone.silent();
    phone.desk.run(200 * MILLISECOND);
    assert!(phone.notify().contains("<basic>open</basic>"));
}
