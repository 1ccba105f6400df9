//! The guard on real sockets: guessers are banned, shown and heard again; a flood does not keep phones out.
#![allow(clippy::unwrap_used, reason = "a helper of tests fails its test")]
#![allow(clippy::disallowed_methods, reason = "a test with real sockets needs the real clock")]

mod support;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use baton_sip::Credentials;
use baton_sip::digest::answer;
use baton_sip::wire::{Challenge, Method};
use support::{DIRECTORY, Folder, NODE, Server};

/// A server that takes SIP at the address that comes back.
fn server(folder: &Folder) -> (Server, SocketAddr) {
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = NODE.replacen("address = \"127.0.0.1:0\"", &format!("address = \"{free}\""), 1);
    folder.write("baton.toml", &node).write("directory.toml", DIRECTORY);
    (Server::start(folder), free)
}

struct Phone {
    socket: UdpSocket,
    number: u32,
}

impl Phone {
    fn at(address: &str, server: SocketAddr) -> Phone {
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.connect(server).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        Phone { socket, number: 0 }
    }

    /// Sends a request and gives its answer; `None` when there is none in half a second.
    fn ask(&mut self, method: &str, extra: &str) -> Option<String> {
        self.number += 1;
        let (number, local) = (self.number, self.socket.local_addr().unwrap());
        let text = format!(
            "{method} sip:anna-desk@baton SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:anna-desk@baton>;tag=t\r\nTo: <sip:anna-desk@baton>\r\nCall-ID: c-{local}\r\n\
             CSeq: {number} {method}\r\nContact: <sip:anna-desk@{local}>\r\n{extra}Content-Length: 0\r\n\r\n"
        );
        self.socket.send(text.as_bytes()).unwrap();
        let mut buffer = [0; 4_096];
        let length = self.socket.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    }

    /// Registers with a password; the status of the last answer.
    fn register(&mut self, password: &str) -> Option<u16> {
        let challenge = self.ask("REGISTER", "")?;
        let value = challenge.lines().find_map(|line| line.strip_prefix("WWW-Authenticate: "))?;
        let own = Credentials { username: "anna-desk".into(), password: password.into() };
        let challenge = Challenge::parse(value).unwrap();
        let proof = answer(&challenge, &own, &Method::Register, "sip:baton", b"", "cnonce", 1).unwrap();
        status(&self.ask("REGISTER", &format!("Authorization: {proof}\r\n"))?)
    }
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
}

#[test]
fn a_guesser_is_banned_shown_and_heard_again_when_the_ban_is_lifted() {
    let folder = Folder::new("ban");
    let (server, sip) = server(&folder);
    assert_eq!(folder.printed(&["bans", "--data", "data"]), "SOURCE  REASON  FOR  ENDS IN  TIMES\n");
    let mut guesser = Phone::at("127.0.0.2", sip);
    for _ in 0..9 {
        assert_eq!(guesser.register("guess"), Some(401));
    }
    assert_eq!(guesser.register("guess"), None, "the tenth");
    assert_eq!(guesser.ask("OPTIONS", ""), None);
    let mut other = Phone::at("127.0.0.3", sip);
    assert_eq!(other.register("x"), Some(200), "the account is not locked");

    let shown = folder.printed(&["bans", "--data", "data"]);
    let row: Vec<&str> = shown.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((row[0], row[1], row.last()), ("127.0.0.2/32", "wrongPasswords", Some(&"1")), "{shown}");
    let json = folder.printed(&["bans", "--json", "--data", "data"]);
    assert!(json.starts_with("{\"address\":\"127.0.0.2\",\"prefix\":32,"), "{json}");

    let refused = folder.refused(&["bans", "--lift", "127.0.0.9", "--data", "data"]);
    assert_eq!(refused, "baton: 127.0.0.9 is not banned.\n");
    assert_eq!(folder.printed(&["bans", "--lift", "127.0.0.2", "--data", "data"]), "127.0.0.2 is heard again\n");
    assert_eq!(guesser.ask("OPTIONS", "").as_deref().and_then(status), Some(200));
    assert_eq!(guesser.register("x"), Some(200));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_phone_registers_while_the_listener_is_flooded() {
    let folder = Folder::new("flood");
    let (server, sip) = server(&folder);
    let flood = std::thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.2:0").unwrap();
        let until = Instant::now() + Duration::from_secs(3);
        let mut sent = 0u32;
        while Instant::now() < until {
            // 100 every 5 ms: 20,000 a second.
            for _ in 0..100 {
                sent += 1;
                let text = format!(
                    "REGISTER sip:baton SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK{sent};rport\r\nFrom: \
                     <sip:1@baton>;tag=t\r\nTo: <sip:1@baton>\r\nCall-ID: {sent}\r\nCSeq: 1 REGISTER\r\n\r\n"
                );
                let _ = socket.send_to(if sent.is_multiple_of(2) { text.as_bytes() } else { b"rubbish\r\n\r\n" }, sip);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        sent
    });
    let mut phone = Phone::at("127.0.0.3", sip);
    let mut registered = 0;
    while !flood.is_finished() {
        // A datagram may be lost among so many; a phone sends again.
        registered += u32::from(phone.register("x") == Some(200));
    }
    assert!(flood.join().unwrap() > 10_000);
    assert!(registered >= 3, "{registered}");
    assert_eq!(phone.register("x"), Some(200));
    assert_eq!(server.stop(), Some(0));
}
