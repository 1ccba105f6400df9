//! RTCP (RFC 3550 §6): sender and receiver reports, SDES and BYE, written and read.

use crate::reception::Report;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
/// Seconds from the NTP era (1900) to the Unix epoch.
const NTP_UNIX_SECONDS: u64 = 2_208_988_800;

/// Room for the longest compound packet that we write.
pub(crate) const COMPOUND_BYTES_MAX: usize = 128;

/// What a sender says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderInfo {
    pub(crate) now_us: u64,
    pub(crate) timestamp: u32,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
}

/// One compound packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Compound<'a> {
    pub(crate) ssrc: u32,
    /// `None` when nothing was sent since the last report: a receiver report is sent.
    pub(crate) sender: Option<SenderInfo>,
    pub(crate) report: Option<Report>,
    /// Last sender report heard (middle 32 bits of its NTP time) and the delay since, in 1/65536 s.
    pub(crate) last_sender_report: (u32, u32),
    pub(crate) name: &'a str,
    pub(crate) goodbye: bool,
}

/// What a compound packet of the peer's told us.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Middle 32 bits of a sender report's NTP time.
    pub(crate) sender_report: Option<u32>,
    /// LSR and DLSR of the report block about our SSRC.
    pub(crate) about_us: Option<(u32, u32)>,
    /// The peer says goodbye.
    pub(crate) goodbye: bool,
}

/// The middle 32 bits of the NTP time of `now_us` (RFC 3550 §4).
pub(crate) fn ntp_middle(now_us: u64) -> u32 {
    (ntp(now_us) >> 16) as u32
}

fn ntp(now_us: u64) -> u64 {
    let seconds = now_us / 1_000_000 + NTP_UNIX_SECONDS;
    let fraction = ((now_us % 1_000_000) << 32) / 1_000_000;
    (seconds << 32) | fraction
}

impl Compound<'_> {
    /// Writes the packet and returns its length; `None` when the buffer is too short.
    pub(crate) fn write(&self, into: &mut [u8]) -> Option<usize> {
        let mut writer = Writer { into, at: 0 };
        self.write_report(&mut writer)?;
        self.write_description(&mut writer)?;
        if self.goodbye {
            writer.header(1, GOODBYE, 1)?;
            writer.word(self.ssrc)?;
        }
        Some(writer.at)
    }

    fn write_report(&self, writer: &mut Writer<'_>) -> Option<()> {
        let blocks = u8::from(self.report.is_some());
        let words = 6 * u16::from(blocks) + 1;
        match self.sender {
            Some(sender) => {
                writer.header(blocks, SENDER_REPORT, words + 5)?;
                writer.word(self.ssrc)?;
                let time = ntp(sender.now_us);
                for word in
                    [(time >> 32) as u32, time as u32, sender.timestamp, sender.packets as u32, sender.octets as u32]
                {
                    writer.word(word)?;
                }
            }
            None => {
                writer.header(blocks, RECEIVER_REPORT, words)?;
                writer.word(self.ssrc)?;
            }
        }
        if let Some(report) = self.report {
            let (last, delay) = self.last_sender_report;
            let lost = (u32::from(report.fraction_lost) << 24) | (report.lost & 0xFF_FFFF);
            for word in [report.ssrc, lost, report.highest, report.jitter, last, delay] {
                writer.word(word)?;
            }
        }
        Some(())
    }

    fn write_description(&self, writer: &mut Writer<'_>) -> Option<()> {
        let name = self.name.as_bytes().get(..self.name.len().min(32))?;
        let padded = (2 + name.len()) / 4 * 4 + 4; // at least one zero octet ends the list (§6.5)
        writer.header(1, SOURCE_DESCRIPTION, 1 + (padded / 4) as u16)?;
        writer.word(self.ssrc)?;
        let items = writer.take(padded)?;
        items.fill(0);
        items[0] = 1; // CNAME
        items[1] = name.len() as u8;
        items[2..2 + name.len()].copy_from_slice(name);
        Some(())
    }
}

struct Writer<'a> {
    into: &'a mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn take(&mut self, bytes: usize) -> Option<&mut [u8]> {
        let start = self.at;
        self.at += bytes;
        self.into.get_mut(start..self.at)
    }

    fn word(&mut self, word: u32) -> Option<()> {
        self.take(4)?.copy_from_slice(&word.to_be_bytes());
        Some(())
    }

    fn header(&mut self, count: u8, kind: u8, words: u16) -> Option<()> {
        self.word((u32::from(0x80 | count) << 24) | (u32::from(kind) << 16) | u32::from(words))
    }
}

