//! STUN on SIP's own UDP ports (RFC 5626 §4.4.2, RFC 8489): a phone behind a NAT asks where it is seen from, and the question
//! keeps its way open. Binding requests are answered; there are no credentials, and whatever is no valid request is dropped.

use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

/// RFC 8489 §5.
const MAGIC_COOKIE: u32 = 0x2112_a442;
const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;
/// RFC 8489 §14.7.
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// Below this an attribute must be understood (RFC 8489 §14).
const OPTIONAL_FROM: u16 = 0x8000;
/// Most attributes of a request; what has more is dropped.
const ATTRIBUTES_MAX: usize = 32;
/// What an attribute of RFC 8489 means is known here, though no credentials are looked at.
const KNOWN: [u16; 11] = [
    0x0001,
    0x0006,
    0x0008,
    ERROR_CODE,
    UNKNOWN_ATTRIBUTES,
    0x0014,
    0x0015,
    0x001c,
    0x001d,
    0x001e,
    XOR_MAPPED_ADDRESS,
];

/// Whether a datagram is STUN and not SIP: its first two bits are zero, and the magic cookie is where it has to be. A SIP
/// message begins with a letter.
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & 0xc0 == 0) && datagram.get(4..8) == Some(&MAGIC_COOKIE.to_be_bytes())
}

/// The answer to a binding request that came from `source`; `None` for all else.
pub fn answer(datagram: &[u8], source: SocketAddr) -> Option<Bytes> {
    let request = Request::parse(datagram)?;
    let mut response = if request.unknown.is_empty() {
        let mut response = begin(BINDING_SUCCESS, request.transaction);
        put_attribute(&mut response, XOR_MAPPED_ADDRESS, &xor_mapped(source, request.transaction));
        response
    } else {
        let mut response = begin(BINDING_ERROR, request.transaction);
        // RFC 8489 §6.3.1: 420, class 4 and number 20.
        put_attribute(&mut response, ERROR_CODE, b"\0\0\x04\x14Unknown Attribute");
        let unknown: Vec<u8> = request.unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        put_attribute(&mut response, UNKNOWN_ATTRIBUTES, &unknown);
        response
    };
    // RFC 8489 §7.3: who sends a fingerprint is answered with one.
    if request.has_fingerprint {
        put_fingerprint(&mut response);
    }
    Some(response.freeze())
}

struct Request<'a> {
    transaction: &'a [u8],
    /// Attributes that must be understood and are not.
    unknown: Vec<u16>,
    has_fingerprint: bool,
}

impl<'a> Request<'a> {
    /// RFC 8489 §6.3.
    fn parse(datagram: &'a [u8]) -> Option<Request<'a>> {
        let length = usize::from(number(datagram, 2)?);
        let is_whole = length.is_multiple_of(4) && datagram.len() == HEADER_BYTES + length;
        if !is_stun(datagram) || !is_whole || number(datagram, 0)? != BINDING_REQUEST {
            return None;
        }
        let mut request =
            Request { transaction: datagram.get(8..HEADER_BYTES)?, unknown: Vec::new(), has_fingerprint: false };
        let mut at = HEADER_BYTES;
        for _ in 0..ATTRIBUTES_MAX {
            if at == datagram.len() {
                return Some(request);
            }
            // §14.7: a fingerprint is the last attribute.
            if request.has_fingerprint {
                return None;
            }
            let (kind, length) = (number(datagram, at)?, usize::from(number(datagram, at + 2)?));
            let value = datagram.get(at + 4..at + 4 + length)?;
            if kind == FINGERPRINT {
                let before = datagram.get(..at)?;
                if value != fingerprint(before).to_be_bytes() {
                    return None;
                }
                request.has_fingerprint = true;
            } else if kind < OPTIONAL_FROM && !KNOWN.contains(&kind) {
                request.unknown.push(kind);
            }
            at += 4 + length.next_multiple_of(4);
        }
        (at == datagram.len()).then_some(request)
    }
}

fn number(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn begin(kind: u16, transaction: &[u8]) -> BytesMut {
    let mut message = BytesMut::with_capacity(96);
    message.put_u16(kind);
    message.put_u16(0);
    message.put_u32(MAGIC_COOKIE);
    message.put_slice(transaction);
    message
}

/// Appends an attribute, padded, and counts it into the message's length.
fn put_attribute(message: &mut BytesMut, kind: u16, value: &[u8]) {
    message.put_u16(kind);
    message.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
    message.put_slice(value);
    message.put_bytes(0, value.len().next_multiple_of(4) - value.len());
    let length = message.len() - HEADER_BYTES;
    set_length(message, length);
}

fn put_fingerprint(message: &mut BytesMut) {
    let sum = fingerprint(message);
    put_attribute(message, FINGERPRINT, &sum.to_be_bytes());
}

fn set_length(message: &mut [u8], length: usize) {
    if let Some(place) = message.get_mut(2..4) {
        place.copy_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    }
}

/// The fingerprint of what stands before it; the length in the header counts the fingerprint itself (§14.7).
fn fingerprint(before: &[u8]) -> u32 {
    let mut counted = before.to_vec();
    set_length(&mut counted, (before.len() + 8).saturating_sub(HEADER_BYTES));
    crc32(&counted) ^ FINGERPRINT_XOR
}

/// The CRC-32 of ISO 3309, bit by bit: some hundred bytes a keep-alive are not worth a table.
fn crc32(bytes: &[u8]) -> u32 {
    let folded = bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    });
    !folded
}

