//! Packets that come in: judged, counted, and passed on at once.

use std::net::SocketAddr;

use super::MediaShard;
use crate::command::{Codec, Event, StreamId};
use crate::dtmf::{EventPayload, Pressed};
use crate::g711;
use crate::io::{PacketKind, Sink};
use crate::latch::{Admission, Latch};
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::packet::{PacketView, is_rtcp};
use crate::reception::Arrival;
use crate::rtcp;
use crate::stream::{EventRelay, Feed, Passing, PayloadKind, Stream};

impl MediaShard {
    /// Takes a packet that came from `source` on one of a stream's sockets. It is rewritten in place and
    /// handed to `sink` before this returns, when a leg is forwarded.
    pub fn handle_packet<S: Sink>(
        &mut self,
        now_us: u64,
        stream: StreamId,
        kind: PacketKind,
        source: SocketAddr,
        packet: &mut [u8],
        sink: &mut S,
    ) {
        let Some(slot) = self.index.get(&stream).copied() else { return };
        match kind {
            PacketKind::Rtp if !is_rtcp(packet) => self.rtp(now_us, slot, source, packet, sink),
            kind => self.rtcp(now_us, slot, kind, source, packet),
        }
    }

    fn rtp<S: Sink>(&mut self, now_us: u64, slot: u32, source: SocketAddr, packet: &mut [u8], sink: &mut S) {
        let Some(stream) = self.streams.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        let Some(latch) = &mut stream.latch else { return }; // nothing negotiated, so nothing is expected
        let Some(view) = PacketView::parse(packet).filter(|view| view.payload.len() <= PAYLOAD_BYTES_MAX) else {
            stream.malformed += 1;
            return;
        };
        let locked = latch.locked() == Some(source);
        let kind = stream.payload_kind(view.payload_type);
        let admission = match (&mut stream.latch, kind) {
            (Some(_), PayloadKind::Other) if !locked => Admission::Foreign,
            (Some(latch), _) => latch.admit(now_us, source, view.ssrc, view.sequence),
            (None, _) => return,
        };
        match admission {
            Admission::Accepted => {}
            Admission::Probation => return,
            Admission::Foreign => {
                stream.foreign += 1;
                return;
            }
        }
        if stream.reception.packet(view.ssrc, view.sequence) == Arrival::Duplicate {
            return;
        }
        stream.heard_us = now_us;
        if !stream.audible {
            stream.audible = true;
            stream.silent_told = false;
            self.events.push_back(Event::Audible { stream: stream.id });
        }
        match kind {
            PayloadKind::Audio(codec) => self.audio(now_us, slot, codec, &view, packet, sink),
            PayloadKind::Event => self.event(now_us, slot, &view, packet, sink),
            PayloadKind::Other => {}
        }
    }

    fn audio<S: Sink>(
        &mut self,
        now_us: u64,
        slot: u32,
        codec: Codec,
        view: &PacketView,
        packet: &mut [u8],
        sink: &mut S,
    ) {
        let Some(stream) = self.streams.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        stream.reception.arrived(now_us, view.timestamp);
        let Some(codes) = packet.get(view.payload.clone()) else { return };
        listen_for_keys(stream, codec, codes, &mut self.events);
        if let Some(pressed) = stream.events.lost_end(now_us) {
            self.events.push_back(digit(stream.id, pressed));
        }
        if !stream.may_receive() {
            return;
        }
        if stream.frame_changed(codes.len()) {
            let room = stream.room;
            self.rebuild(now_us, room, sink);
        }
        let Some(stream) = self.streams.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        let next_tick_us = if stream.mix_listeners == 0 {
            None
        } else {
            let group = self.rooms.get(stream.room as usize).and_then(Option::as_ref).and_then(|room| room.group);
            group.and_then(|group| self.groups.get(group)).map(|group| group.due_us)
        };
        let Some(codes) = packet.get(view.payload.clone()) else { return };
        stream.jitter.push(now_us, next_tick_us, codec, view.timestamp, codes);
        let count = stream.listeners.len();
        let passing = Passing { now_us, from: slot, view };
        for at in 0..count {
            let Some(listener) = self.at(slot).and_then(|stream| stream.listeners.get(at).copied()) else { return };
            self.forward_audio(passing, listener, codec, packet, count == 1, sink);
        }
    }

    fn forward_audio<S: Sink>(
        &mut self,
        passing: Passing<'_>,
        to: u32,
        codec: Codec,
        packet: &mut [u8],
        only: bool,
        sink: &mut S,
    ) {
        let Passing { from, view, .. } = passing;
        let Some(stream) = self.streams.get_mut(to as usize).and_then(Option::as_deref_mut) else { return };
        if !matches!(stream.feed, Feed::Forward { from: expected } if expected == from) || stream.overridden() {
            return;
        }
        let Some(configuration) = &stream.configuration else { return };
        let (wanted, payload_type) = (configuration.codec, configuration.payload_type_send);
        if wanted == codec {
            stream.forward(passing, payload_type, None, packet, sink);
        } else if only {
            if let Some(codes) = packet.get_mut(view.payload.clone()) {
                g711::transcode(codec, wanted, codes);
            }
            stream.forward(passing, payload_type, None, packet, sink);
        } else {
            // Others get the same packet in its own law, so this one gets a copy.
            self.scratch.packet.clear();
            self.scratch.packet.extend_from_slice(packet);
            if let Some(codes) = self.scratch.packet.get_mut(view.payload.clone()) {
                g711::transcode(codec, wanted, codes);
            }
            stream.forward(passing, payload_type, None, &mut self.scratch.packet, sink);
        }
    }