/// Reads a compound packet; `None` when its form is wrong (RFC 3550 A.2).
pub(crate) fn read(packet: &[u8], our_ssrc: u32) -> Option<Heard> {
    let mut heard = Heard::default();
    let mut rest = packet;
    let mut first = true;
    while !rest.is_empty() {
        let header = rest.first_chunk::<4>()?;
        let kind = header[1];
        if header[0] >> 6 != 2 || (first && !matches!(kind, SENDER_REPORT | RECEIVER_REPORT)) {
            return None;
        }
        first = false;
        let bytes = 4 * (1 + usize::from(u16::from_be_bytes([header[2], header[3]])));
        let (body, after) = (rest.get(4..bytes)?, rest.get(bytes..)?);
        let blocks = match kind {
            SENDER_REPORT => {
                let time = body.get(4..12)?;
                heard.sender_report = Some(u32::from_be_bytes([time[2], time[3], time[4], time[5]]));
                body.get(24..)
            }
            RECEIVER_REPORT => body.get(4..),
            GOODBYE => {
                heard.goodbye = true;
                None
            }
            _ => None,
        };
        if let Some(blocks) = blocks {
            heard.about_us = heard.about_us.or_else(|| about(blocks, header[0] & 0x1F, our_ssrc));
        }
        rest = after;
    }
    if first { None } else { Some(heard) }
}

fn about(blocks: &[u8], count: u8, our_ssrc: u32) -> Option<(u32, u32)> {
    let block = blocks.chunks_exact(24).take(usize::from(count)).find(|block| block[..4] == our_ssrc.to_be_bytes())?;
    let word = |at: usize| u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
    Some((word(16), word(20)))
}

/// Round-trip time in microseconds from a report block (RFC 3550 §6.4.1); `None` when it makes no sense.
pub(crate) fn round_trip_us(now_us: u64, last: u32, delay: u32) -> Option<u32> {
    if last == 0 {
        return None;
    }
    let trip = ntp_middle(now_us).wrapping_sub(last).wrapping_sub(delay);
    // More than a minute, or negative: clocks or a lie.
    (trip < 60 << 16).then(|| ((u64::from(trip) * 1_000_000) >> 16) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: Report = Report { ssrc: 5, fraction_lost: 12, lost: 34, highest: 0x1_0005, jitter: 80 };

    fn written(compound: &Compound<'_>) -> Vec<u8> {
        let mut buffer = [0; COMPOUND_BYTES_MAX];
        let length = compound.write(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    fn compound(sender: bool, goodbye: bool) -> Vec<u8> {
        let now_us = 1_700_000_000_250_000;
        written(&Compound {
            ssrc: 7,
            sender: sender.then_some(SenderInfo { now_us, timestamp: 1_600, packets: 10, octets: 1_600 }),
            report: Some(REPORT),
            last_sender_report: (0xAABB_CCDD, 0x1_0000),
            name: "0123456789abcdef",
            goodbye,
        })
    }

    #[test]
    fn what_is_written_is_read_back() {
        let packet = compound(true, true);
        assert_eq!(packet.len() % 4, 0);
        let heard = read(&packet, 5).unwrap();
        assert_eq!(heard.about_us, Some((0xAABB_CCDD, 0x1_0000)));
        assert_eq!(heard.sender_report, Some(ntp_middle(1_700_000_000_250_000)));
        assert!(heard.goodbye);
        let silent = read(&compound(false, false), 6).unwrap();
        assert_eq!(silent, Heard::default());
    }

    #[test]
    fn every_cut_and_lie_is_refused_or_harmless() {
        let packet = compound(true, true);
        for length in 0..packet.len() {
            let _ = read(&packet[..length], 5);
        }
        assert_eq!(read(&packet[..30], 5), None);
        assert_eq!(read(&[], 5), None);
        assert_eq!(read(&[0x80, 202, 0, 0], 5), None, "a compound packet opens with a report");
        assert_eq!(read(&[0x81, 201, 0, 1, 0, 0, 0, 1], 5), Some(Heard::default()), "a block that is not there");
    }

    #[test]
    fn the_round_trip_is_time_minus_delay() {
        let sent = 1_700_000_000_000_000;
        let trip = round_trip_us(sent + 600_000, ntp_middle(sent), 1 << 15).unwrap();
        assert!((99_000..=101_000).contains(&trip), "{trip}");
        assert_eq!(round_trip_us(sent, 0, 0), None);
        assert_eq!(round_trip_us(sent, ntp_middle(sent), 1 << 15), None, "negative");
    }
}