/// RFC 8489 §14.2.
fn xor_mapped(source: SocketAddr, transaction: &[u8]) -> Vec<u8> {
    let mask: Vec<u8> = MAGIC_COOKIE.to_be_bytes().iter().chain(transaction).copied().collect();
    let port = source.port() ^ (MAGIC_COOKIE >> 16) as u16;
    let (family, address) = match source.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let mut value = vec![0, family];
    value.extend_from_slice(&port.to_be_bytes());
    value.extend(address.iter().zip(&mask).map(|(byte, mask)| byte ^ mask));
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 §2.1: a request with SOFTWARE, PRIORITY, ICE-CONTROLLED, USERNAME, MESSAGE-INTEGRITY and FINGERPRINT.
    const RFC_5769: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
        \x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\
        \x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    const PLAIN: &[u8] = b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";

    fn source(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_binding_request_is_told_where_it_came_from() {
        // RFC 5769 §2.2 and §2.3 have these addresses, with its own transaction.
        let transaction = &RFC_5769[8..20];
        assert_eq!(xor_mapped(source("192.0.2.1:32853"), transaction), b"\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        let v6 = xor_mapped(source("[2001:db8:1234:5678:11:2233:4455:6677]:32853"), transaction);
        assert_eq!(v6, b"\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9");
        let answered = answer(PLAIN, source("192.0.2.1:32853")).unwrap();
        assert_eq!(
            answered[..],
            b"\x01\x01\x00\x0c\x21\x12\xa4\x42abcdefghijkl\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"[..]
        );
    }

    #[test]
    fn an_unknown_attribute_that_must_be_understood_is_named_in_a_420() {
        let answered = answer(RFC_5769, source("192.0.2.1:1")).unwrap();
        assert_eq!(answered[..2], BINDING_ERROR.to_be_bytes());
        // PRIORITY is ICE's; the fingerprint is right, so the answer has one too, and it is right.
        let end = answered.len() - 8;
        assert_eq!(answered[end - 8..end], *b"\x00\x0a\x00\x02\x00\x24\x00\x00");
        assert_eq!(answered[end..end + 4], *b"\x80\x28\x00\x04");
        assert_eq!(answered[end + 4..], fingerprint(&answered[..end]).to_be_bytes());
    }

    #[test]
    fn what_is_no_valid_request_is_dropped() {
        let from = source("192.0.2.1:1");
        let changed = |at: usize, byte: u8| {
            let mut bytes = RFC_5769.to_vec();
            bytes[at] = byte;
            bytes
        };
        for (what, bytes) in [
            ("an indication", changed(1, 0x11)),
            ("a response", changed(0, 0x01)),
            ("no cookie", changed(4, 0x22)),
            ("a length that is too small", changed(3, 0x54)),
            ("a length that is no multiple of four", changed(3, 0x57)),
            ("a wrong fingerprint", changed(RFC_5769.len() - 1, 0)),
            ("an attribute that is longer than the message", changed(23, 0xff)),
            ("a fingerprint that is not the last", [RFC_5769, &[0x80, 0x22, 0, 0]].concat()),
            ("too short", PLAIN[..19].to_vec()),
        ] {
            assert_eq!(answer(&bytes, from), None, "{what}");
        }
        for length in 0..RFC_5769.len() {
            assert_eq!(answer(&RFC_5769[..length], from), None, "cut at {length}");
        }
        let mut many = PLAIN.to_vec();
        many[2..4].copy_from_slice(&132u16.to_be_bytes());
        many.extend([0x80, 0x99, 0, 0].repeat(33));
        assert_eq!(answer(&many, from), None, "too many attributes");
        assert!(!is_stun(b"OPTIONS sip:a SIP/2.0"));
    }
}
