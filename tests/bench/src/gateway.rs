//! Between the generator, which speaks datagrams, and a server that takes TCP or TLS: what the peers write goes on by their
//! connections, and what comes by those is a datagram for them. The server's cost is measured, not the gateway's.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustix::event::{PollFd, PollFlags, poll};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::load::PEERS;

/// Where the generator sends what is for the server.
const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 5], 5060);
/// How often a stop is looked for.
const LOOK: rustix::time::Timespec = rustix::time::Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// A stream transport.
#[derive(Debug, Clone)]
pub(crate) enum Over {
    Tcp,
    Tls(Box<Certificates>),
}

/// An authority of the run's own, the server's certificate, and what the peers use.
#[derive(Debug, Clone)]
pub(crate) struct Certificates {
    pub(crate) authority: String,
    /// The server's, and its key: PEM.
    pub(crate) server: (String, String),
    accepts: Arc<ServerConfig>,
    connects: Arc<ClientConfig>,
}

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// What the gateway's thread works with.
struct Bridge {
    over: Over,
    server: SocketAddr,
    datagrams: UdpSocket,
    peers: Vec<Peer>,
}

/// One trunk peer.
struct Peer {
    address: SocketAddr,
    listener: TcpListener,
    links: Vec<Link>,
    /// The link by which the server's last request came: responses go there.
    asked_by: usize,
}

/// One connection with the server.
struct Link {
    stream: TcpStream,
    tls: Option<Connection>,
    received: Vec<u8>,
    unsent: Vec<u8>,
}

impl Certificates {
    pub(crate) fn new() -> io::Result<Certificates> {
        let failed = |error: rcgen::Error| io::Error::other(error);
        let key = KeyPair::generate().map_err(failed)?;
        let mut parameters = CertificateParams::new(Vec::new()).map_err(failed)?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = parameters.self_signed(&key).map_err(failed)?.pem();
        let issuer = Issuer::new(parameters, key);
        let sign = |names: &[&str]| -> io::Result<(String, String)> {
            let key = KeyPair::generate().map_err(failed)?;
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let parameters = CertificateParams::new(names).map_err(failed)?;
            Ok((parameters.signed_by(&key, &issuer).map_err(failed)?.pem(), key.serialize_pem()))
        };
        let provider = || Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&authority)?).map_err(io::Error::other)?;
        let connects = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let connects = connects.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth();
        let (chain, key) = sign(&["127.0.0.2", "127.0.0.3"])?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(io::Error::other)?;
        let accepts = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let accepts = accepts.map_err(io::Error::other)?.with_no_client_auth();
        let accepts = accepts.with_single_cert(vec![certificate(&chain)?], key).map_err(io::Error::other)?;
        let server = sign(&["127.0.0.1"])?;
        Ok(Certificates { authority, server, accepts: Arc::new(accepts), connects: Arc::new(connects) })
    }
}

fn certificate(pem: &str) -> io::Result<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(io::Error::other)
}

impl Gateway {
    /// Starts it towards the server at `server`.
    pub(crate) fn start(over: Over, server: SocketAddr) -> io::Result<Gateway> {
        let address = SocketAddr::from(ADDRESS);
        let datagrams = UdpSocket::bind(address)?;
        datagrams.set_nonblocking(true)?;
        let peer = |text: &&str| -> io::Result<Peer> {
            let address: SocketAddr = text.parse().map_err(io::Error::other)?;
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Peer { address, listener, links: Vec::new(), asked_by: 0 })
        };
        let peers = PEERS.iter().take(2).map(peer).collect::<io::Result<Vec<Peer>>>()?;
        let mut bridge = Bridge { over, server, datagrams, peers };
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("gateway".into()).spawn(move || bridge.run(&stopped))?;
        Ok(Gateway { address, stop, thread: Some(thread) })
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(Ok(Err(error))) = self.thread.take().map(JoinHandle::join) {
            eprintln!("the gateway: {error}");
        }
    }
}

impl Bridge {
    fn run(&mut self, stop: &AtomicBool) -> io::Result<()> {
        while !stop.load(Ordering::Relaxed) {
            self.wait()?;
            self.take_datagrams()?;
            for at in 0..self.peers.len() {
                self.accept(at)?;
                self.take_streams(at)?;
            }
        }
        Ok(())
    }

