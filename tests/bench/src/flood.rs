//! Bad messages from strangers, 20,000 a second, from a thread of their own: rubbish, scanners, calls and registrations
//! without a password, from two hundred addresses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::load::SECOND;
use crate::system;

/// Messages in one go, and the pause between two goes.
const BATCH: u64 = 100;
const PAUSE: u64 = SECOND / 200;
/// Sources: 127.1.0.1 and on.
const SOURCES: u32 = 200;

/// A flood that runs.
#[derive(Debug)]
pub(crate) struct Flood {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<f64>,
}

impl Flood {
    /// Begins to send.
    pub(crate) fn start(server: SocketAddr) -> io::Result<Flood> {
        let bind = |number| UdpSocket::bind((Ipv4Addr::from(0x7f01_0001 + number), 0));
        let sockets = (0..SOURCES).map(bind).collect::<io::Result<Vec<_>>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().spawn(move || run(&sockets, server, &stopped))?;
        Ok(Flood { stop, thread })
    }

    /// Ends it; messages a second that were sent.
    pub(crate) fn stop(self) -> f64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn run(sockets: &[UdpSocket], server: SocketAddr, stopped: &AtomicBool) -> f64 {
    let began = system::now();
    let (mut sent, mut next) = (0u64, began);
    while !stopped.load(Ordering::Relaxed) {
        for _ in 0..BATCH {
            let text = message(sent);
            if let Some(socket) = sockets.get(sent as usize % sockets.len()) {
                // Answers are not read: the kernel drops them when the buffer is full.
                let _ = socket.send_to(text.as_bytes(), server);
            }
            sent += 1;
        }
        next += PAUSE;
        std::thread::sleep(Duration::from_nanos(next.saturating_sub(system::now())));
    }
    sent as f64 * SECOND as f64 / (system::now() - began) as f64
}

fn message(number: u64) -> String {
    let (method, more) = match number % 5 {
        0 => return "\u{1}\u{2}rubbish that is no SIP at all\r\n\r\n".to_owned(),
        1 => ("INVITE", "User-Agent: friendly-scanner\r\n"),
        2 => (
            "REGISTER",
            "Authorization: Digest username=\"1\", realm=\"baton\", nonce=\"0\", uri=\"sip:a\", response=\"0\"\r\n",
        ),
        3 => ("OPTIONS", ""),
        _ => ("INVITE", ""),
    };
    format!(
        "{method} sip:100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.1.0.1:5060;branch=z9hG4bKflood{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:1@127.0.0.1>;tag=f{number}\r\nTo: <sip:100@127.0.0.1>\r\nCall-ID: flood{number}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:1@127.1.0.1>\r\n{more}Content-Length: 0\r\n\r\n"
    )
}
