//! Several flows to one device (RFC 5626): their registration, and calls that go on to the next one.

#![allow(clippy::unwrap_used, reason = "test code")]

mod world;

use baton_sip::digest::{Algorithm, answer, ha1};
use baton_sip::wire::{Challenge, Method};
use baton_sip::*;
use world::*;

const DEVICE: &str = "+sip.instance=\"<urn:uuid:1>\"";

fn desk() -> Desk {
    let account = Account {
        ha1_md5: ha1("101", "baton", "secret", Algorithm::Md5),
        ha1_sha256: ha1("101", "baton", "secret", Algorithm::Sha256),
    };
    Desk::with(config(0), Access { accounts: [("101".to_string(), account)].into(), ..Access::default() })
}

/// Registers with these lines from this port, and gives the final response.
fn register(desk: &mut Desk, port: u16, cseq: u32, extra: &str) -> String {
    desk.source = format!("198.51.100.9:{port}").parse().unwrap();
    let source = desk.source;
    let text = |cseq: u32, authorization: &str| {
        format!(
            "REGISTER sip:192.0.2.1 SIP/2.0\n\
             Via: SIP/2.0/UDP {source};branch=z9hG4bKreg{port}x{cseq};rport\n\
             Max-Forwards: 70\nFrom: <sip:101@192.0.2.1>;tag=f\nTo: <sip:101@192.0.2.1>\n\
             Call-ID: call{port}\nCSeq: {cseq} REGISTER\n{authorization}{extra}"
        )
    };
    desk.send(&text(cseq, ""));
    let challenge = Challenge::parse(&header(&desk.next(), "WWW-Authenticate")).unwrap();
    let own = Credentials { username: "101".into(), password: "secret".into() };
    let proof = answer(&challenge, &own, &Method::Register, "sip:192.0.2.1", b"", "cnonce", 1).unwrap();
    desk.send(&text(cseq + 1, &format!("Authorization: {proof}\n")));
    desk.events.clear();
    desk.next()
}

fn contact(number: u32) -> String {
    format!("Supported: path, outbound\nContact: <sip:101@10.0.0.5>;{DEVICE};reg-id={number}")
}

#[test]
fn a_device_registers_several_flows_and_refreshes_each_by_its_number() {
    let mut desk = desk();
    let ok = register(&mut desk, 4_000, 1, &contact(1));
    assert_eq!((header(&ok, "Require"), header(&ok, "Flow-Timer")), ("outbound".into(), "120".into()));
    assert!(header(&ok, "Contact").contains(&format!("reg-id=1;{DEVICE}")), "{ok}");
    register(&mut desk, 5_000, 1, &contact(2));
    let ports = |desk: &Desk| -> Vec<(u16, Option<u32>)> {
        desk.endpoint.bindings("101").iter().map(|each| (each.flow.remote.port(), each.reg_id)).collect()
    };
    assert_eq!(ports(&desk), [(4_000, Some(1)), (5_000, Some(2))]);
    // The same flow again, from another place: it takes the place of its number, whatever its Contact says.
    register(&mut desk, 6_000, 1, &contact(1).replace("10.0.0.5", "10.0.0.6"));
    assert_eq!(ports(&desk), [(6_000, Some(1)), (5_000, Some(2))]);
    register(&mut desk, 6_000, 3, &format!("{};expires=0", contact(1)));
    assert_eq!(ports(&desk), [(5_000, Some(2))]);
}

