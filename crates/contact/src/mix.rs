//! Who hears whom: one pure function of the conversation's state.
//!
//! Hold, swap, join, hold-all and leave only change connection states; what that means for audio is decided here and
//! nowhere else. Invariants, checked by the exhaustive walk: nobody hears themselves; the held hear music only and are
//! heard by nobody; hearing is mutual among those who talk; no customer is alone in silence.

use std::collections::{BTreeMap, BTreeSet};

use baton_media::{Hears, MixPlan, StreamId, Tone, ToneCountry};

use crate::connection::{Connection, Phase};
use crate::conversation::Conversation;
use crate::directory::Supervision;

/// The music that plays when no queue names one.
pub(crate) const DEFAULT_MUSIC: &str = "default";

/// The prompt for a customer whom nobody takes any more.
pub(crate) const FAREWELL_PROMPT: &str = "unavailable";

/// What every leg with media hears now.
pub(crate) fn mix_plan(conversation: &Conversation, country: ToneCountry) -> MixPlan {
    let mut hears = BTreeMap::new();
    for party in conversation.live() {
        if let Some(dialling) = party.dialling.as_ref().filter(|_| party.is_here() && party.hold.is_none()) {
            let tone = if dialling.failed { Tone::Congestion(country) } else { Tone::Beep };
            media_legs(party).for_each(|stream| drop(hears.insert(stream, Hears::Tone(tone))));
        } else if party.talks() {
            talking(conversation, party, country, &mut hears);
        } else if party.hold.is_some() && party.is_here() {
            // A room that is held has its guests, who go on: no music for them.
            let music = if party.is_room() { Hears::Silence } else { Hears::Music(music_of(conversation, party)) };
            media_legs(party).for_each(|stream| drop(hears.insert(stream, music.clone())));
        } else if let Some(whisper) =
            party.whisper.as_ref().filter(|each| each.press_one && party.phase == Phase::Whispering)
        {
            let prompt = Hears::Prompt(whisper.prompt.clone());
            media_legs(party).for_each(|stream| drop(hears.insert(stream, prompt.clone())));
        } else if party.phase == Phase::Calling {
            let sound = waiting_sound(conversation, party, country);
            media_legs(party).for_each(|stream| drop(hears.insert(stream, sound.clone())));
        } else {
            media_legs(party).for_each(|stream| drop(hears.insert(stream, Hears::Silence)));
        }
    }
    supervisors(conversation, &mut hears);
    MixPlan { hears }
}

/// Supervisors hear everybody who talks; whom they speak to hears them beside everybody else, and nobody else does.
fn supervisors(conversation: &Conversation, hears: &mut BTreeMap<StreamId, Hears>) {
    let up = |party: &&Connection| party.is_connected() && party.hold.is_none();
    let voice = |party: &Connection| party.main_leg().filter(|leg| leg.has_media()).map(|leg| leg.stream());
    let heard = |party: &&Connection| party.talks() && !party.muted;
    let voices: BTreeSet<StreamId> = conversation.live().filter(heard).filter_map(voice).collect();
    let barging = |party: &&Connection| party.monitor.is_some_and(|monitor| monitor.mode == Supervision::Barge);
    let barging: BTreeSet<StreamId> = conversation.monitors().filter(up).filter(barging).filter_map(voice).collect();
    for party in conversation.monitors().filter(up) {
        let (Some(own), Some(monitor)) = (voice(party), party.monitor) else { continue };
        let mut others: BTreeSet<StreamId> = voices.union(&barging).copied().collect();
        others.remove(&own);
        hears.insert(own, if others.is_empty() { Hears::Silence } else { Hears::Parties(others) });
        let spoken_to = |other: &&Connection| match monitor.mode {
            Supervision::SilentMonitor | Supervision::TakeOver => false,
            Supervision::Whisper => monitor.to == Some(other.id),
            Supervision::Barge => true,
        };
        for stream in conversation.live().filter(|other| other.talks()).filter(spoken_to).filter_map(voice) {
            match hears.get_mut(&stream) {
                Some(Hears::Parties(voices)) => drop(voices.insert(own)),
                _ => drop(hears.insert(stream, Hears::Parties(BTreeSet::from([own])))),
            }
        }
    }
}

