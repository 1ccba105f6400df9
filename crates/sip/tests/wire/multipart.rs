//! RFC 2046 and RFC 5621: descriptions in bodies of several parts, in requests and responses.

use baton_sip::wire::Message;
use bytes::Bytes;

const SDP: &str = "application/sdp";

/// A request or response with this Content-Type, these further headers, and this body (`\n` line ends).
fn with_body(start: &str, content_type: &str, extra: &str, body: &str) -> Message {
    let body = body.replace('\n', "\r\n");
    let head = format!(
        "{start}\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\nFrom: <sip:a@h>;tag=1\nTo: <sip:b@h>\nCall-ID: x\nCSeq: 1 INVITE\n\
         {extra}Content-Type: {content_type}\nContent-Length: {}\n\n",
        body.len()
    );
    Message::parse(Bytes::from(head.replace('\n', "\r\n") + &body)).unwrap()
}

fn invite(content_type: &str, body: &str) -> Message {
    with_body("INVITE sip:b@h SIP/2.0", content_type, "", body)
}

fn text(bytes: Option<Bytes>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Name, Content-Type, body, the description found, whether the body asks for a 415.
#[test]
fn rfc5621_the_description_is_found_and_what_must_be_understood_is_told_from_what_need_not() {
    let cases: &[(&str, &str, &str, Option<&str>, bool)] = &[
        ("a lone description", "application/SDP;charset=utf-8", "v=0\n", Some("v=0\r\n"), false),
        (
            "RFC 5621 §3.1: each part of multipart/mixed is for itself; the preamble and the epilogue are nothing",
            "multipart/mixed;boundary=b1",
            "preamble\n--b1\nContent-Type: application/sdp\n\nv=0\n\n--b1--\nepilogue --b1\n",
            Some("v=0\r\n"),
            false,
        ),
        (
            "a part that must be understood and is not",
            "multipart/mixed; boundary=\"b 1\"",
            "--b 1\nContent-Type: application/sdp\n\nv=0\n--b 1 \nContent-Type: application/isup\n\n\u{1}\n--b 1--",
            Some("v=0"),
            true,
        ),
        (
            "RFC 3261 §20.11: handling=optional is ignored by who does not understand it",
            "multipart/mixed;boundary=b1",
            "--b1\nContent-Type: application/isup\nContent-Disposition: signal;\n handling=optional\n\nx\n--b1\n\
             Content-Type: application/sdp\nContent-Disposition: session\n\nv=0\n--b1--\n",
            Some("v=0"),
            false,
        ),
        (
            "RFC 2046 §5.1.4: the last alternative that is understood",
            "multipart/alternative;boundary=b1",
            "--b1\nContent-Type: application/sdp\n\nfirst\n--b1\nContent-Type: application/sdp\n\nlast\n--b1\n\
             Content-Type: application/newer\n\nx\n--b1--\n",
            Some("last"),
            false,
        ),
        (
            "no alternative is understood",
            "multipart/alternative;boundary=b1",
            "--b1\nContent-Type: a/b\n\nx\n--b1--",
            None,
            true,
        ),
        (
            "RFC 2387: the root decides",
            "multipart/related;boundary=b1",
            "--b1\nContent-Type: application/sdp\n\nv=0\n--b1\nContent-Type: image/png\n\nx\n--b1--",
            Some("v=0"),
            false,
        ),
        (
            "multipart in multipart",
            "multipart/mixed;boundary=out",
            "--out\nContent-Type: multipart/alternative;boundary=in\n\n--in\nc: application/sdp\n\nv=0\n--in--\n--out--",
            Some("v=0"),
            false,
        ),
        (
            "a boundary within the content that does not begin a line, and one that only begins like it",
            "multipart/mixed;boundary=b1",
            "--b1\nContent-Type: application/sdp\n\ns=--b1\n--b12\n--b1--",
            Some("s=--b1\r\n--b12"),
            false,
        ),
        (
            "RFC 2046 §5.1: a part without headers is plain text",
            "multipart/mixed;boundary=b",
            "--b\n\nhello\n--b--",
            None,
            true,
        ),
        (
            "a last delimiter that was lost",
            "multipart/mixed;boundary=b",
            "--b\nContent-Type: application/sdp\n\nv=0\n",
            Some("v=0\r\n"),
            false,
        ),
        (
            "base64 is not undone",
            "multipart/mixed;boundary=b",
            "--b\nContent-Type: application/sdp\nContent-Transfer-Encoding: base64\n\ndj0wDQo=\n--b--",
            None,
            true,
        ),
        ("no boundary", "multipart/mixed", "--b\nContent-Type: application/sdp\n\nv=0\n--b--", None, true),
        ("no delimiter", "multipart/mixed;boundary=b", "v=0", None, true),
        ("another type", "text/plain", "hello", None, true),
        ("no body", "multipart/mixed;boundary=b", "", None, false),
    ];
    for (name, content_type, body, wanted, foreign) in cases {
        let message = invite(content_type, body);
        assert_eq!(text(message.body_of_type(SDP)).as_deref(), *wanted, "{name}");
        assert_eq!(message.has_foreign_body(&[SDP]), *foreign, "{name}");
    }
}

#[test]
fn rfc5621_a_response_may_be_multipart_too() {
    let body = "--b\nContent-Type: application/sdp\n\nv=0\n--b\nContent-Type: application/isup\n\nx\n--b--";
    let ok = with_body("SIP/2.0 200 OK", "multipart/mixed;boundary=b", "MIME-Version: 1.0\n", body);
    assert_eq!(text(ok.body_of_type(SDP)).as_deref(), Some("v=0"));
}

#[test]
fn a_whole_body_may_be_optional() {
    let optional = "Content-Disposition: render;handling=optional\n";
    let message = with_body("INVITE sip:b@h SIP/2.0", "text/html", optional, "<p>");
    assert!(!message.has_foreign_body(&[SDP]) && message.body_of_type(SDP).is_none());
}

#[test]
fn nesting_and_numbers_are_bounded() {
    let mut body = "Content-Type: application/sdp\n\nv=0".to_owned();
    for level in 0..20 {
        body = format!("Content-Type: multipart/mixed;boundary=b{level}\n\n--b{level}\n{body}\n--b{level}--");
    }
    let message = invite("multipart/mixed;boundary=top", &format!("--top\n{body}\n--top--"));
    assert_eq!(message.body_of_type(SDP), None);
    assert!(message.has_foreign_body(&[SDP]));
    let many = "--b\nContent-Type: a/b\n\n".repeat(100_000);
    assert!(invite("multipart/mixed;boundary=b", &many).has_foreign_body(&[SDP]));
}

#[test]
fn rfc4475_3_1_1_11_the_binary_parts_of_mpart01_are_read() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sip-fixtures/torture/mpart01.dat");
    let message = Message::parse(std::fs::read(path).unwrap().into()).unwrap();
    assert_eq!(text(message.body_of_type("text/plain")).as_deref(), Some("Hello"));
    let signed = message.body_of_type("application/octet-stream").unwrap();
    // DER: a sequence of 0x152 bytes after its four of head.
    assert_eq!((signed.len(), &signed[..4]), (4 + 0x152, &[0x30, 0x82, 0x01, 0x52][..]));
}

