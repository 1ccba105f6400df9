//! SIP's transports on real sockets, against the program as it is run: TLS, WebSocket, IPv6, limits. Certificates are made
//! for each test.
#![allow(clippy::unwrap_used, reason = "a helper of tests fails its test")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};

/// No wait in these tests is longer.
const PATIENCE: Duration = Duration::from_secs(20);

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A folder with a node's files, and the server that runs on it; both go with the test.
struct Node {
    folder: PathBuf,
    server: Option<Child>,
}

impl Node {
    fn new(name: &str) -> Node {
        let folder = std::env::temp_dir().join(format!("baton-transports-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("data")).unwrap();
        Node { folder, server: None }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).unwrap();
    }

    fn baton(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
        command.args(arguments).current_dir(&self.folder).env_remove("BATON_LOG").stdin(Stdio::null());
        command
    }

    /// Starts the server with these listeners and what else its configuration says.
    fn start(&mut self, listeners: &str, more: &str) {
        let node = format!(
            "{listeners}\n[media]\naddress = \"127.0.0.1\"\nports = [1024, 1031]\n[api]\nlisten = \"127.0.0.1:0\"\n{more}"
        );
        self.write("baton.toml", &node);
        let log = fs::File::create(self.folder.join("log")).unwrap();
        let mut command = self.baton(&["run", "--config", "baton.toml", "--data", "data"]);
        self.server = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        until("the server to be ready", || self.log().contains("ready").then_some(()));
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[allow(clippy::disallowed_methods, reason = "the test bounds its own waits")]
fn until<T>(what: &str, mut get: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(got) = get() {
            return got;
        }
        assert!(start.elapsed() < PATIENCE, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A port that was free a moment ago, for UDP and TCP.
fn free_port() -> u16 {
    until("a free port", || {
        let tcp = TcpListener::bind("127.0.0.1:0").ok()?;
        let address = tcp.local_addr().ok()?;
        UdpSocket::bind(address).ok().map(|_| address.port())
    })
}

fn listener(transport: &str, address: &str, more: &str) -> String {
    format!("[[sip.listeners]]\ntransport = \"{transport}\"\naddress = \"{address}\"\n{more}\n")
}

const CERTIFICATE: &str = "certificate = \"a.pem\"\nprivate_key = \"a.key\"";

/// An authority that signs what a test needs.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate and its key, as PEM.
    fn sign(&self, names: &[&str]) -> (String, String) {
        let params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        self.sign_as(params.subject_alt_names)
    }

    /// The same, with names of other kinds.
    fn sign_as(&self, names: Vec<SanType>) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names;
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// Writes a certificate and its key as `name.pem` and `name.key`.
    fn put(&self, node: &Node, name: &str, names: &[&str]) {
        let (certificate, key) = self.sign(names);
        node.write(&format!("{name}.key"), &key);
        node.write(&format!("{name}.pem"), &certificate);
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        roots
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A TLS client that trusts the authority, with a certificate of its own if there is one.
fn tls(port: u16, authority: &Authority, name: &str, own: Option<(String, String)>) -> std::io::Result<Tls> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(authority.roots());
    let config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
        }
    };
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, connect(port));
    stream.flush()?;
    Ok(stream)
}

fn options(transport: &str, number: u32) -> String {
    format!(
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} test.invalid;branch=z9hG4bK{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@test.invalid>;tag=f\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {number}\r\n\
         CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Reads up to the end of a message without a body.
fn read_head(stream: &mut impl Read) -> std::io::Result<String> {
    let (mut text, mut byte) = (Vec::new(), [0u8; 1]);
    while !text.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        text.extend_from_slice(&byte);
    }
    Ok(String::from_utf8(text).unwrap())
}

fn ask(stream: &mut (impl Read + Write), transport: &str, number: u32) -> std::io::Result<String> {
    stream.write_all(options(transport, number).as_bytes())?;
    stream.flush()?;
    read_head(stream)
}

fn shown(stream: &Tls) -> Vec<u8> {
    stream.conn.peer_certificates().unwrap()[0].to_vec()
}

fn certificate_of(node: &Node, name: &str) -> Vec<u8> {
    CertificateDer::from_pem_file(node.folder.join(name)).unwrap().to_vec()
}

#[test]
fn each_name_is_answered_with_its_own_certificate() {
    let (mut node, authority, port) = (Node::new("sni"), Authority::new(), free_port());
    authority.put(&node, "a", &["a.example", "127.0.0.1"]);
    authority.put(&node, "b", &["*.b.example"]);
    let more = "\nmore_certificates = [{ certificate = \"b.pem\", private_key = \"b.key\" }]";
    node.start(&listener("tls", &format!("127.0.0.1:{port}"), &format!("{CERTIFICATE}{more}")), "");
    for (name, file) in [("a.example", "a.pem"), ("sip.b.example", "b.pem"), ("127.0.0.1", "a.pem")] {
        let mut stream = tls(port, &authority, name, None).unwrap();
        let answer = ask(&mut stream, "TLS", 1).unwrap();
        assert!(answer.starts_with("SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS test.invalid;"), "{answer}");
        assert_eq!(shown(&stream), certificate_of(&node, file), "{name}");
    }
    // Another name gets the first one, and the client does not believe it.
    let answer = tls(port, &authority, "c.example", None).and_then(|mut stream| ask(&mut stream, "TLS", 1));
    assert!(answer.is_err(), "{answer:?}");
}

#[test]
fn a_changed_certificate_serves_new_connections_and_those_that_are_up_go_on() {
    let (mut node, authority, port) = (Node::new("reload"), Authority::new(), free_port());
    authority.put(&node, "a", &["a.example"]);
    node.start(&listener("tls", &format!("127.0.0.1:{port}"), CERTIFICATE), "");
    let mut old = tls(port, &authority, "a.example", None).unwrap();
    ask(&mut old, "TLS", 1).unwrap();
    let before = certificate_of(&node, "a.pem");

    // A file that is no certificate changes nothing.
    node.write("a.pem", "half a certificate");
    until("the bad file to be noticed", || node.log().contains("those before stay in force").then_some(()));
    let mut stream = tls(port, &authority, "a.example", None).unwrap();
    ask(&mut stream, "TLS", 2).unwrap();
    assert_eq!(shown(&stream), before);

    authority.put(&node, "a", &["a.example"]);
    let after = certificate_of(&node, "a.pem");
    until("the new certificate", || {
        let mut stream = tls(port, &authority, "a.example", None).ok()?;
        ask(&mut stream, "TLS", 3).ok()?;
        (shown(&stream) == after).then_some(())
    });
    assert!(ask(&mut old, "TLS", 4).unwrap().starts_with("SIP/2.0 200"));
}

#[test]
fn client_certificates_are_required_or_optional() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (wanted, without) in [("required", false), ("optional", true)] {
        let (mut node, port) = (Node::new(wanted), free_port());
        authority.put(&node, "a", &["a.example"]);
        node.write("ca.pem", &authority.pem);
        let more = format!("{CERTIFICATE}\nclient_certificates = \"{wanted}\"\nclient_ca = \"ca.pem\"");
        node.start(&listener("tls", &format!("127.0.0.1:{port}"), &more), "");
        let tried =
            |own| tls(port, &authority, "a.example", own).and_then(|mut stream| ask(&mut stream, "TLS", 1)).is_ok();
        assert_eq!(tried(None), without, "{wanted}: none");
        assert!(tried(Some(authority.sign(&["pbx.example"]))), "{wanted}: one of the authority");
        assert!(!tried(Some(stranger.sign(&["pbx.example"]))), "{wanted}: one of a stranger");
    }
}

#[test]
fn a_trunk_is_known_by_the_name_in_its_certificate_and_no_other() {
    let (mut node, authority, port) = (Node::new("named"), Authority::new(), free_port());
    authority.put(&node, "a", &["a.example"]);
    node.write("ca.pem", &authority.pem);
    node.write(
        "directory.toml",
        "[[trunks]]\nname = \"sbc\"\naddress = \"sbc.example.com:5061\"\ntransport = \"tls\"\n\
         certificateNames = [\"SBC.example.com\"]\n\n\
         [[conferences]]\nname = \"room\"\n\n[[numbers]]\nnumber = \"800\"\nconference = \"room\"\n",
    );
    let more = format!("{CERTIFICATE}\nclient_certificates = \"optional\"\nclient_ca = \"ca.pem\"");
    node.start(&listener("tls", &format!("127.0.0.1:{port}"), &more), "");
    let called = |own: Option<(String, String)>| {
        let mut stream = tls(port, &authority, "a.example", own).unwrap();
        let own = stream.sock.local_addr().unwrap();
        stream.write_all(invite(own, "800").replace("SIP/2.0/UDP", "SIP/2.0/TLS").as_bytes()).unwrap();
        until("a final response", || {
            let head = read_head(&mut stream).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
            stream.read_exact(&mut vec![0; length]).unwrap();
            (!head.starts_with("SIP/2.0 1")).then_some(head)
        })
    };
    let answer = called(Some(authority.sign(&["other.example.com", "sbc.example.com"])));
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    let uri = authority.sign_as(vec![SanType::URI("sip:sbc.example.com".try_into().unwrap())]);
    let answer = called(Some(uri));
    assert!(answer.starts_with("SIP/2.0 200"), "{answer}");
    // RFC 5922 §7.1: a sip URI is the identity, and the DNS name beside it is none.
    let uris = ["sip:other.example.com", "sip:anna@sbc.example.com"].map(|uri| SanType::URI(uri.try_into().unwrap()));
    let name = SanType::DnsName("sbc.example.com".try_into().unwrap());
    let beside = authority.sign_as(uris.into_iter().chain([name]).collect());
    for stranger in
        [None, Some(authority.sign(&["sbc.example.org"])), Some(authority.sign(&["*.example.com"])), Some(beside)]
    {
        let answer = called(stranger);
        assert!(answer.starts_with("SIP/2.0 407"), "{answer}");
    }
}

#[test]
fn a_configuration_with_a_certificate_that_cannot_be_used_starts_nothing() {
    let (node, authority) = (Node::new("unusable"), Authority::new());
    authority.put(&node, "a", &["a.example"]);
    authority.put(&node, "b", &["b.example"]);
    let other_key = CERTIFICATE.replace("a.key", "b.key");
    for (certificate, said) in [
        (other_key.as_str(), "sip.listeners[0]: ./a.pem and ./b.key: "),
        ("certificate = \"none.pem\"\nprivate_key = \"a.key\"", "sip.listeners[0]: ./none.pem: "),
        (
            "certificate = \"a.key\"\nprivate_key = \"a.key\"",
            "sip.listeners[0]: ./a.key: there is no certificate in it",
        ),
    ] {
        node.write("node.toml", &listener("tls", "127.0.0.1:0", certificate));
        for command in [&["check", "./node.toml"][..], &["run", "--config", "./node.toml", "--data", "data"]] {
            let output = node.baton(command).output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && error.contains(said), "{command:?}: {error}");
        }
    }
}

type WebSocket<S> = tungstenite::WebSocket<S>;

fn web_socket<S: Read + Write>(stream: S, subprotocol: Option<&str>) -> Result<WebSocket<S>, String> {
    let mut request = "ws://a.example/".into_client_request().unwrap();
    if let Some(name) = subprotocol {
        request.headers_mut().insert("Sec-WebSocket-Protocol", name.parse().unwrap());
    }
    match tungstenite::client(request, stream) {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["Sec-WebSocket-Protocol"], "sip");
            Ok(socket)
        }
        Err(tungstenite::HandshakeError::Failure(error)) => Err(error.to_string()),
        Err(tungstenite::HandshakeError::Interrupted(_)) => Err("interrupted".to_owned()),
    }
}

