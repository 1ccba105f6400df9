//! The RTP packet as seen on the wire (RFC 3550 §5.1): validated before anything reads it.

use std::ops::Range;

use rtp::header::Header;
use webrtc_util::marshal::Marshal;

/// Bytes of the header that we send: no CSRC, no extension.
pub const HEADER_BYTES: usize = 12;

/// The fields of a valid packet, and where its payload lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketView {
    /// The marker bit; its meaning is the profile's.
    pub marker: bool,
    /// Payload type, 0–127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in samples.
    pub timestamp: u32,
    /// Synchronisation source.
    pub ssrc: u32,
    /// The payload without padding; it begins at 12 or later.
    pub payload: Range<usize>,
}

impl PacketView {
    /// Reads and checks a packet: version 2, and CSRC list, extension and padding inside it.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let (fixed, _) = packet.split_first_chunk::<HEADER_BYTES>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut start = HEADER_BYTES + 4 * usize::from(fixed[0] & 0x0F);
        if fixed[0] & 0x10 != 0 {
            let extension = packet.get(start..start + 4)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        let mut end = packet.len();
        if start > end {
            return None;
        }
        if fixed[0] & 0x20 != 0 {
            let padding = usize::from(*packet.last()?);
            if padding == 0 || padding > end - start {
                return None;
            }
            end -= padding;
        }
        Some(Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7F,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            payload: start..end,
        })
    }
}

/// Whether a packet on a port that carries both is RTCP (RFC 5761 §4): its second byte is 192–223.
pub fn is_rtcp(packet: &[u8]) -> bool {
    matches!(packet.get(1), Some(192..=223))
}

/// What stands in a header that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeaderFields {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

impl HeaderFields {
    /// Writes the header just before the payload of a received packet and returns what to send.
    /// Extensions and contributing sources were agreed with the other leg, so they end here.
    pub(crate) fn rewrite<'a>(&self, packet: &'a mut [u8], payload: &Range<usize>) -> Option<&'a [u8]> {
        let start = payload.start.checked_sub(HEADER_BYTES)?;
        let outgoing = packet.get_mut(start..payload.end)?;
        let header = outgoing.first_chunk_mut::<HEADER_BYTES>()?;
        header[0] = 0x80;
        header[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7F);
        header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        header[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        header[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        Some(outgoing)
    }

    /// Builds a packet of our own from header and payload; `None` when `into` is too short.
    pub(crate) fn build<'a>(&self, payload: &[u8], into: &'a mut [u8]) -> Option<&'a [u8]> {
        let header = Header {
            version: 2,
            marker: self.marker,
            payload_type: self.payload_type,
            sequence_number: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
            ..Header::default()
        };
        let written = header.marshal_to(into).ok()?;
        let end = written + payload.len();
        into.get_mut(written..end)?.copy_from_slice(payload);
        into.get(..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: [u8; 14] = [0x80, 0x88, 0, 7, 0, 0, 0, 9, 0, 0, 0, 5, 0xAA, 0xBB];

    fn with(change: impl FnOnce(&mut Vec<u8>)) -> Option<Range<usize>> {
        let mut packet = PLAIN.to_vec();
        change(&mut packet);
        PacketView::parse(&packet).map(|view| view.payload)
    }

    #[test]
    fn a_plain_packet_is_read() {
        let view = PacketView::parse(&PLAIN).unwrap();
        assert_eq!(
            (view.marker, view.payload_type, view.sequence, view.timestamp, view.ssrc, view.payload),
            (true, 8, 7, 9, 5, 12..14)
        );
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(with(|p| p.truncate(11)), None);
        assert_eq!(with(|p| p[0] = 0x00), None, "version 0");
        assert_eq!(with(|p| p[0] = 0x81), None, "one CSRC that is not there");
        assert_eq!(with(|p| p[0] = 0xA0), None, "padding of 0xBB bytes");
        assert_eq!(
            with(|p| {
                p[0] = 0xA0;
                p[13] = 0
            }),
            None,
            "padding of no bytes"
        );
        assert_eq!(
            with(|p| {
                p[0] = 0xA0;
                p[13] = 2
            }),
            Some(12..12)
        );
        assert_eq!(
            with(|p| {
                p[0] = 0x90;
                p.extend([0, 1])
            }),
            None,
            "an extension word that is not there"
        );
    }

    #[test]
    fn extensions_and_sources_are_stepped_over() {
        let packet = with(|p| {
            p[0] = 0x91;
            p.splice(12..12, [1, 2, 3, 4, 0xBE, 0xDE, 0, 1, 9, 9, 9, 9]);
        });
        assert_eq!(packet, Some(24..26));
    }

    #[test]
    fn the_rtp_crate_reads_what_we_write() {
        use webrtc_util::marshal::Unmarshal;
        let fields = HeaderFields { marker: true, payload_type: 101, sequence: 65_535, timestamp: 1 << 31, ssrc: 77 };
        let mut buffer = [0; 64];
        let built = fields.build(&[1, 2, 3], &mut buffer).unwrap().to_vec();
        let mut received = [0u8; 12 + 8 + 3];
        received[20..].copy_from_slice(&[1, 2, 3]);
        let rewritten = fields.rewrite(&mut received, &(20..23)).unwrap();
        assert_eq!(rewritten, built);
        let oracle = rtp::packet::Packet::unmarshal(&mut &built[..]).unwrap();
        assert_eq!(
            (oracle.header.marker, oracle.header.payload_type, oracle.header.sequence_number),
            (true, 101, 65_535)
        );
        assert_eq!((oracle.header.timestamp, oracle.header.ssrc, &oracle.payload[..]), (1 << 31, 77, &[1, 2, 3][..]));
        assert_eq!(fields.build(&[0; 60], &mut buffer), None);
    }

    #[test]
    fn rtcp_is_told_apart_by_its_second_byte() {
        for (byte, rtcp) in [
            (0, false),
            (8, false),
            (101, false),
            (0x80 | 8, false),
            (191, false),
            (192, true),
            (200, true),
            (223, true),
            (224, false),
        ] {
            assert_eq!(is_rtcp(&[0x80, byte]), rtcp, "{byte}");
        }
    }
}
