//! The offers and answers of one leg, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::audio::Audio;
use crate::description::{Description, Direction};
use crate::negotiation::{Capabilities, Codec, LocalHold, LocalMedia, Negotiated, RemoteHold, SdpError};
use crate::print::{Lines, Stream, with_origin};

/// The payload type that telephone events are offered as, when the peer has not chosen one: what nearly all use.
const TELEPHONE_EVENT_DEFAULT: u8 = 101;

/// The offer/answer state of one leg (RFC 3264), with an `o=` line of its own (wire rule D2).
///
/// [`Negotiation::offer`] gives a [`PendingOffer`] that [`Negotiation::accept`] consumes; [`Negotiation::answer`] does
/// the other direction at once. An exchange that fails changes nothing but the version of our next `o=` line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiation {
    local: LocalMedia,
    capabilities: Capabilities,
    session_id: u64,
    /// The version of the description that we sent last; 0 before the first.
    version: u64,
    /// That description without its `o=` line: an unchanged one keeps its version (RFC 3264 §8).
    sent: String,
    /// Counts the exchanges begun, so that an answer to an earlier one is known as stale.
    exchange: u64,
    agreed: Agreed,
    current: Option<Negotiated>,
    /// What our descriptions say from now on.
    hold: LocalHold,
}

/// What later offers of ours have to repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Agreed {
    lines: Lines,
    /// Our payload types; they do not change during a session (RFC 3264 §8.3.2).
    payload_types: BTreeMap<Codec, u8>,
    telephone_event: Option<u8>,
    /// What the peer uses for other things, and we therefore for none.
    foreign: BTreeSet<u8>,
}

/// An offer of ours that waits for its answer. Another offer, of ours or the peer's, in between makes it stale.
///
/// A clone of it may take a further answer to the same offer: of the 200 after the 183, or of another fork (RFC 3261
/// §13.2.2.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingOffer {
    exchange: u64,
    lines: Lines,
    codecs: Vec<(Codec, u8)>,
    telephone_event: Option<u8>,
    rtcp_mux: bool,
}

/// How an audio stream of the peer's fits an offer or our capabilities.
struct Match {
    codec: Codec,
    payload_type_send: u8,
    payload_type_receive: u8,
    dtmf_send: Option<u8>,
    dtmf_receive: Option<u8>,
    rtcp_mux: bool,
}

impl Negotiation {
    /// A leg that has negotiated nothing yet. `session_id` is the stable number of its `o=` line.
    pub fn new(local: LocalMedia, capabilities: Capabilities, session_id: u64) -> Self {
        let agreed = Agreed {
            lines: Lines::audio_only(),
            payload_types: BTreeMap::new(),
            telephone_event: None,
            foreign: BTreeSet::new(),
        };
        Self {
            local,
            capabilities,
            session_id,
            version: 0,
            sent: String::new(),
            exchange: 0,
            agreed,
            current: None,
            hold: LocalHold::None,
        }
    }

    /// How our next description holds the peer; it takes an offer or an answer to tell it.
    pub fn set_hold(&mut self, hold: LocalHold) {
        self.hold = hold;
    }

    /// How our descriptions hold the peer.
    pub fn hold(&self) -> LocalHold {
        self.hold
    }

    /// A full offer: to call, to answer an offerless INVITE (D5), or to change the session. It is `sendrecv`, unless we hold.
    pub fn offer(&mut self) -> (Bytes, PendingOffer) {
        self.exchange += 1;
        let pending = PendingOffer {
            exchange: self.exchange,
            lines: self.agreed.lines.clone(),
            codecs: self.codecs_to_offer(),
            telephone_event: self.telephone_event_to_offer(),
            rtcp_mux: self.capabilities.rtcp_mux,
        };
        let body = pending.lines.print(&Stream {
            local: self.local,
            codecs: &pending.codecs,
            telephone_event: pending.telephone_event,
            ptime_ms: self.capabilities.ptime_ms,
            rtcp_mux: pending.rtcp_mux,
            direction: self.hold.limits(Direction::SendRecv),
            zero_address: self.hold == LocalHold::ZeroAddress,
        });
        (self.send(body), pending)
    }

