//! Reading a session description (RFC 4566), as much of it as offer/answer needs.
//!
//! The scan is our own rather than a library's. Descriptions are never relayed, so only five kinds of line matter;
//! everything else (`o=` users with blanks, Latin-1 session names, missing `s=` and `t=`) is passed over without
//! being decoded, where a full parser has to be fed repaired text. It borrows from the input and cannot fail on what
//! it does not read.

use std::net::IpAddr;

use crate::limits::{DESCRIPTION_BYTES_MAX, FORMATS_MAX, MAPPINGS_MAX, MEDIA_MAX, TOKEN_BYTES_MAX};
use crate::negotiation::SdpError;

/// What one description says about its media.
#[derive(Debug, Default)]
pub(crate) struct Description<'a> {
    /// What holds for every `m=` line that does not say otherwise.
    pub(crate) session: Level<'a>,
    /// The `m=` lines, in order.
    pub(crate) media: Vec<Media<'a>>,
}

/// One `m=` line with what follows it.
#[derive(Debug)]
pub(crate) struct Media<'a> {
    /// The media type: `audio`, `video`, …
    pub(crate) kind: &'a str,
    /// The port; 0 when the stream is refused or disabled.
    pub(crate) port: u16,
    /// The protocol: `RTP/AVP`, …
    pub(crate) protocol: &'a str,
    /// The formats, best first: for RTP, payload types.
    pub(crate) formats: Vec<&'a str>,
    /// Its own lines.
    pub(crate) level: Level<'a>,
}

/// The lines that may stand at session level, at media level, or at both.
#[derive(Debug, Default)]
pub(crate) struct Level<'a> {
    /// `c=`.
    pub(crate) address: Option<Address>,
    /// `a=sendrecv` and its kin.
    pub(crate) direction: Option<Direction>,
    /// `a=ptime`, in milliseconds.
    pub(crate) ptime_ms: Option<u16>,
    /// `a=maxptime`, in milliseconds.
    pub(crate) ptime_ms_max: Option<u16>,
    /// `a=rtcp` (RFC 3605): port, and the address if it is another one.
    pub(crate) rtcp: Option<(u16, Option<IpAddr>)>,
    /// `a=rtcp-mux` (RFC 5761).
    pub(crate) rtcp_mux: bool,
    /// `a=rtpmap`.
    pub(crate) mappings: Vec<Mapping<'a>>,
}

/// The address of a `c=` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Address {
    /// A unicast or unspecified address.
    Ip(IpAddr),
    /// A host name, a multicast group, another network: nowhere that we send to.
    Unusable,
}

/// A direction attribute, as its writer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

/// An `a=rtpmap` line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mapping<'a> {
    /// The payload type, 0–127.
    pub(crate) payload_type: u8,
    /// The encoding's name, in the writer's case.
    pub(crate) encoding: &'a str,
    /// Hertz.
    pub(crate) clock_rate: u32,
    /// Channels; 1 when left out.
    pub(crate) channels: u8,
}

