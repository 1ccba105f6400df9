//! RFC 4475 and RFC 5118, message by message: accepted, answered with an error, or dropped.

use std::collections::BTreeSet;
use std::path::PathBuf;

use baton_sip::wire::{Contacts, Fault, HeaderName, Host, Message, Method, Uri};
use bytes::Bytes;

/// Taken. Those with a remark are refused above the wire, or read leniently by choice.
const ACCEPTED: &[(&str, &str)] = &[
    ("wsinv", ""),
    ("intmeth", ""),
    ("esc01", ""),
    ("escnull", ""),
    ("esc02", ""),
    ("lwsdisp", ""),
    ("longreq", ""),
    ("dblreq", "the second request in the datagram is ignored"),
    ("semiuri", ""),
    ("transports", ""),
    ("mpart01", "405 above"),
    ("unreason", ""),
    ("noreason", ""),
    ("baddate", "Date is not read, so its zone harms nobody"),
    ("badbranch", "the registrar and the transactions treat an empty magic branch as RFC 2543"),
    ("regbadct", "the Contact view fails; the registrar answers 400"),
    ("unkscm", "416 above"),
    ("novelsc", "416 above"),
    ("unksm2", "the addresses are opaque; the registrar decides"),
    ("bext01", "420 above"),
    ("invut", "415 above"),
    ("regaut01", "no digest credentials: challenged above"),
    ("bcast", "the second Via is not looked at: responses are matched by the first"),
    ("zeromf", "483 above"),
    ("cparam01", ""),
    ("cparam02", ""),
    ("regescrt", ""),
    ("sdp01", "406 above"),
    ("inv2543", "no Max-Forwards, tag, branch or Content-Length: RFC 2543"),
    ("ipv6-good", ""),
    ("port-ambiguous", "the port reads as the last group of the address"),
    ("port-unambiguous", ""),
    ("via-received-param-with-delim", "the RFC wants both forms read"),
    ("via-received-param-no-delim", ""),
    ("ipv6-in-sdp", ""),
    ("mult-ip-in-header", ""),
    ("mult-ip-in-sdp", ""),
    ("ipv4-mapped-ipv6", ""),
    ("ipv6-bug-abnf-3-colons", "the third colon is left out of account"),
    ("ipv6-correct-abnf-2-colons", ""),
];

/// Answered with this status.
const REFUSED: &[(&str, u16, Fault)] = &[
    ("badinv01", 400, Fault::Via),
    ("clerr", 400, Fault::ContentLength),
    ("ncl", 400, Fault::ContentLength),
    ("scalar02", 400, Fault::CSeq),
    ("quotbal", 400, Fault::Address),
    ("ltgtruri", 400, Fault::RequestUri),
    ("lwsruri", 400, Fault::RequestUri),
    ("lwsstart", 400, Fault::RequestUri),
    ("trws", 400, Fault::StartLine),
    ("escruri", 400, Fault::RequestUri),
    ("badaspec", 400, Fault::Address),
    ("baddn", 400, Fault::Address),
    ("badvers", 505, Fault::Version),
    ("mismatch01", 400, Fault::MethodMismatch),
    ("mismatch02", 400, Fault::MethodMismatch),
    ("insuf", 400, Fault::Missing),
    ("multi01", 400, Fault::Duplicate),
    ("mcl01", 400, Fault::Duplicate),
    ("ipv6-bad", 400, Fault::RequestUri),
];

/// Responses that nobody can be told about.
const DROPPED: &[(&str, Fault)] = &[("scalarlg", Fault::CSeq), ("bigcode", Fault::StartLine)];

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../sip-fixtures/torture"))
}