    /// Takes the answer to `pending`. On any error the session stays as it was.
    pub fn accept(&mut self, pending: PendingOffer, answer: &[u8]) -> Result<Negotiated, SdpError> {
        if pending.exchange != self.exchange {
            return Err(SdpError::Stale);
        }
        let description = Description::parse(answer)?;
        let audio = self.answered_audio(&pending, &description)?;
        let codecs: Vec<Codec> = pending.codecs.iter().map(|(codec, _)| *codec).collect();
        // The answer's first codec of those that we offered (RFC 3264 §6.1).
        let (codec, payload_type_send) = audio.codecs(&codecs).first().copied().ok_or(SdpError::NoCodec)?;
        let ours = pending.codecs.iter().find(|(known, _)| *known == codec);
        let (_, payload_type_receive) = ours.copied().ok_or(SdpError::NoCodec)?;
        let dtmf_send = pending.telephone_event.and(audio.telephone_event());
        let found = Match {
            codec,
            payload_type_send,
            payload_type_receive,
            dtmf_send,
            dtmf_receive: dtmf_send.and(pending.telephone_event),
            rtcp_mux: pending.rtcp_mux && audio.rtcp_mux(),
        };
        let mut negotiated = self.negotiated(&audio, &found);
        if self.hold == LocalHold::Inactive && negotiated.remote_hold == RemoteHold::Inactive {
            // It says no more than we did (RFC 3264 §6.1).
            negotiated.remote_hold = RemoteHold::None;
        }
        self.agree(pending.lines, &audio, &found, negotiated.clone());
        Ok(negotiated)
    }

    /// Answers the peer's offer. On any error the session stays as it was.
    pub fn answer(&mut self, offer: &[u8]) -> Result<(Bytes, Negotiated), SdpError> {
        let description = Description::parse(offer)?;
        let (index, audio, (codec, payload_type)) = self.offered_audio(&description)?;
        let telephone_event = audio.telephone_event().filter(|_| self.capabilities.telephone_event);
        let found = Match {
            codec,
            // The answer mirrors the offer's numbers (RFC 3264 §6.1), so that both directions use one.
            payload_type_send: payload_type,
            payload_type_receive: payload_type,
            dtmf_send: telephone_event,
            dtmf_receive: telephone_event,
            rtcp_mux: self.capabilities.rtcp_mux && audio.rtcp_mux(),
        };
        let negotiated = self.negotiated(&audio, &found);
        let lines = Lines::of(&description, index);
        let body = lines.print(&Stream {
            local: self.local,
            codecs: &[(codec, payload_type)],
            telephone_event,
            ptime_ms: negotiated.ptime_ms,
            rtcp_mux: found.rtcp_mux,
            direction: self.hold.limits(audio.flow().answer),
            zero_address: self.hold == LocalHold::ZeroAddress,
        });
        self.exchange += 1;
        self.agree(lines, &audio, &found, negotiated.clone());
        Ok((self.send(body), negotiated))
    }

    /// What is agreed at this moment.
    pub fn current(&self) -> Option<&Negotiated> {
        self.current.as_ref()
    }

    /// Our end.
    pub fn local(&self) -> LocalMedia {
        self.local
    }

    /// What we can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Gives `body` its `o=` line: the version rises by one with every change, and only then (RFC 3264 §8).
    fn send(&mut self, body: String) -> Bytes {
        if body != self.sent {
            self.version += 1;
            self.sent = body;
        }
        with_origin(self.local, self.session_id, self.version, &self.sent)
    }

    fn agree(&mut self, lines: Lines, audio: &Audio, found: &Match, negotiated: Negotiated) {
        self.agreed.lines = lines;
        self.agreed.payload_types.insert(found.codec, found.payload_type_receive);
        self.agreed.telephone_event = found.dtmf_receive.or(self.agreed.telephone_event);
        self.agreed.foreign = audio.foreign_payload_types().collect();
        self.current = Some(negotiated);
    }

    /// The present codec first, so that an offer of ours does not flip it; then the others, best first.
    fn codecs_to_offer(&self) -> Vec<(Codec, u8)> {
        let present = self.current.as_ref().map(|current| current.codec);
        let ours = self.capabilities.codecs.iter().copied();
        let mut codecs: Vec<(Codec, u8)> = Vec::new();
        for codec in present.into_iter().chain(ours) {
            if !codecs.iter().any(|(known, _)| *known == codec) {
                let agreed = self.agreed.payload_types.get(&codec).copied();
                codecs.push((codec, agreed.unwrap_or(codec.payload_type())));
            }
        }
        codecs
    }

