//! SIP over WebSocket (RFC 7118).

use super::*;

const BROWSER: &str = "198.51.100.9:50000";

fn browser_register(cseq: u32, extra: &str) -> String {
    format!(
        "REGISTER sip:example.com SIP/2.0\n\
         Via: SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bKreg{cseq}\n\
         Max-Forwards: 70\n\
         From: <sip:101@example.com>;tag=f\n\
         To: <sip:101@example.com>\n\
         Call-ID: browser\n\
         CSeq: {cseq} REGISTER\n\
         Contact: <sip:101@df7jal23ls0d.invalid;transport=ws>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\n\
         Supported: path, outbound\n\
         {extra}"
    )
}

/// A desk with a browser that has registered.
fn browser() -> (Desk, Binding) {
    let mut desk = Desk::with(all_transports(), account());
    open(&mut desk, WSS, BROWSER.parse().unwrap());
    push(&mut desk, message(&browser_register(1, "")));
    let challenge = Challenge::parse(&header(&desk.next(), "WWW-Authenticate")).unwrap();
    let own = Credentials { username: "101".into(), password: "secret".into() };
    let proof = answer(&challenge, &own, &Method::Register, "sip:example.com", b"", "cnonce", 1).unwrap();
    push(&mut desk, message(&browser_register(2, &format!("Authorization: {proof}\n"))));
    assert_eq!(desk.titles(), ["200 REGISTER"]);
    match desk.event() {
        Some(Event::BindingsChanged { bindings, .. }) => (desk, bindings[0].clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_browser_is_called_along_its_web_socket_whatever_its_contact_says() {
    let (mut desk, binding) = browser();
    assert_eq!((binding.flow.transport, binding.flow.connection), (Transport::Wss, Some(ONE)));
    desk.flows.clear();
    call(&mut desk, Destination::Flow(binding.flow), |invite| invite.uri = binding.contact.clone());
    let invite = desk.next();
    assert!(invite.starts_with("INVITE sip:101@df7jal23ls0d.invalid;transport=ws SIP/2.0\r\n"));
    assert!(header(&invite, "Via").starts_with("SIP/2.0/WSS 203.0.113.7:443;"), "{invite}");
    assert_eq!(header(&invite, "Contact"), "<sip:alice@203.0.113.7:443;transport=ws>");
    assert!(desk.outputs.is_empty(), "no connection was opened");
}

#[test]
fn a_browsers_registration_goes_with_its_connection_and_nothing_is_opened_towards_it() {
    let (mut desk, binding) = browser();
    desk.handle(Input::StreamClosed { connection: ONE });
    assert_eq!(desk.event(), Some(Event::BindingsChanged { account: "101".into(), bindings: Vec::new() }));
    let session = call(&mut desk, Destination::Flow(binding.flow), |_| {});
    assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 503, .. }) if own == session));
    let remote = BROWSER.parse().unwrap();
    call(&mut desk, Destination::address(Transport::Wss, remote), |_| {});
    assert!(matches!(desk.event(), Some(Event::Refused { status: 503, .. })));
    assert!(desk.outputs.is_empty());
}

#[test]
fn a_web_socket_message_is_one_sip_message() {
    let mut desk = Desk::with(all_transports(), account());
    open(&mut desk, WSS, BROWSER.parse().unwrap());
    // No Content-Length, as browsers may leave it out (RFC 7118 §4.2).
    let whole = browser_register(1, "").replace('\n', "\r\n") + "\r\n";
    push(&mut desk, &whole);
    assert_eq!(desk.titles(), ["401 REGISTER"]);
    // Half of one is none, and is not completed by the next.
    let (first, second) = whole.split_at(200);
    push(&mut desk, first);
    push(&mut desk, second);
    assert!(!desk.titles().iter().any(|title| title.starts_with("401")));
    push(&mut desk, "\r\n\r\n");
    assert_eq!(desk.sent.pop_front().as_deref(), Some("\r\n"));
    push(&mut desk, "\r\n");
    assert!(desk.sent.is_empty() && desk.outputs.is_empty());
}