fn next_text(socket: &mut WebSocket<impl Read + Write>) -> Option<String> {
    loop {
        match socket.read().ok()? {
            Message::Text(text) => return Some(text.to_string()),
            Message::Ping(_) | Message::Pong(_) => {}
            _ => return None,
        }
    }
}

#[test]
fn a_web_socket_carries_one_sip_message_each_way_secured_or_not() {
    let (mut node, authority) = (Node::new("websocket"), Authority::new());
    let (ws, wss) = (free_port(), free_port());
    authority.put(&node, "a", &["a.example"]);
    let listeners =
        listener("ws", &format!("127.0.0.1:{ws}"), "") + &listener("wss", &format!("127.0.0.1:{wss}"), CERTIFICATE);
    node.start(&listeners, "[limits]\nmessage_bytes_max = 4096\n");
    let mut plain = web_socket(connect(ws), Some("chat, sip")).unwrap();
    let mut secured = web_socket(tls(wss, &authority, "a.example", None).unwrap(), Some("sip")).unwrap();

    plain.send(Message::text(options("WS", 1))).unwrap();
    assert!(next_text(&mut plain).unwrap().starts_with("SIP/2.0 200 OK\r\nVia: SIP/2.0/WS test.invalid;"));
    secured.send(Message::binary(options("WSS", 2).into_bytes())).unwrap();
    assert!(next_text(&mut secured).unwrap().starts_with("SIP/2.0 200 OK\r\nVia: SIP/2.0/WSS test.invalid;"));
    // Keep-alives of both kinds.
    plain.send(Message::Ping(b"x".to_vec().into())).unwrap();
    assert_eq!(plain.read().unwrap(), Message::Pong(b"x".to_vec().into()));
    plain.send(Message::text("\r\n\r\n")).unwrap();
    assert_eq!(next_text(&mut plain).as_deref(), Some("\r\n"));
    // A message beyond the limit ends the connection.
    let _ = plain.send(Message::text("x".repeat(5_000)));
    assert_eq!(next_text(&mut plain), None);

    for subprotocol in [None, Some("chat")] {
        let refused = web_socket(connect(ws), subprotocol).err().unwrap();
        assert!(refused.contains("400"), "{refused}");
    }
}

