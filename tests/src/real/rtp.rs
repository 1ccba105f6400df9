//! A party that is only RTP: the sound of a SIPp call.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::ear::{Ear, Mark};
use super::tone::{Sound, sample};
use super::wait::now;

const PACKET: Duration = Duration::from_millis(20);
const SAMPLES: usize = 160;

/// An RTP packet that came in (µ-law or telephone events).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHeard {
    /// When, in µs since the party began.
    pub at_us: u64,
    /// Payload type.
    pub payload_type: u8,
    /// Whether the marker bit was set.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// From where it came.
    pub source: SocketAddr,
}

/// A DTMF digit that came in as telephone events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigitHeard {
    /// The event: 0–9, 10 `*`, 11 `#`.
    pub event: u8,
    /// The timestamp that all its packets share.
    pub timestamp: u32,
}

/// Sends its tone as G.711 µ-law every 20 ms to where it was told, and keeps all that it hears.
#[derive(Debug)]
pub struct RtpParty {
    socket: UdpSocket,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    ends: AtomicBool,
    silent: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    remote: Option<SocketAddr>,
    digits_to_send: Vec<u8>,
    packets: Vec<PacketHeard>,
    digits: Vec<DigitHeard>,
    samples: Vec<i16>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RtpParty {
    /// Opens a port on this address. It is silent until it knows where to send.
    pub fn open(address: Ipv4Addr, tone_hz: u32) -> RtpParty {
        let socket = UdpSocket::bind(SocketAddrV4::new(address, 0)).expect("a free port");
        socket.set_read_timeout(Some(PACKET)).expect("a timeout above zero");
        let shared = Arc::new(Shared::default());
        let threads = vec![
            spawn(&socket, &shared, move |socket, shared| send_all(socket, shared, tone_hz)),
            spawn(&socket, &shared, receive_all),
        ];
        RtpParty { socket, shared, threads }
    }

    /// Its port, for the session description.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }

    /// Where to send from now on.
    pub fn send_to(&self, remote: SocketAddr) {
        self.shared.state().remote = Some(remote);
    }

    /// Sends nothing from now on (`true`), as a dead line would, or goes on (`false`).
    pub fn be_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Ordering::Relaxed);
    }

    /// Sends a digit as telephone events (RFC 4733, payload type 101): 0–9, 10 `*`, 11 `#`.
    pub fn press(&self, event: u8) {
        self.shared.state().digits_to_send.push(event);
    }

    /// Every packet that has come in, in order.
    pub fn packets(&self) -> Vec<PacketHeard> {
        self.shared.state().packets.clone()
    }

    /// Every digit that has come in, in order.
    pub fn digits(&self) -> Vec<DigitHeard> {
        self.shared.state().digits.clone()
    }
}

impl Ear for RtpParty {
    fn mark(&self) -> Mark {
        let count = self.shared.state().samples.len();
        Mark([(std::path::PathBuf::new(), count)].into())
    }

    fn since(&self, mark: &Mark) -> Sound {
        let start = mark.0.values().next().copied().unwrap_or(0);
        let state = self.shared.state();
        Sound(state.samples.get(start..).unwrap_or_default().to_vec())
    }
}