fn bytes_of(name: &str) -> Bytes {
    let path = folder().join(format!("{name}.dat"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

fn taken(name: &str) -> Message {
    Message::parse(bytes_of(name)).unwrap_or_else(|malformed| panic!("{name}: {malformed}"))
}

#[test]
fn every_message_has_a_verdict() {
    let listed = ACCEPTED.iter().map(|(name, _)| *name);
    let listed = listed.chain(REFUSED.iter().map(|(name, ..)| *name)).chain(DROPPED.iter().map(|(name, _)| *name));
    let listed: BTreeSet<String> = listed.map(str::to_owned).collect();
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|file| file.strip_suffix(".dat").map(str::to_owned))
        .collect();
    assert_eq!(files, listed);
}

#[test]
fn the_valid_ones_are_taken() {
    for (name, _) in ACCEPTED {
        taken(name);
    }
}

#[test]
fn the_invalid_ones_are_answered() {
    let source = "192.0.2.254:5060".parse().unwrap();
    for (name, status, fault) in REFUSED {
        let malformed = Message::parse(bytes_of(name)).expect_err(name);
        assert_eq!((malformed.fault, malformed.status()), (*fault, *status), "{name}");
        let response = malformed.response("tag1", source).unwrap_or_else(|| panic!("{name} has no answer"));
        let text = String::from_utf8_lossy(&response).into_owned();
        assert!(text.starts_with(&format!("SIP/2.0 {status} {fault}\r\n")), "{name}: {text}");
        assert!(text.contains("\r\nVia: SIP/") && text.ends_with("\r\nContent-Length: 0\r\n\r\n"), "{name}: {text}");
    }
}

#[test]
fn invalid_responses_are_dropped() {
    for (name, fault) in DROPPED {
        let malformed = Message::parse(bytes_of(name)).expect_err(name);
        assert_eq!(malformed.fault, *fault, "{name}");
        assert_eq!(malformed.response("t", "192.0.2.1:5060".parse().unwrap()), None, "{name}");
    }
}

#[test]
fn wsinv_reads_through_all_its_white_space() {
    let message = taken("wsinv");
    assert_eq!(message.request_uri(), "sip:vivekg@chair-dnrc.example.com;unknownparam");
    assert_eq!((message.to_tag(), message.from_tag()), (Some("1918181833n"), Some("98asjd8")));
    assert_eq!(message.from().display, r#"J Rosenberg \""#);
    assert_eq!(message.max_forwards(), Ok(Some(68)));
    assert_eq!((message.cseq().number, message.cseq().method), (9, Method::Invite));
    let vias: Vec<String> = message.vias().unwrap().iter().map(ToString::to_string).collect();
    let wanted = [
        "SIP/2.0/UDP 192.0.2.2;branch=390skdjuw",
        "SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8",
        "SIP/2.0/UDP 192.168.255.111;branch=z9hG4bK30239",
    ];
    assert_eq!(vias, wanted);
    assert_eq!(message.header(HeaderName::Subject), Some(""));
    assert_eq!(message.header(HeaderName::of("UnknownHeaderWithUnusualValue")), Some(";;,,;;,;"));
    let contact = message.contact().unwrap().unwrap();
    assert_eq!((contact.display.as_str(), contact.params.get("q")), (r#"Quoted string """#, Some("0.33")));
    assert_eq!(message.name_addrs(HeaderName::Route).unwrap().len(), 1);
    assert_eq!(message.body_of_type("application/sdp").map(|body| body.len()), Some(150));
}

#[test]
fn intmeth_reads_in_every_character_that_may_occur() {
    let message = taken("intmeth");
    assert_eq!(message.method(), &Method::Other("!interesting-Method0123456789_*+`.%indeed'~".into()));
    assert_eq!(message.to().display, "BEL:\u{7} NUL:\0 DEL:\u{7f}");
    let Ok(Uri::Sip(uri)) = Uri::parse(message.request_uri()) else { panic!() };
    assert_eq!(uri.user.as_deref(), Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
    assert_eq!(uri.password.as_deref(), Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
    assert_eq!(uri.host, Host::Name("example.com".into()));
    assert_eq!(message.from_tag(), Some("_token~1'+`*%!-."));
    assert_eq!(message.from().params.unquoted("fromParam''~+*_!.-%").as_deref(), Some("работающий"));
    assert_eq!(message.header(HeaderName::of("EXTENSIONHEADER-!.%*+_`'~")), Some("\u{feff}大停電"));
    // The NUL in To goes back as it came: the sender chose it.
    let response = message.response(200, "", Some("x")).finish().unwrap();
    assert!(response.windows(10).any(|window| window == b"NUL:\\\0 DEL"));
}

#[test]
fn escapes_stay_as_written_and_read_unescaped() {
    let message = taken("esc01");
    assert_eq!(message.to().uri.to_string(), "sip:%75se%72@example.com");
    assert_eq!(message.to().party().user, "user");
    assert_eq!(Uri::parse(message.request_uri()).unwrap().user(), "sips:user@example.com");
    let message = taken("escnull");
    let Ok(Contacts::List(contacts)) = message.contacts() else { panic!() };
    assert_eq!(contacts.iter().map(|contact| contact.uri.user()).collect::<Vec<_>>(), ["\0", "\0\0"]);
    // `%` in a header name or a method is not an escape.
    let message = taken("esc02");
    let Ok(Contacts::List(contacts)) = message.contacts() else { panic!() };
    assert_eq!(contacts.len(), 2);
    assert_eq!(message.method(), &Method::Other("RE%47IST%45R".into()));
}

#[test]
fn the_others_read_as_the_rfc_says() {
    assert_eq!(taken("dblreq").call_id(), "dblreq.0ha0isndaksdj99sdfafnl3lk233412");
    assert!(taken("dblreq").body().is_empty());
    assert_eq!(taken("longreq").vias().map(|vias| vias.len()), Ok(34));
    assert_eq!(taken("lwsdisp").from().display, "caller");
    assert_eq!(Uri::parse(taken("semiuri").request_uri()).unwrap().user(), "user;par=u@example.net");
    assert_eq!(taken("semiuri").values(HeaderName::Accept).count(), 6);
    assert_eq!(taken("transports").vias().unwrap()[3].transport, "UNKNOWN");
    assert_eq!(taken("unreason").reason(), "= 2**3 * 5**2 но сто девяносто девять - простое");
    assert_eq!((taken("noreason").status(), taken("noreason").reason()), (100, ""));
    assert!(taken("regbadct").contacts().is_err());
    assert_eq!(taken("unkscm").request_uri(), "nobodyKnowsThisScheme:totallyopaquecontent");
    assert_eq!(taken("bext01").unknown_requirements(&[]).len(), 2);
    assert!(taken("regaut01").credentials(HeaderName::Authorization).is_empty());
    assert_eq!((taken("inv2543").from_tag(), taken("inv2543").branch()), (None, ""));
    // §3.3.11: in the bare form the parameter is the header's, in brackets the URI's.
    let (bare, bracketed) = (taken("cparam01").contact().unwrap(), taken("cparam02").contact().unwrap());
    assert!(bare.unwrap().params.has("unknownparam"));
    assert!(bracketed.unwrap().uri.as_sip().unwrap().params.has("unknownparam"));
}

#[test]
fn rfc5118_references_end_where_they_end() {
    let uri = |name: &str| match Uri::parse(taken(name).request_uri()) {
        Ok(Uri::Sip(uri)) => (uri.host.to_string(), uri.port),
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(uri("ipv6-good"), ("[2001:db8::10]".into(), None));
    assert_eq!(uri("port-ambiguous"), ("[2001:db8::10:5070]".into(), None));
    assert_eq!(uri("port-unambiguous"), ("[2001:db8::10]".into(), Some(5070)));
    assert_eq!(uri("ipv6-bug-abnf-3-colons"), uri("ipv6-correct-abnf-2-colons"));
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        assert_eq!(taken(name).via().received(), "2001:db8::9:255".parse().ok(), "{name}");
    }
    let vias = taken("mult-ip-in-header").vias().unwrap();
    let hosts: Vec<String> = vias.iter().map(|via| via.host.to_string()).collect();
    assert_eq!(hosts, ["[2001:db8::9:1]", "192.0.2.1", "[2001:db8::9:255]"]);
    assert_eq!((vias[0].port, vias[2].received()), (Some(6050), "192.0.2.200".parse().ok()));
    assert_eq!(taken("ipv4-mapped-ipv6").via().host, Host::V6("::ffff:192.0.2.10".parse().unwrap()));
}

/// Every header and the body survive being copied into a new message.
#[test]
fn copying_changes_nothing() {
    for (name, _) in ACCEPTED {
        let message = taken(name);
        let mut builder = if message.is_request() {
            baton_sip::wire::Builder::request(message.method(), message.request_uri())
        } else {
            baton_sip::wire::Builder::response(message.status(), message.reason())
        };
        let copied = builder.copy_all_but(&message, &[]).raw_body(message.body()).finish().expect(name);
        let copy = Message::parse(copied).expect(name);
        let headers = |message: &Message| {
            let kept = message.all_headers().filter(|(name, _)| *name != HeaderName::ContentLength);
            kept.map(|(name, value)| (name.to_string(), value.to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(headers(&copy), headers(&message), "{name}");
        assert_eq!(copy.body(), message.body(), "{name}");
    }
}