fn media_legs(party: &Connection) -> impl Iterator<Item = StreamId> {
    party.legs.iter().filter(|leg| leg.has_media()).map(|leg| leg.stream())
}

/// A talking party hears every other one, each through the leg that is for it; alone it hears what it waits for.
fn talking(
    conversation: &Conversation,
    party: &Connection,
    country: ToneCountry,
    hears: &mut BTreeMap<StreamId, Hears>,
) {
    let mut heard: BTreeMap<StreamId, BTreeSet<StreamId>> = BTreeMap::new();
    for other in conversation.live().filter(|other| other.id != party.id && other.talks()) {
        let ends = (party.leg_towards(other.id), other.leg_towards(party.id));
        let (Some(own), Some(voice)) = ends else { continue };
        if mixed_by_a_phone(conversation, party, other) {
            continue;
        }
        let voices = heard.entry(own.stream()).or_default();
        if !other.muted && voice.has_media() {
            voices.insert(voice.stream());
        }
    }
    let alone = heard.is_empty();
    for stream in media_legs(party) {
        let main = party.main_leg().is_some_and(|leg| leg.stream() == stream);
        let sound = match heard.remove(&stream) {
            Some(voices) if voices.is_empty() => Hears::Silence,
            Some(voices) => Hears::Parties(voices),
            None if alone && main => waiting_sound(conversation, party, country),
            None => Hears::Silence,
        };
        hears.insert(stream, sound);
    }
}

/// Whether a third party's phone mixes the two itself: it has a line in use for each. Bridged here as well, they would
/// hear each other twice.
fn mixed_by_a_phone(conversation: &Conversation, one: &Connection, other: &Connection) -> bool {
    let third = conversation.live().filter(|each| each.talks() && each.id != one.id && each.id != other.id);
    third.filter(|each| each.legs.len() > 1).any(|each| {
        let lines = (each.leg_towards(one.id), each.leg_towards(other.id));
        matches!(lines, (Some(a), Some(b)) if a.id != b.id && !a.remote_hold && !b.remote_hold)
    })
}

/// What somebody hears who has nobody to talk to: the target's own early audio, its ring-back, the queue's music.
fn waiting_sound(conversation: &Conversation, party: &Connection, country: ToneCountry) -> Hears {
    if conversation.farewell {
        let own = conversation.recall.as_ref().and_then(|recall| recall.policy.prompt.clone());
        return Hears::Prompt(own.unwrap_or_else(|| FAREWELL_PROMPT.to_string()));
    }
    // Of several who come into an empty room together, each has company.
    if party.tie().is_some_and(|tie| party.is_room() || tie.behind.talking != 1) {
        return Hears::Silence;
    }
    let pending = || conversation.live().filter(|other| other.id != party.id && other.is_pending());
    let early = pending().filter(|other| other.phase == Phase::EarlyMedia).find_map(Connection::main_leg);
    if let Some(leg) = early {
        return Hears::Parties(BTreeSet::from([leg.stream()]));
    }
    let queued = |other: &Connection| other.is_agent() && waits_in_queue(conversation, other);
    if let Some(target) = pending().find(|other| queued(other)) {
        return Hears::Music(music_of(conversation, target));
    }
    let rings = pending().any(|other| matches!(other.phase, Phase::Ringing | Phase::Whispering));
    if rings || (party.initial && pending().next().is_some()) {
        return Hears::Tone(Tone::RingBack(country));
    }
    // In a room whoever is alone hears that it works.
    let waits = party.initial || conversation.conference.is_some();
    if waits { Hears::Music(music_of(conversation, party)) } else { Hears::Silence }
}

/// Whether a target is reached through a queue, or rung back: then music plays until an agent answers.
fn waits_in_queue(conversation: &Conversation, target: &Connection) -> bool {
    conversation.contact(target.contact).is_some_and(|contact| contact.queue.is_some() || contact.recalled)
}

fn music_of(conversation: &Conversation, party: &Connection) -> String {
    let own = conversation
        .queue_of(party.contact)
        .or_else(|| conversation.contacts.iter().rev().find_map(|contact| contact.queue.as_ref()));
    own.map_or_else(|| DEFAULT_MUSIC.to_string(), |place| place.music.clone())
}