    fn telephone_event_to_offer(&self) -> Option<u8> {
        if !self.capabilities.telephone_event {
            return None;
        }
        let taken = |number: &u8| {
            self.agreed.foreign.contains(number) || self.agreed.payload_types.values().any(|used| used == number)
        };
        let free = || (TELEPHONE_EVENT_DEFAULT..=127).chain(96..TELEPHONE_EVENT_DEFAULT).find(|n| !taken(n));
        self.agreed.telephone_event.or_else(free)
    }

    /// The stream to use: the one in use if the offer keeps it usable, else its first usable one.
    fn offered_audio<'a>(&self, description: &'a Description<'a>) -> Result<(usize, Audio<'a>, (Codec, u8)), SdpError> {
        let in_use = self.current.as_ref().map(|_| self.agreed.lines.audio);
        let mut refusal = SdpError::NoAudio;
        for index in in_use.into_iter().chain(0..description.media.len()) {
            let Some(audio) = Audio::read(description, index, self.local) else {
                continue;
            };
            match self.codec_for(&audio) {
                Some(codec) => return Ok((index, audio, codec)),
                None => refusal = SdpError::NoCodec,
            }
        }
        Err(refusal)
    }

    /// The present codec if the peer still offers it, so that hold and resume do not flip it; else its best of ours.
    fn codec_for(&self, audio: &Audio) -> Option<(Codec, u8)> {
        let offered = audio.codecs(&self.capabilities.codecs);
        let present = self.current.as_ref().map(|current| current.codec);
        let kept = offered.iter().find(|(codec, _)| Some(*codec) == present);
        kept.or(offered.first()).copied()
    }

    fn answered_audio<'a>(
        &self,
        pending: &PendingOffer,
        description: &'a Description<'a>,
    ) -> Result<Audio<'a>, SdpError> {
        // RFC 3264 §6: as many m= lines as the offer had. Lines that the answer leaves out were refused ones anyway.
        if description.media.len() > pending.lines.len() {
            return Err(SdpError::Stale);
        }
        let index = pending.lines.audio;
        let media = description.media.get(index).ok_or(SdpError::Stale)?;
        if !media.kind.eq_ignore_ascii_case("audio") {
            return Err(SdpError::Stale);
        }
        Audio::read(description, index, self.local).ok_or(SdpError::NoAudio)
    }

    fn negotiated(&self, audio: &Audio, found: &Match) -> Negotiated {
        let flow = audio.flow();
        let last = self.current.as_ref().filter(|current| !current.remote.ip().is_unspecified());
        let (remote, rtcp) = match last {
            Some(last) if audio.rtp().ip().is_unspecified() => {
                (last.remote, last.remote_rtcp.or(next_port(last.remote)))
            }
            _ => (audio.rtp(), audio.rtcp()),
        };
        Negotiated {
            remote,
            remote_rtcp: rtcp.filter(|_| !found.rtcp_mux),
            codec: found.codec,
            payload_type_send: found.payload_type_send,
            payload_type_receive: found.payload_type_receive,
            dtmf_payload_type_send: found.dtmf_send,
            dtmf_payload_type_receive: found.dtmf_receive,
            ptime_ms: audio.ptime_ms(&self.capabilities),
            send: flow.send && self.hold != LocalHold::Inactive,
            receive: flow.receive && self.hold == LocalHold::None,
            remote_hold: flow.hold,
            local_hold: self.hold,
        }
    }
}

impl LocalHold {
    /// What is left of a direction while we hold.
    fn limits(self, direction: Direction) -> Direction {
        match (self, direction) {
            (LocalHold::None, direction) => direction,
            (LocalHold::Inactive, _) | (_, Direction::RecvOnly | Direction::Inactive) => Direction::Inactive,
            (LocalHold::SendOnly | LocalHold::ZeroAddress, _) => Direction::SendOnly,
        }
    }
}

fn next_port(address: SocketAddr) -> Option<SocketAddr> {
    let port = address.port().checked_add(1)?;
    Some(SocketAddr::new(address.ip(), port))
}

impl Negotiated {
    /// Whether the peer holds us, in any dialect.
    pub fn is_held(&self) -> bool {
        self.remote_hold != RemoteHold::None
    }
}