impl Drop for RtpParty {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn spawn(
    socket: &UdpSocket,
    shared: &Arc<Shared>,
    work: impl FnOnce(&UdpSocket, &Shared) + Send + 'static,
) -> JoinHandle<()> {
    let socket = socket.try_clone().expect("a second handle of a socket");
    let shared = Arc::clone(shared);
    std::thread::spawn(move || work(&socket, &shared))
}

/// Sends on the beat: a late packet does not make the next one late.
fn send_all(socket: &UdpSocket, shared: &Shared, tone_hz: u32) {
    let start = now();
    let (mut sequence, mut index) = (1000_u16, 0_u32);
    while !shared.ends.load(Ordering::Relaxed) {
        let due = PACKET * index;
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let timestamp = index.wrapping_mul(160);
        let (remote, digit) = {
            let mut state = shared.state();
            let waiting = !state.digits_to_send.is_empty() && state.remote.is_some();
            (state.remote, waiting.then(|| state.digits_to_send.remove(0)))
        };
        if let (Some(remote), Some(event)) = (remote, digit) {
            sequence = send_digit(socket, remote, event, sequence, timestamp);
            index += 10;
            continue;
        }
        if let (Some(remote), false) = (remote, shared.silent.load(Ordering::Relaxed)) {
            let packet = tone_packet(tone_hz, sequence, timestamp);
            let _ = socket.send_to(&packet, remote);
            sequence = sequence.wrapping_add(1);
        }
        index += 1;
    }
}

fn tone_packet(tone_hz: u32, sequence: u16, timestamp: u32) -> Vec<u8> {
    let mut packet = header(0, false, sequence, timestamp);
    let first = u64::from(timestamp);
    packet.extend((first..first + 160).map(|index| to_ulaw(sample(tone_hz, index))));
    packet
}

/// A digit of 160 ms, with its end sent three times (RFC 4733 §2.5.1.4). Answers the next sequence number.
fn send_digit(socket: &UdpSocket, remote: SocketAddr, event: u8, first: u16, timestamp: u32) -> u16 {
    let mut sequence = first;
    for step in 1..=10_u16 {
        let duration = (step.min(8) * 160).to_be_bytes();
        let end = if step >= 8 { 0x80 } else { 0 };
        let mut packet = header(101, step == 1, sequence, timestamp);
        packet.extend([event, end | 10, duration[0], duration[1]]);
        let _ = socket.send_to(&packet, remote);
        sequence = sequence.wrapping_add(1);
        std::thread::sleep(PACKET);
    }
    sequence
}

fn header(payload_type: u8, marker: bool, sequence: u16, timestamp: u32) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type | if marker { 0x80 } else { 0 }];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend(0x0BA7_0000_u32.to_be_bytes());
    packet
}

fn receive_all(socket: &UdpSocket, shared: &Shared) {
    let start = now();
    let mut buffer = [0_u8; 2048];
    while !shared.ends.load(Ordering::Relaxed) {
        match socket.recv_from(&mut buffer) {
            Ok((length, source)) => {
                let at_us = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
                take(shared, buffer.get(..length).unwrap_or_default(), source, at_us);
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(_) => {}
        }
    }
}

fn take(shared: &Shared, bytes: &[u8], source: SocketAddr, at_us: u64) {
    let Some((header, payload)) = bytes.split_first_chunk::<12>() else {
        return;
    };
    let packet = PacketHeard {
        at_us,
        payload_type: header[1] & 0x7f,
        marker: header[1] & 0x80 != 0,
        sequence: u16::from_be_bytes([header[2], header[3]]),
        timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
        ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        source,
    };
    let mut state = shared.state();
    state.packets.push(packet);
    match (packet.payload_type, payload) {
        (0, payload) if payload.len() <= 4 * SAMPLES => {
            state.samples.extend(payload.iter().map(|&byte| from_ulaw(byte)));
        }
        (101, [event, ..]) => {
            let digit = DigitHeard { event: *event, timestamp: packet.timestamp };
            if state.digits.last() != Some(&digit) {
                state.digits.push(digit);
            }
        }
        _ => {}
    }
}

/// G.711 µ-law, written here so that the server's own codec is not tested against itself.
fn to_ulaw(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80_u8 } else { 0 };
    let magnitude = sample.unsigned_abs().min(32635) + 132;
    let exponent = 7 - magnitude.leading_zeros().min(8).saturating_sub(1).min(7);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    let code = u8::try_from(exponent << 4).unwrap_or(0x70) | u8::try_from(mantissa).unwrap_or(0);
    !(sign | code)
}

fn from_ulaw(byte: u8) -> i16 {
    let code = !byte;
    let exponent = (code >> 4) & 7;
    let magnitude = ((i16::from(code & 0x0f) << 3) + 132) << exponent;
    if code & 0x80 == 0 { magnitude - 132 } else { 132 - magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ulaw_knows_the_values_of_the_recommendation() {
        assert_eq!([to_ulaw(0), to_ulaw(32635), to_ulaw(-32635)], [0xff, 0x80, 0x00]);
        assert_eq!([from_ulaw(0xff), from_ulaw(0x80), from_ulaw(0x00)], [0, 32124, -32124]);
    }

    #[test]
    fn ulaw_keeps_a_sample_within_its_step() {
        for sample in (-32000..32000_i16).step_by(7) {
            let back = from_ulaw(to_ulaw(sample));
            let error = (i32::from(back) - i32::from(sample)).abs();
            assert!(error <= 8 + i32::from(sample.unsigned_abs()) / 16, "{sample} came back as {back}");
        }
    }
}