#[test]
fn slow_senders_are_cut_off_and_one_source_has_so_many_connections() {
    let (mut node, authority) = (Node::new("slow"), Authority::new());
    let (tcp, secured) = (free_port(), free_port());
    authority.put(&node, "a", &["a.example"]);
    let listeners = listener("tcp", &format!("127.0.0.1:{tcp}"), "")
        + &listener("tls", &format!("127.0.0.1:{secured}"), CERTIFICATE);
    let sip = "[sip]\nstream_message_s = 2\n";
    node.start(&listeners, &format!("{sip}[limits]\nconnections_per_source_max = 3\n"));
    let mut silent = connect(secured);
    let mut half = connect(tcp);
    half.write_all(&options("TCP", 1).as_bytes()[..100]).unwrap();
    let mut whole = connect(tcp);
    assert!(ask(&mut whole, "TCP", 2).unwrap().starts_with("SIP/2.0 200"));
    let mut fourth = connect(tcp);
    assert_eq!(fourth.read(&mut [0; 1]).unwrap_or(0), 0, "no place is left");
    assert_eq!(half.read(&mut [0; 1]).unwrap_or(0), 0, "half a message for two seconds");
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0, "no handshake for ten seconds");
    assert!(ask(&mut whole, "TCP", 3).unwrap().starts_with("SIP/2.0 200"), "the others were left alone");
    let mut again = connect(tcp);
    assert!(ask(&mut again, "TCP", 4).unwrap().starts_with("SIP/2.0 200"), "places come back");
}

