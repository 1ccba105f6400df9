//! STUN on the SIP port: one answer to a request, small, to nothing else; and the endpoint takes anything in its place.

use std::net::SocketAddr;

use baton_sip::stun::{answer, is_stun};
use baton_sip::{Config, Endpoint, Input, Listener, ListenerId, Output, Transport};
use bytes::Bytes;

pub(crate) fn run(data: &[u8]) {
    let [version, data @ ..] = data else { return };
    let source = if version & 1 == 0 { "192.0.2.7:5070" } else { "[2001:db8::7]:5070" };
    let source: SocketAddr = source.parse().expect("an address");
    let answered = answer(data, source);
    if let Some(response) = &answered {
        assert!(is_stun(data) && is_stun(response), "an answer to STUN alone, in STUN");
        assert_eq!(response.get(8..20), data.get(8..20), "with the request's own number");
        assert_eq!(answer(response, source), None, "an answer is not answered");
        assert_eq!(usize::from(u16::from_be_bytes([response[2], response[3]])) + 20, response.len());
        assert!(response.len() <= data.len() + 128);
    }
    if !is_stun(data) {
        return;
    }
    let local = SocketAddr::from(([192, 0, 2, 1], 5_060));
    let listener =
        Listener { id: ListenerId(0), transport: Transport::Udp, local, advertised: local, verifies_peers: false };
    let mut endpoint = Endpoint::new(Config { listeners: vec![listener], ..Config::default() }, [1; 32]);
    let bytes = Bytes::copy_from_slice(data);
    endpoint.handle(1_700_000_000_000_000, Input::Datagram { listener: ListenerId(0), source, bytes });
    let sent: Vec<Bytes> = std::iter::from_fn(|| endpoint.poll_output())
        .filter_map(|output| if let Output::Transmit { bytes, .. } = output { Some(bytes) } else { None })
        .collect();
    assert!(sent.len() <= 1, "one answer at most");
    assert!(sent.iter().all(|bytes| Some(bytes) == answered.as_ref()));
}