    fn event<S: Sink>(&mut self, now_us: u64, slot: u32, view: &PacketView, packet: &mut [u8], sink: &mut S) {
        let Some(stream) = self.streams.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        let Some(event) = packet.get(view.payload.clone()).and_then(EventPayload::parse) else {
            stream.malformed += 1;
            return;
        };
        let (fresh, ended) = stream.events.packet(now_us, view.timestamp, event);
        for pressed in ended.into_iter().flatten() {
            self.events.push_back(digit(stream.id, pressed));
        }
        if !stream.may_receive() {
            return;
        }
        let passing = Passing { now_us, from: slot, view };
        for at in 0..stream.listeners.len() {
            let Some(listener) = self.at(slot).and_then(|stream| stream.listeners.get(at).copied()) else { return };
            self.pass_event(passing, listener, event, fresh, packet, sink);
        }
    }

    /// Passes a key press on to one who hears the party (wire rule M5).
    fn pass_event<S: Sink>(
        &mut self,
        passing: Passing<'_>,
        to: u32,
        event: EventPayload,
        fresh: bool,
        packet: &mut [u8],
        sink: &mut S,
    ) {
        let Some(stream) = self.at_mut(to) else { return };
        let Some(configuration) = &stream.configuration else { return };
        let Some(payload_type) = configuration.dtmf_payload_type_send else {
            if fresh {
                // A peer without telephone events hears the key as sound.
                stream.digits.add_code(event.code);
                self.begin_override(passing.now_us, to);
            }
            return;
        };
        if stream.overridden() {
            return;
        }
        // A party that came in the middle of a key press hears the next one: the end of this one would be a key of its
        // own to it, and would put its line ahead of real time (M1).
        let heard = Some((passing.from, passing.view.timestamp));
        if fresh {
            stream.event_heard = heard;
        } else if stream.event_heard != heard {
            return;
        }
        match stream.feed {
            Feed::Forward { from: expected } if expected == passing.from => {
                stream.forward(passing, payload_type, Some(event.duration), packet, sink);
            }
            Feed::Mix(_) => relay(stream, passing, payload_type, event, fresh, sink),
            _ => {}
        }
    }

    fn rtcp(&mut self, now_us: u64, slot: u32, kind: PacketKind, source: SocketAddr, packet: &[u8]) {
        let Some(stream) = self.at_mut(slot) else { return };
        let Some(expected) = stream.latch.as_ref().map(Latch::destination) else { return };
        let separate = stream.configuration.as_ref().and_then(|configuration| configuration.remote_rtcp);
        // Its port may differ from RTP's and be rewritten on the way; its host may not.
        if source.ip() != expected.ip() && separate.is_none_or(|separate| separate != source) {
            stream.foreign += 1;
            return;
        }
        let Some(heard) = rtcp::read(packet, stream.line.ssrc()) else {
            stream.malformed += 1;
            return;
        };
        if kind == PacketKind::Rtcp {
            stream.rtcp_source = Some(source);
        }
        if let Some(middle) = heard.sender_report {
            stream.sender_report = Some((middle, now_us));
        }
        if let Some((last, delay)) = heard.about_us
            && let Some(trip) = rtcp::round_trip_us(now_us, last, delay)
        {
            stream.round_trip_us = trip;
        }
    }
}

pub(super) fn digit(stream: StreamId, pressed: Pressed) -> Event {
    Event::Digit { stream, digit: pressed.digit, duration_ms: pressed.duration_ms }
}

fn listen_for_keys(stream: &mut Stream, codec: Codec, codes: &[u8], events: &mut std::collections::VecDeque<Event>) {
    let id = stream.id;
    let Some(keys) = &mut stream.keys else { return };
    let mut samples = [0; 160];
    for codes in codes.chunks(samples.len()) {
        g711::decode_into(codec, codes, &mut samples);
        keys.add(&samples[..codes.len()], |pressed| events.push_back(digit(id, pressed)));
    }
}

/// Repeats another party's event packet on the line of a leg that is mixed. Sound waits meanwhile.
fn relay<S: Sink>(
    stream: &mut Stream,
    passing: Passing<'_>,
    payload_type: u8,
    event: EventPayload,
    fresh: bool,
    sink: &mut S,
) {
    let Passing { now_us, from, view } = passing;
    let same =
        stream.event_relay.as_ref().is_some_and(|relay| relay.from == from && relay.timestamp_in == view.timestamp);
    if !same {
        if !fresh || stream.relays_event(now_us) {
            return; // one key at a time; a party that came in the middle of one hears the next
        }
        let timestamp = stream.event_start(now_us);
        stream.event_relay =
            Some(EventRelay { from, timestamp_in: view.timestamp, timestamp, ended: false, last_us: now_us });
    }
    let Some(relay) = &mut stream.event_relay else { return };
    relay.ended |= event.end;
    relay.last_us = now_us;
    let timestamp = relay.timestamp;
    stream.emit_event(now_us, payload_type, timestamp, !same, event, sink);
}