#[test]
fn listeners_of_both_families_answer_sip_and_stun() {
    let (mut node, port) = (Node::new("families"), free_port());
    let listeners = listener("udp", &format!("127.0.0.1:{port}"), "advertised = \"203.0.113.7:5070\"")
        + &listener("udp", &format!("[::1]:{port}"), "")
        + &listener("tcp", &format!("[::1]:{port}"), "");
    node.start(&listeners, "");
    for (local, server) in [("127.0.0.1:0", format!("127.0.0.1:{port}")), ("[::1]:0", format!("[::1]:{port}"))] {
        let socket = UdpSocket::bind(local).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.connect(server.parse::<SocketAddr>().unwrap()).unwrap();
        let mut buffer = [0; 2_000];
        socket.send(options("UDP", 1).as_bytes()).unwrap();
        let length = socket.recv(&mut buffer).unwrap();
        let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let own = socket.local_addr().unwrap();
        let stamped = format!("rport={};received={}", own.port(), own.ip());
        assert!(answer.starts_with("SIP/2.0 200") && answer.contains(&stamped), "{answer}");
        socket.send(b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl").unwrap();
        let length = socket.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..2], [1, 1]);
        assert_eq!(length, if own.is_ipv4() { 32 } else { 44 });
    }
    let mut stream = TcpStream::connect(("::1", port)).unwrap();
    assert!(ask(&mut stream, "TCP", 2).unwrap().starts_with("SIP/2.0 200"));
}

