//! Transports: TLS, WebSocket (RFC 7118), large requests (RFC 3261 §18.1.1), connection reuse (RFC 5923), keep-alives
//! (RFC 5626), slow senders.

#![allow(clippy::unwrap_used, reason = "test code")]

mod large;
mod listeners;
mod tls;
mod web_socket;
#[path = "../world/mod.rs"]
mod world;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use baton_sip::digest::{Algorithm, answer, ha1};
use baton_sip::wire::{Challenge, Method};
use baton_sip::*;
use bytes::Bytes;
use world::*;

const UDP: ListenerId = ListenerId(0);
const TCP: ListenerId = ListenerId(1);
const TLS: ListenerId = ListenerId(2);
const WSS: ListenerId = ListenerId(3);
const ONE: ConnectionHandle = ConnectionHandle(1);

fn listener(id: ListenerId, transport: Transport, port: u16) -> Listener {
    let local = SocketAddr::new(address(0).ip(), port);
    // The WebSocket is reached by another address than the rest.
    let host = if transport == Transport::Wss { [203, 0, 113, 7].into() } else { local.ip() };
    Listener { id, transport, local, advertised: SocketAddr::new(host, port), verifies_peers: true }
}

fn all_transports() -> Config {
    let listeners = vec![
        listener(UDP, Transport::Udp, 5060),
        listener(TCP, Transport::Tcp, 5060),
        listener(TLS, Transport::Tls, 5061),
        listener(WSS, Transport::Wss, 443),
    ];
    Config { listeners, ..config(0) }
}

fn account() -> Access {
    let hash = |algorithm| ha1("101", "baton", "secret", algorithm);
    let account = Account { ha1_md5: hash(Algorithm::Md5), ha1_sha256: hash(Algorithm::Sha256) };
    Access { accounts: BTreeMap::from([("101".into(), account)]), ..Access::default() }
}

fn trusting() -> Desk {
    Desk::with(all_transports(), peers())
}

fn open(desk: &mut Desk, listener: ListenerId, remote: SocketAddr) {
    desk.handle(Input::StreamOpened { connection: ONE, listener, remote, peer_names: Vec::new() });
}

fn push(desk: &mut Desk, bytes: impl AsRef<[u8]>) {
    desk.handle(Input::StreamBytes { connection: ONE, bytes: Bytes::copy_from_slice(bytes.as_ref()) });
}

fn call(desk: &mut Desk, destination: Destination, change: impl FnOnce(&mut OutgoingInvite)) -> SessionId {
    let session = desk.endpoint.allocate_session();
    let mut invite = OutgoingInvite { destination, ..invite_to(2, Some(OFFER)) };
    change(&mut invite);
    desk.command(Command::Invite { session, invite: Box::new(invite) }).unwrap();
    session
}

fn connected(desk: &mut Desk) -> (ConnectionHandle, ListenerId, String) {
    match desk.outputs.pop_front() {
        Some(Output::Connect { connection, listener, names, .. }) => (connection, listener, names.join(" ")),
        other => panic!("{other:?}"),
    }
}

/// A trunk's OPTIONS over a connection from a port of its own.
fn options(transport: &str) -> Bytes {
    message(&format!(
        "OPTIONS sip:192.0.2.1 SIP/2.0\nVia: SIP/2.0/{transport} 192.0.2.3:5062;branch=z9hG4bKo;alias\nMax-Forwards: 70\n\
         From: <sip:pbx@192.0.2.3>;tag=f\nTo: <sip:192.0.2.1>\nCall-ID: o\nCSeq: 1 OPTIONS\n"
    ))
}

const STRANGER: &str = "198.51.100.66:40000";