impl<'a> Description<'a> {
    /// Reads `bytes`; borrows from them.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, SdpError> {
        if bytes.len() > DESCRIPTION_BYTES_MAX {
            return Err(malformed("too long"));
        }
        let mut lines = bytes
            .split(|byte| matches!(byte, b'\r' | b'\n'))
            .map(|line| line.trim_ascii_end())
            .filter(|line| !line.is_empty());
        if lines.next() != Some(b"v=0") {
            return Err(malformed("it does not begin with v=0"));
        }
        let mut description = Self::default();
        for line in lines {
            let [kind, b'=', value @ ..] = line else {
                return Err(malformed("a line is not of the form x=…"));
            };
            description.read_line(*kind, value.trim_ascii_start())?;
        }
        Ok(description)
    }

    fn read_line(&mut self, kind: u8, value: &'a [u8]) -> Result<(), SdpError> {
        if kind == b'm' {
            if self.media.len() >= MEDIA_MAX {
                return Err(malformed("too many m= lines"));
            }
            self.media.push(Media::parse(text(value)?)?);
            return Ok(());
        }
        let level = self.media.last_mut().map_or(&mut self.session, |media| &mut media.level);
        match kind {
            b'c' => level.address = Some(Address::parse(text(value)?)?),
            // An attribute that is not text is none of those that we read.
            b'a' => {
                if let Ok(attribute) = text(value) {
                    level.read_attribute(attribute);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Media<'a> {
    fn parse(value: &'a str) -> Result<Self, SdpError> {
        let mut fields = value.split_ascii_whitespace();
        let (Some(kind), Some(port), Some(protocol)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(malformed("an m= line is too short"));
        };
        // "49170/2" means two ports (RFC 4566 §5.14); we use the first.
        let port = port.split('/').next().unwrap_or_default();
        let port = port.parse().map_err(|_| malformed("the port of an m= line"))?;
        let formats: Vec<&str> = fields.take(FORMATS_MAX).collect();
        let repeated = [kind, protocol].into_iter().chain(formats.iter().copied());
        if !repeated.into_iter().all(is_token) {
            return Err(malformed("the words of an m= line"));
        }
        let level = Level::default();
        Ok(Self { kind, port, protocol, formats, level })
    }
}

impl<'a> Level<'a> {
    fn read_attribute(&mut self, attribute: &'a str) {
        let (name, value) = match attribute.split_once(':') {
            Some((name, value)) => (name, value.trim_ascii_start()),
            None => (attribute, ""),
        };
        match name {
            "sendrecv" => self.direction = Some(Direction::SendRecv),
            "sendonly" => self.direction = Some(Direction::SendOnly),
            "recvonly" => self.direction = Some(Direction::RecvOnly),
            "inactive" => self.direction = Some(Direction::Inactive),
            "ptime" => self.ptime_ms = milliseconds(value),
            "maxptime" => self.ptime_ms_max = milliseconds(value),
            "rtcp-mux" => self.rtcp_mux = true,
            "rtcp" => self.rtcp = rtcp(value),
            "rtpmap" if self.mappings.len() < MAPPINGS_MAX => {
                self.mappings.extend(Mapping::parse(value));
            }
            _ => {}
        }
    }
}

impl Address {
    fn parse(value: &str) -> Result<Self, SdpError> {
        let mut fields = value.split_ascii_whitespace();
        let (Some(network), Some(kind), Some(address)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(malformed("a c= line is too short"));
        };
        if network != "IN" || !matches!(kind, "IP4" | "IP6") {
            return Ok(Address::Unusable);
        }
        Ok(match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) if !address.is_multicast() => Address::Ip(address),
            _ => Address::Unusable,
        })
    }
}

impl<'a> Mapping<'a> {
    fn parse(value: &'a str) -> Option<Self> {
        let (payload_type, encoding) = value.split_once(|c: char| c.is_ascii_whitespace())?;
        let payload_type = payload_type.parse().ok().filter(|number| *number <= 127)?;
        let mut parts = encoding.trim_ascii().split('/');
        let encoding = parts.next()?;
        let clock_rate = parts.next()?.parse().ok()?;
        let channels = parts.next().map_or(Some(1), |count| count.parse().ok())?;
        Some(Self { payload_type, encoding, clock_rate, channels })
    }
}

/// `a=ptime:20`; some write `20.0` or a list, of which the first number counts.
fn milliseconds(value: &str) -> Option<u16> {
    let digits = value.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|milliseconds| *milliseconds > 0)
}

/// `a=rtcp:53020` or `a=rtcp:53020 IN IP4 126.16.64.4` (RFC 3605 §2.1).
fn rtcp(value: &str) -> Option<(u16, Option<IpAddr>)> {
    let mut fields = value.split_ascii_whitespace();
    let port = fields.next()?.parse().ok().filter(|port| *port != 0)?;
    let address = fields.nth(2).and_then(|address| address.parse::<IpAddr>().ok());
    Some((port, address.map(|address| address.to_canonical())))
}

fn text(bytes: &[u8]) -> Result<&str, SdpError> {
    str::from_utf8(bytes).map_err(|_| malformed("an m= or c= line is not text"))
}

fn is_token(word: &str) -> bool {
    word.len() <= TOKEN_BYTES_MAX && word.bytes().all(|byte| byte.is_ascii_graphic())
}

fn malformed(what: &str) -> SdpError {
    SdpError::Malformed(what.to_owned())
}