#[test]
fn calls_of_both_families_are_told_media_addresses_that_they_can_reach() {
    let (mut node, port) = (Node::new("media"), free_port());
    node.write(
        "directory.toml",
        "[[trunks]]\nname = \"in\"\naddress = \"127.0.0.1:5099\"\nnetworks = [\"127.0.0.1/32\", \"::1/128\"]\n\n\
         [[conferences]]\nname = \"room\"\n\n[[numbers]]\nnumber = \"800\"\nconference = \"room\"\n",
    );
    let listeners = listener("udp", &format!("127.0.0.1:{port}"), "") + &listener("udp", &format!("[::1]:{port}"), "");
    node.start(&listeners, "");
    for (local, server, media) in [
        ("127.0.0.1:0", format!("127.0.0.1:{port}"), "c=IN IP4 127.0.0.1\r\n"),
        ("[::1]:0", format!("[::1]:{port}"), "c=IN IP6 ::1\r\n"),
    ] {
        let socket = UdpSocket::bind(local).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let own = socket.local_addr().unwrap();
        socket.send_to(invite(own, "800").as_bytes(), server.parse::<SocketAddr>().unwrap()).unwrap();
        let answer = final_response(&socket);
        assert!(answer.starts_with("SIP/2.0 200") && answer.contains(media), "{answer}");
        assert!(answer.contains(&format!("Contact: <sip:800@{server}>")), "{answer}");
    }
}

