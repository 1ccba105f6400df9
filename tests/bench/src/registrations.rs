//! Phones that register with digest, as many as a large office has: what one costs in time and memory.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;

use md5::{Digest, Md5};
use rustix::event::{PollFd, PollFlags, poll};

use crate::load::{MILLISECOND, SECOND};
use crate::message::Message;
use crate::system;

/// Phones at the same time between their first REGISTER and its 200. A server that never catches up for a quarter of a second
/// puts strangers off, so there are few: what is measured is the work, not the policy.
const WINDOW: usize = 16;
/// A message without an answer for this long is sent again.
const AGAIN: u64 = 500 * MILLISECOND;
const REALM: &str = "baton";
/// All phones that are not through by then are a failure of their own.
const LIMIT: u64 = 60 * SECOND;

/// What a run saw.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Phones that are registered.
    pub(crate) registered: usize,
    /// How often a phone was put off with 503, and came again.
    pub(crate) put_off: usize,
    /// The first final answer that was none of 401, 200 and 503.
    pub(crate) refused: Option<u16>,
    /// How long it took, in nanoseconds.
    pub(crate) took: u64,
}

/// All phones behind one socket.
#[derive(Debug)]
pub(crate) struct Phones {
    socket: UdpSocket,
    local: SocketAddr,
    server: SocketAddr,
    phones: Vec<Phone>,
}

#[derive(Debug, Clone, Default)]
struct Phone {
    sequence: u32,
    /// The nonce that the server gave last, and how often it was used.
    nonce: String,
    uses: u32,
    sent_at: u64,
    done: bool,
}

/// The users and phones of the directory, in TOML: ten phones a user.
pub(crate) fn directory(count: usize) -> String {
    let mut text = String::with_capacity(count * 64);
    for user in 0..count.div_ceil(10) {
        text.push_str(&format!("\n[[users]]\nusername = \"u{user}\"\nphones = [\n"));
        for phone in user * 10..(user * 10 + 10).min(count) {
            text.push_str(&format!("  {{ username = \"p{phone}\", password = \"secret-{phone}\" }},\n"));
        }
        text.push_str("]\n");
    }
    text
}

impl Phones {
    pub(crate) fn new(count: usize, server: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.4:5070")?;
        socket.set_nonblocking(true)?;
        system::prepare(socket.as_fd(), 8 * 1024 * 1024)?;
        Self::behind(socket, count, server)
    }

    /// Behind a socket that is there already.
    pub(crate) fn behind(socket: UdpSocket, count: usize, server: SocketAddr) -> io::Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self { socket, local, server, phones: vec![Phone::default(); count] })
    }

    /// Registers every phone once more, [`WINDOW`] at a time; those that have a nonce use it again.
    pub(crate) fn register_all(&mut self) -> io::Result<Outcome> {
        let begin = system::now();
        let mut outcome = Outcome::default();
        let mut waiting: VecDeque<usize> = VecDeque::new();
        let (mut next, mut busy) = (0, 0);
        self.phones.iter_mut().for_each(|phone| phone.done = false);
        while outcome.registered < self.phones.len() && outcome.refused.is_none() && system::now() < begin + LIMIT {
            while busy < WINDOW && next < self.phones.len() {
                self.send(next);
                waiting.push_back(next);
                (next, busy) = (next + 1, busy + 1);
            }
            let mut ready = [PollFd::new(&self.socket, PollFlags::IN)];
            let pause = rustix::time::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
            poll(&mut ready, Some(&pause))?;
            let mut buffer = [0; 4096];
            while let Some((length, _)) = system::receive(self.socket.as_fd(), &mut buffer) {
                let Some(message) = Message::parse(&buffer[..length]) else { continue };
                match self.take(&message) {
                    Some(200) => (outcome.registered, busy) = (outcome.registered + 1, busy - 1),
                    // It is sent again like what was lost.
                    Some(503) => outcome.put_off += 1,
                    Some(status) => outcome.refused = Some(status),
                    None => {}
                }
            }
            self.send_again(&mut waiting);
        }
        outcome.took = system::now() - begin;
        Ok(outcome)
    }

    fn send_again(&mut self, waiting: &mut VecDeque<usize>) {
        while let Some(first) = waiting.front().copied() {
            if !self.phones[first].done && system::now() < self.phones[first].sent_at + AGAIN {
                return;
            }
            waiting.pop_front();
            if !self.phones[first].done {
                self.send(first);
                waiting.push_back(first);
            }
        }
    }

    fn send(&mut self, index: usize) {
        let Self { local, server, .. } = *self;
        let phone = &mut self.phones[index];
        phone.sequence += 1;
        phone.sent_at = system::now();
        let authorization = if phone.nonce.is_empty() {
            String::new()
        } else {
            phone.uses += 1;
            authorization(index, &phone.nonce, phone.uses, server)
        };
        let sequence = phone.sequence;
        let text = format!(
            "REGISTER sip:{server} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKr{index}-{sequence};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:p{index}@{server}>;tag=r{index}\r\nTo: <sip:p{index}@{server}>\r\n\
             Call-ID: register-{index}\r\nCSeq: {sequence} REGISTER\r\nContact: <sip:p{index}@{local}>\r\n\
             User-Agent: bench\r\nExpires: 3600\r\n{authorization}Content-Length: 0\r\n\r\n"
        );
        // A full send buffer is a loss like any other.
        let _ = self.socket.send_to(text.as_bytes(), server);
    }

    /// The final status of a phone's registration, when this ends it.
    fn take(&mut self, message: &Message<'_>) -> Option<u16> {
        let status = message.status()?;
        let index: usize = message.header("Call-ID", "i")?.strip_prefix("register-")?.parse().ok()?;
        let sequence: u32 = message.header("CSeq", "")?.split(' ').next()?.parse().ok()?;
        let phone = self.phones.get_mut(index).filter(|phone| !phone.done && phone.sequence == sequence)?;
        match status {
            401 => {
                let challenges = message.all("WWW-Authenticate", "");
                let nonce = challenges.filter(|each| each.contains("MD5")).find_map(nonce_of)?;
                (phone.nonce, phone.uses) = (nonce.to_owned(), 0);
                self.send(index);
                None
            }
            200..=699 => {
                phone.done = status == 200;
                Some(status)
            }
            _ => None,
        }
    }
}

fn nonce_of(challenge: &str) -> Option<&str> {
    challenge.split_once("nonce=\"")?.1.split('"').next()
}

/// RFC 7616 §3.4 with MD5 and `qop=auth`.
fn authorization(index: usize, nonce: &str, uses: u32, server: SocketAddr) -> String {
    let uri = format!("sip:{server}");
    let first = hash(&format!("p{index}:{REALM}:secret-{index}"));
    let second = hash(&format!("REGISTER:{uri}"));
    let response = hash(&format!("{first}:{nonce}:{uses:08x}:c0ffee:auth:{second}"));
    format!(
        "Authorization: Digest username=\"p{index}\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm=MD5, cnonce=\"c0ffee\", qop=auth, nc={uses:08x}\r\n"
    )
}

fn hash(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