    fn wait(&self) -> io::Result<()> {
        let mut ready = vec![PollFd::new(&self.datagrams, PollFlags::IN)];
        for peer in &self.peers {
            ready.push(PollFd::new(&peer.listener, PollFlags::IN));
            for link in &peer.links {
                let wanted = if link.has_unsent() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
                ready.push(PollFd::new(&link.stream, wanted));
            }
        }
        match poll(&mut ready, Some(&LOOK)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take_datagrams(&mut self) -> io::Result<()> {
        let mut buffer = [0; 8192];
        loop {
            let (length, from) = match self.datagrams.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => continue,
            };
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let Some(at) = self.peers.iter().position(|peer| peer.address == from) else { continue };
            let text = self.as_on_a_stream(&text, from);
            let is_response = text.starts_with("SIP/2.0");
            if self.peers[at].links.is_empty() {
                match self.connect(from) {
                    Ok(link) => self.peers[at].links.push(link),
                    // The server does not listen yet: the generator asks again.
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                    Err(error) => return Err(error),
                }
            }
            let peer = &mut self.peers[at];
            let link = if is_response { peer.asked_by } else { 0 };
            if let Some(link) = peer.links.get_mut(link) {
                link.send(text.as_bytes())?;
            }
        }
    }

    /// The transport's name in the peer's own Via and Contact.
    fn as_on_a_stream(&self, text: &str, peer: SocketAddr) -> String {
        let (name, parameter) = match self.over {
            Over::Tcp => ("SIP/2.0/TCP", "tcp"),
            Over::Tls(_) => ("SIP/2.0/TLS", "tls"),
        };
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let own = format!("@{peer}>");
        let line = |line: &str| {
            if line.starts_with("Contact:") {
                line.replace(&own, &format!("@{peer};transport={parameter}>"))
            } else {
                line.replace("SIP/2.0/UDP", name)
            }
        };
        let head: Vec<String> = head.split("\r\n").map(line).collect();
        format!("{}\r\n\r\n{body}", head.join("\r\n"))
    }

    fn connect(&self, from: SocketAddr) -> io::Result<Link> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // The trunk is known by its address; the port is its listener's.
        socket.bind(&SockAddr::from(SocketAddr::new(from.ip(), 0)))?;
        socket.connect(&SockAddr::from(self.server))?;
        let tls = match &self.over {
            Over::Tcp => None,
            Over::Tls(certificates) => {
                let name = ServerName::IpAddress(self.server.ip().into());
                let connection = ClientConnection::new(Arc::clone(&certificates.connects), name);
                Some(Connection::Client(connection.map_err(io::Error::other)?))
            }
        };
        Link::new(socket.into(), tls)
    }

    fn accept(&mut self, at: usize) -> io::Result<()> {
        loop {
            let stream = match self.peers[at].listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let tls = match &self.over {
                Over::Tcp => None,
                Over::Tls(certificates) => {
                    let connection = ServerConnection::new(Arc::clone(&certificates.accepts));
                    Some(Connection::Server(connection.map_err(io::Error::other)?))
                }
            };
            self.peers[at].links.push(Link::new(stream, tls)?);
        }
    }

    fn take_streams(&mut self, at: usize) -> io::Result<()> {
        let peer = &mut self.peers[at];
        for number in 0..peer.links.len() {
            let link = &mut peer.links[number];
            link.flush()?;
            link.receive()?;
            while let Some(length) = message_length(&link.received) {
                let message: Vec<u8> = link.received.drain(..length).collect();
                if message.len() <= 2 {
                    continue;
                }
                if !message.starts_with(b"SIP/2.0") {
                    peer.asked_by = number;
                }
                // A full buffer is a loss like any other.
                let _ = self.datagrams.send_to(&message, peer.address);
            }
        }
        Ok(())
    }
}

impl Link {
    fn new(stream: TcpStream, tls: Option<Connection>) -> io::Result<Link> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Link { stream, tls, received: Vec::new(), unsent: Vec::new() })
    }

    fn has_unsent(&self) -> bool {
        !self.unsent.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(bytes)?,
            None => self.unsent.extend_from_slice(bytes),
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                match tls.write_tls(&mut self.stream) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16_384];
        loop {
            let read = match &mut self.tls {
                None => self.stream.read(&mut buffer),
                Some(tls) => tls.read_tls(&mut self.stream),
            };
            let length = match read {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            if let Some(tls) = &mut self.tls {
                tls.process_new_packets().map_err(io::Error::other)?;
                loop {
                    match tls.reader().read(&mut buffer) {
                        Ok(0) => break,
                        Ok(length) => self.received.extend_from_slice(&buffer[..length]),
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => return Err(error),
                    }
                }
            } else {
                self.received.extend_from_slice(&buffer[..length]);
            }
            if length == 0 {
                // The server is gone, or will be in a moment.
                return Ok(());
            }
        }
    }
}

/// The length of the first message, or of the blank line before it, if it is whole.
fn message_length(bytes: &[u8]) -> Option<usize> {
    if bytes.starts_with(b"\r\n") {
        return Some(2);
    }
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = str::from_utf8(&bytes[..head]).ok()?;
    let length = text.split("\r\n").find_map(|line| line.strip_prefix("Content-Length:"));
    let body: usize = length.and_then(|value| value.trim().parse().ok()).unwrap_or(0);
    (bytes.len() >= head + body).then_some(head + body)
}