fn invite(own: SocketAddr, number: &str) -> String {
    let (family, ip) = (if own.is_ipv4() { "IP4" } else { "IP6" }, own.ip());
    let sdp =
        format!("v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n");
    format!(
        "INVITE sip:{number}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bKcall\r\nMax-Forwards: 70\r\n\
         From: <sip:a@{own}>;tag=f\r\nTo: <sip:{number}@127.0.0.1>\r\nCall-ID: call-{own}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:a@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

fn final_response(socket: &UdpSocket) -> String {
    until("a final response", || {
        let mut buffer = [0; 4_000];
        let length = socket.recv(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        (text.starts_with("SIP/2.0 ") && !text.starts_with("SIP/2.0 1")).then_some(text)
    })
}

#[test]
fn a_trunk_at_an_address_is_called_along_the_connection_that_its_certificate_proves() {
    let (mut node, authority) = (Node::new("alias"), Authority::new());
    let (udp, secured, own) = (free_port(), free_port(), free_port());
    authority.put(&node, "a", &["a.example"]);
    node.write("ca.pem", &authority.pem);
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    node.write(
        "directory.toml",
        &format!(
            "[[trunks]]\nname = \"in\"\naddress = \"{}\"\ntandem = true\n\n\
             [[trunks]]\nname = \"out\"\naddress = \"127.0.0.1:{own}\"\ntransport = \"tls\"\n\
             certificateNames = [\"sbc.example.com\"]\n\n[[routes]]\nprefix = \"49\"\ntrunk = \"out\"\n",
            caller.local_addr().unwrap(),
        ),
    );
    let more = format!("{CERTIFICATE}\nclient_certificates = \"optional\"\nclient_ca = \"ca.pem\"");
    let listeners =
        listener("udp", &format!("127.0.0.1:{udp}"), "") + &listener("tls", &format!("127.0.0.1:{secured}"), &more);
    node.start(&listeners, "[sip]\ntrusted_ca = \"ca.pem\"\n");
    // Nobody listens at the trunk's address, and whoever has another certificate does not stand for it.
    let open = |name: &str| {
        let mut stream = tls(secured, &authority, "a.example", Some(authority.sign(&[name]))).unwrap();
        let hello = options("TLS", 1).replace("test.invalid;", &format!("127.0.0.1:{own};alias;"));
        stream.write_all(hello.as_bytes()).unwrap();
        assert!(read_head(&mut stream).unwrap().starts_with("SIP/2.0 200"), "{name}");
        stream
    };
    let (mut trunk, _other) = (open("sbc.example.com"), open("other.example.com"));
    let from = caller.local_addr().unwrap();
    caller.send_to(invite(from, "4989111").as_bytes(), ("127.0.0.1", udp)).unwrap();
    let called = read_head(&mut trunk).unwrap();
    assert!(called.starts_with("INVITE sip:"), "{called}");
}

/// A call from one trunk to another over TLS; `names` are those in the other's certificate. What the caller is told last, and
/// the INVITE that the other got.
fn call_over_tls(name: &str, names: &[&str]) -> (String, Option<String>) {
    let (mut node, authority) = (Node::new(name), Authority::new());
    let (udp, secured) = (free_port(), free_port());
    authority.put(&node, "a", &["a.example"]);
    node.write("ca.pem", &authority.pem);
    let trunk = TcpListener::bind("127.0.0.1:0").unwrap();
    let caller = UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    node.write(
        "directory.toml",
        &format!(
            "[[trunks]]\nname = \"in\"\naddress = \"{}\"\ntandem = true\n\n\
             [[trunks]]\nname = \"out\"\naddress = \"localhost:{}\"\ntransport = \"tls\"\nnetworks = [\"192.0.2.1/32\"]\n\n\
             [[routes]]\nprefix = \"49\"\ntrunk = \"out\"\n",
            caller.local_addr().unwrap(),
            trunk.local_addr().unwrap().port()
        ),
    );
    let listeners = listener("udp", &format!("127.0.0.1:{udp}"), "")
        + &listener("tls", &format!("127.0.0.1:{secured}"), CERTIFICATE);
    node.start(&listeners, "[sip]\ntrusted_ca = \"ca.pem\"\n");

    let (certificate, key) = authority.sign(names);
    let answering = std::thread::spawn(move || {
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
        let (stream, _) = trunk.accept().ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
        let invite = read_head(&mut stream).ok()?;
        let header = |name: &str| invite.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        let busy = ["Via", "From", "To", "Call-ID", "CSeq"].map(header).join("\r\n");
        stream
            .write_all(
                format!("SIP/2.0 486 Busy Here\r\n{busy};tag=b\r\nContent-Length: 0\r\n\r\n")
                    .replace("INVITE;tag=b", "INVITE")
                    .as_bytes(),
            )
            .ok()?;
        stream.flush().ok()?;
        Some(invite)
    });
    let own = caller.local_addr().unwrap();
    caller.send_to(invite(own, "4989111").as_bytes(), ("127.0.0.1", udp)).unwrap();
    (final_response(&caller), answering.join().unwrap())
}

#[test]
fn a_trunk_is_called_by_tls_where_its_certificate_bears_its_name() {
    let (said, invite) = call_over_tls("trunk", &["localhost"]);
    let invite = invite.expect("the trunk was called");
    assert!(invite.contains("\r\nVia: SIP/2.0/TLS 127.0.0.1:") && invite.contains(";alias\r\n"), "{invite}");
    assert!(invite.contains(";transport=tls>\r\n"), "{invite}");
    assert!(said.starts_with("SIP/2.0 486"), "{said}");
}

#[test]
fn a_trunk_with_a_certificate_of_another_name_is_not_called() {
    let (said, invite) = call_over_tls("impostor", &["impostor.example"]);
    assert_eq!(invite, None, "nothing was told to it");
    assert!(said.starts_with("SIP/2.0 5"), "{said}");
}