#[test]
fn a_flow_is_one_of_several_only_where_everybody_can_do_it() {
    for (extra, status, reg_id) in [
        (contact(1).replace("Supported: path, outbound\n", ""), "200 REGISTER", None),
        (contact(1).replace("Supported", "Require"), "200 REGISTER", Some(1)),
        (contact(1).replace(&format!(";{DEVICE}"), ""), "200 REGISTER", None),
        (contact(0), "400 REGISTER", None),
        (contact(1).replace("reg-id=1", "reg-id=one"), "400 REGISTER", None),
        (format!("{}\nContact: <sip:102@10.0.0.5>", contact(1)), "400 REGISTER", None),
        (format!("Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKb\n{}", contact(1)), "439 REGISTER", None),
        (
            format!("Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKb\nPath: <sip:edge@192.0.2.7;lr>\n{}", contact(1)),
            "439 REGISTER",
            None,
        ),
        (
            format!("Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKb\nPath: <sip:edge@192.0.2.7;lr;ob>\n{}", contact(1)),
            "200 REGISTER",
            Some(1),
        ),
    ] {
        let mut desk = desk();
        let answer = register(&mut desk, 4_000, 1, &extra);
        assert_eq!(title(answer.as_bytes()), status, "{extra}");
        assert_eq!(desk.endpoint.bindings("101").first().and_then(|each| each.reg_id), reg_id, "{extra}");
        assert_eq!(header(&answer, "Require") == "outbound", reg_id.is_some(), "{extra}");
    }
}

/// A call to the device's two flows. Its INVITE along the first one.
fn called(desk: &mut Desk, patience_ms: Option<u32>) -> (SessionId, String) {
    register(desk, 4_000, 1, &contact(1));
    register(desk, 5_000, 1, &contact(2));
    let flows: Vec<Flow> = desk.endpoint.bindings("101").iter().map(|each| each.flow).collect();
    let other = DeviceFlow { uri: "sip:101@10.0.0.5;second".into(), route: Vec::new(), flow: flows[1] };
    let mut invite = OutgoingInvite { destination: Destination::Flow(flows[0]), ..invite_to(1, Some(OFFER)) };
    (invite.other_flows, invite.patience_ms) = (vec![other], patience_ms);
    let session = SessionId(2);
    desk.flows.clear();
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    assert_eq!(desk.flows.front().unwrap().remote.port(), 4_000);
    (session, desk.next())
}

#[test]
fn a_flow_that_has_failed_is_dropped_and_the_call_goes_along_the_next_one() {
    let mut desk = desk();
    let (session, invite) = called(&mut desk, None);
    desk.source = "198.51.100.9:4000".parse().unwrap();
    desk.answer(&invite, "430 Flow Failed", "edge", "");
    assert_eq!(title(desk.next().as_bytes()), "ACK");
    assert_eq!(desk.flows.front().unwrap().remote.port(), 5_000);
    let again = desk.next();
    assert!(again.starts_with("INVITE sip:101@10.0.0.5;second SIP/2.0"), "{again}");
    assert_eq!((header(&again, "Call-ID"), header(&again, "CSeq")), (header(&invite, "Call-ID"), "2 INVITE".into()));
    let Some(Event::BindingsChanged { bindings, .. }) = desk.event() else { panic!("the binding is gone") };
    assert_eq!(bindings.iter().map(|each| each.reg_id).collect::<Vec<_>>(), [Some(2)]);
    desk.source = "198.51.100.9:5000".parse().unwrap();
    desk.answer(&again, "430 Flow Failed", "edge", "");
    assert!(matches!(desk.event(), Some(Event::Refused { session: own, status: 430, .. }) if own == session));
    assert!(desk.endpoint.bindings("101").is_empty());
}

#[test]
fn a_silent_flow_is_left_for_the_next_one_and_a_refusal_is_not() {
    let mut desk = desk();
    called(&mut desk, Some(4_000));
    desk.run(4_100 * MILLISECOND);
    let last = desk.sent.back().unwrap();
    assert!(last.starts_with("INVITE sip:101@10.0.0.5;second"), "{last}");
    assert_eq!(desk.endpoint.bindings("101").len(), 2, "silence proves nothing");
    let mut desk = self::desk();
    let (_, invite) = called(&mut desk, Some(4_000));
    desk.source = "198.51.100.9:4000".parse().unwrap();
    desk.answer(&invite, "486 Busy Here", "phone", "");
    assert_eq!(desk.titles(), ["ACK"]);
    assert!(matches!(desk.event(), Some(Event::Refused { status: 486, .. })));
}
