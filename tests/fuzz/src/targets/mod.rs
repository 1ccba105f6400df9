//! The targets, one a file.

pub(crate) mod contact;
pub(crate) mod digest;
pub(crate) mod directory;
pub(crate) mod endpoint;
pub(crate) mod framing;
pub(crate) mod media;
pub(crate) mod message;
pub(crate) mod sdp;
pub(crate) mod stun;
pub(crate) mod uri;
pub(crate) mod web_socket;

use std::net::SocketAddr;

use baton_sip::digest::{Algorithm, ha1};
use baton_sip::wire::Message;
use baton_sip::{Listener, ListenerId, Transport};

/// When a machine's life begins, in microseconds since the Unix epoch.
const START_US: u64 = 1_700_000_000_000_000;
/// Where the machines listen, at one port a transport.
const MACHINE: ([u8; 4], u16) = ([192, 0, 2, 1], 5_060);
/// Most outputs of one input: what one message or command sets off is bounded.
const OUTPUTS_MAX: usize = 2_000;
/// Most wake-ups until everything has drained.
const WAKES_MAX: usize = 20_000;

/// The phones' accounts, of the directory in `deploy/`.
pub(crate) const ACCOUNTS: &[&str] = &["anna-desk", "bert-desk", "carla-desk"];

/// The password of a phone's account.
pub(crate) fn password(account: &str) -> String {
    account.replace("-desk", "-phone")
}

/// The hashes of it, MD5 and SHA-256.
fn hashes(account: &str) -> (String, String) {
    let hash = |algorithm| ha1(account, "baton", &password(account), algorithm);
    (hash(Algorithm::Md5), hash(Algorithm::Sha256))
}

fn listeners() -> Vec<Listener> {
    let transports = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Ws];
    let (address, port) = MACHINE;
    let numbered = transports.into_iter().zip(0u16..);
    numbered
        .map(|(transport, number)| {
            let local = SocketAddr::from((address, port + number));
            Listener { id: ListenerId(number), transport, local, advertised: local, verifies_peers: false }
        })
        .collect()
}

/// What a machine sends reads as SIP, whatever it was fed. Answers to what did not read are made of it, and are not asked.
fn is_well_formed(bytes: &bytes::Bytes) {
    let about_rubbish = ["SIP/2.0 400", "SIP/2.0 505", "SIP/2.0 513"];
    let is_exempt = about_rubbish.iter().any(|start| bytes.starts_with(start.as_bytes()));
    if bytes.len() > 4 && !baton_sip::stun::is_stun(bytes) && !is_exempt {
        let read = Message::parse(bytes.clone());
        assert!(read.is_ok(), "{read:?}\n{}", String::from_utf8_lossy(bytes));
    }
}
