//! What this machine takes for the two things that nobody can do without: a datagram, and a sleep.

use std::io;
use std::net::UdpSocket;
use std::time::Duration;

use crate::system;

/// Sockets on each side: as many as 200 calls have, so that they are as cold as theirs.
const SOCKETS: usize = 400;
const DATAGRAMS: usize = 40_000;
const SLEEPS: usize = 1_000;
/// A G.711 packet of 20 ms.
const PACKET: [u8; 172] = [0x80; 172];

/// In microseconds of CPU.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Floor {
    /// One datagram sent and received over loopback, one after the other without a pause.
    pub(crate) datagram_us: f64,
    /// The same after a sleep of half a millisecond each.
    pub(crate) wake_us: f64,
}

/// Measures for about a second.
pub(crate) fn measure() -> io::Result<Floor> {
    let pairs: Vec<(UdpSocket, UdpSocket)> = (0..SOCKETS)
        .map(|_| {
            let (from, to) = (UdpSocket::bind(("127.0.0.1", 0))?, UdpSocket::bind(("127.0.0.1", 0))?);
            from.connect(to.local_addr()?)?;
            Ok((from, to))
        })
        .collect::<io::Result<_>>()?;
    Ok(Floor {
        datagram_us: cost(&pairs, DATAGRAMS, None)?,
        wake_us: cost(&pairs, SLEEPS, Some(Duration::from_micros(500)))?,
    })
}

fn cost(pairs: &[(UdpSocket, UdpSocket)], count: usize, pause: Option<Duration>) -> io::Result<f64> {
    let mut buffer = [0; 256];
    let before = system::cpu_time(std::process::id())?;
    // A stride that visits every pair, and none soon again.
    for (from, to) in pairs.iter().cycle().step_by(7).take(count) {
        if let Some(pause) = pause {
            std::thread::sleep(pause);
        }
        from.send(&PACKET)?;
        to.recv_from(&mut buffer)?;
    }
    Ok((system::cpu_time(std::process::id())? - before) as f64 / 1e3 / count as f64)
}