/// Bytes that are no UTF-8 stand in display names and bodies of real peers; they go through, or harm their own value only.
#[test]
fn what_is_not_utf8_harms_nobody() {
    let mut bytes =
        b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: \"J\xf6rg\" <sip:a@h>;tag=1\r\n\
        To: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nSubject: \xff\xfe\r\nContent-Type: application/sdp\r\n\
        Content-Length: 8\r\n\r\ns=\xe4\xf6\xfc\xff\r\n"
            .to_vec();
    let message = Message::parse(bytes.clone().into()).unwrap();
    assert_eq!(message.from().uri.to_string(), "sip:a@h");
    assert_eq!(message.body_of_type(SDP).unwrap(), &b"s=\xe4\xf6\xfc\xff\r\n"[..]);
    let response = message.response(486, "", Some("t")).finish().unwrap();
    assert!(response.windows(6).any(|window| window == b"\"J\xf6rg\""), "the display name goes back as it came");
    // In a part's header too.
    let parts = b"--b\r\nContent-Description: \xff\r\nContent-Type: application/sdp\r\n\r\n\xff\r\n--b--";
    bytes = format!(
        "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
         Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Type: multipart/mixed;boundary=b\r\nContent-Length: {}\r\n\r\n",
        parts.len()
    )
    .into_bytes();
    bytes.extend_from_slice(parts);
    assert_eq!(Message::parse(bytes.into()).unwrap().body_of_type(SDP).unwrap(), &b"\xff"[..]);
}
