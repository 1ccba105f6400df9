//! The soak: an hour of everything through one server, and then: is it as it was before?
//!
//! A round is calls, both kinds of transfers, conferences, registrations and bad messages, all at a low rate. What the server
//! holds is looked at before the first round, after each, and when everything has drained; what has not come back is a leak.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::call::{Call, Kind, Shape};
use crate::flood::Flood;
use crate::load::{Load, MILLISECOND, SECOND};
use crate::parts::{Setting, begin_with};
use crate::registrations::{self, Phones};
use crate::server::Server;
use crate::system;

/// Where `/metrics` is by default.
const METRICS: ([u8; 4], u16) = ([127, 0, 0, 1], 8080);
/// Phones that register anew in each round.
const PHONES: usize = 50;
/// Calls a second.
const RATE: f64 = 5.0;
/// Rounds until the server is as it is in service: pools and threads are there.
const WARM_UP: u32 = 2;
/// How long a drained server may hold transactions (RFC 6026: 64·T1), and the store may take to follow.
const DRAIN_LIMIT: u64 = 90 * SECOND;
/// How much more memory the server may take in an hour, in KB, by the second half of the soak. In the first half rings of
/// bounded length still fill, the events kept for panels above all. A leak of 600 bytes a call shows.
const MEMORY_KB_PER_HOUR_MAX: f64 = 8.0 * 1024.0;
/// Below this many minutes those rings are not full, and memory is printed without a judgement.
const MEMORY_MINUTES_LEAST: u64 = 30;
/// The share of calls that may fail.
const FAILED_MAX: f64 = 0.01;
/// The share of calls that may be put off: with more, this machine has too little left for a soak.
const PUT_OFF_MAX: f64 = 0.05;
/// Every fourth round has a second of flood.
const FLOOD_EVERY: u32 = 4;

/// What must come back to where it was, by its name in `/metrics`.
const GAUGES: [&str; 12] = [
    "baton_conversations",
    "baton_contacts_up",
    "baton_contacts_waiting",
    "baton_sip_sessions",
    "baton_sip_transactions",
    "baton_core_timers",
    "baton_core_inbox_length",
    "baton_media_ports_used",
    "baton_media_streams",
    "baton_sip_tcp_connections",
    "baton_store_backlog",
    "baton_registrations",
];

/// Rings and caches that fill up to a bound and then stay, with what they may hold when everything has drained. Shown, so
/// that memory that grows with them is told from a leak; what is above its bound is one.
const RINGS: [(&str, u64); 7] = [
    ("baton_api_events_kept", 16_384),
    ("baton_api_events_kept_bytes", 32 * 1024 * 1024),
    ("baton_api_answers_kept", 0),
    ("baton_api_trace_messages_kept", 1_024),
    ("baton_store_conversations", 256),
    ("baton_sip_nonces", 65_536),
    ("baton_sip_ended_dialogs", 4_096),
];

/// What the server holds at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    /// In the order of [`GAUGES`].
    gauges: Vec<u64>,
    /// In the order of [`RINGS`].
    rings: Vec<u64>,
    handles: u64,
    threads: u64,
    memory_kb: u64,
    /// How many calls it has put off since its start. This one does not come back.
    put_off_calls: u64,
}

impl Held {
    fn of(server: &Server) -> io::Result<Held> {
        let text = metrics()?;
        let gauges = GAUGES.iter().map(|name| value(&text, name));
        Ok(Held {
            gauges: gauges.collect::<io::Result<Vec<u64>>>()?,
            rings: RINGS.iter().map(|(name, _)| value(&text, name)).collect::<io::Result<Vec<u64>>>()?,
            handles: server.count_of("fd")?,
            threads: server.count_of("task")?,
            memory_kb: server.memory_kb()?,
            put_off_calls: value(&text, "baton_sip_put_off_calls_total")?,
        })
    }

    /// Everything that is counted, by name.
    fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let others = [("open file handles", self.handles), ("threads", self.threads)];
        GAUGES.into_iter().zip(self.gauges.iter().copied()).chain(others)
    }

    fn is_back_at(&self, before: &Held) -> bool {
        self.counts().zip(before.counts()).all(|((_, now), (_, then))| now <= then)
    }

    fn raise_to(&mut self, other: &Held) {
        self.gauges.iter_mut().zip(&other.gauges).for_each(|(own, other)| *own = (*own).max(*other));
        self.rings.iter_mut().zip(&other.rings).for_each(|(own, other)| *own = (*own).max(*other));
        self.handles = self.handles.max(other.handles);
        self.threads = self.threads.max(other.threads);
        self.memory_kb = self.memory_kb.max(other.memory_kb);
    }
}

/// Soaks for so many minutes, prints what was held, and says whether nothing has leaked.
pub(crate) fn run(setting: &Setting, minutes: u64) -> io::Result<bool> {
    let (server, mut load) = begin_with(setting, &registrations::directory(PHONES))?;
    let mut phones = Phones::new(PHONES, server.sip)?;
    let mut totals = Totals::default();
    for number in 0..WARM_UP {
        round(&mut load, &mut phones, number, &mut Totals::default(), &mut |_| Ok(()))?;
    }
    // What is counted must be still, or the end would be compared with a moment.
    let before = drained(&server, &mut load, None)?;
    let mut during = before.clone();
    let mut memory = Vec::new();
    let end = system::now() + minutes * 60 * SECOND;
    let mut number = WARM_UP;
    while system::now() < end {
        let mut look = |at: u64| {
            let held = Held::of(&server)?;
            memory.push((at, held.memory_kb));
            during.raise_to(&held);
            Ok(())
        };
        round(&mut load, &mut phones, number, &mut totals, &mut look)?;
        number += 1;
        if !server.is_running() {
            return Err(io::Error::other(format!("the server has ended; its log: {}", server.log())));
        }
    }
    let after = drained(&server, &mut load, Some(&before))?;
    let text = metrics()?;
    let faults = value(&text, "baton_core_faults_total")?;
    // What the server does not own up to has failed.
    let put_off = after.put_off_calls.saturating_sub(before.put_off_calls);
    let put_off = usize::try_from(put_off).unwrap_or(usize::MAX);
    let unexplained = totals.put_off.saturating_sub(put_off);
    if unexplained > 0 {
        totals.failed.insert("503 without the node being behind".to_owned(), unexplained);
        totals.put_off -= unexplained;
    }
    Ok(tell(&before, &during, &after, &totals, slope_kb_per_hour(&memory), faults, minutes))
}

/// What was done in all.
#[derive(Debug, Default)]
struct Totals {
    calls: usize,
    /// How many failed, by what their callers saw.
    failed: BTreeMap<String, usize>,
    /// How many got 503 to their INVITE.
    put_off: usize,
    registrations: usize,
    bad_messages: f64,
}

fn round(
    load: &mut Load,
    phones: &mut Phones,
    number: u32,
    totals: &mut Totals,
    look: &mut dyn FnMut(u64) -> io::Result<()>,
) -> io::Result<()> {
    totals.registrations += phones.register_all()?.registered;
    let call = |kind, hold_ms: u64| Shape { kind, hold: Some(hold_ms * MILLISECOND), media: true, mux: false };
    load.start(RATE, 20, call(Kind::Tandem, 3_000))?;
    load.start(RATE, 10, call(Kind::Transfer(500), 4_000))?;
    load.start(RATE, 10, call(Kind::Attended(300), 5_000))?;
    for party in 0..12 {
        let tone = party as usize % 3;
        load.start(RATE, 1, call(Kind::Room(party / 3, tone), 6_000))?;
    }
    look(system::now())?;
    if number.is_multiple_of(FLOOD_EVERY) {
        let began = system::now();
        let flood = Flood::start(load.sides[0].server)?;
        load.run_until(began + SECOND)?;
        totals.bad_messages += flood.stop() * (system::now() - began) as f64 / SECOND as f64;
    }
    load.settle(20 * SECOND)?;
    load.hang_up_all()?;
    look(system::now())?;
    totals.calls += load.calls.len();
    for (call, shape) in load.calls.iter().zip(&load.shapes) {
        if call.failed == Some(503) && call.referred == 0 {
            totals.put_off += 1;
        } else if let Some(why) = failure(call) {
            *totals.failed.entry(format!("{}: {why}", name(shape.kind))).or_default() += 1;
        }
    }
    load.forget();
    Ok(())
}

/// What went wrong with a call, if anything did.
fn failure(call: &Call) -> Option<String> {
    match call.failed {
        Some(0) => Some(format!("no answer to what was sent, {}", stage(call))),
        Some(status) => Some(format!("{status}, {}", stage(call))),
        None if call.answered == 0 => Some("never answered".to_owned()),
        None => None,
    }
}

fn stage(call: &Call) -> &'static str {
    match (call.answered, call.referred) {
        (0, _) => "before the answer",
        (_, 0) => "after the answer",
        _ => "after the REFER",
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Tandem => "plain call",
        Kind::Transfer(_) => "blind transfer",
        Kind::Attended(_) => "attended transfer",
        Kind::Room(..) => "conference",
        Kind::Desk => "agent's call",
    }
}

/// Waits until the server holds no more than before, or, without a before, until no call of it is left; what it then holds.
fn drained(server: &Server, load: &mut Load, before: Option<&Held>) -> io::Result<Held> {
    let limit = system::now() + DRAIN_LIMIT;
    let mut last = Held::of(server)?;
    loop {
        load.run_until(system::now() + 2 * SECOND)?;
        let held = Held::of(server)?;
        let calm = match before {
            Some(before) => held.is_back_at(before),
            None => held.gauges == last.gauges && value(&metrics()?, "baton_sip_transactions")? == 0,
        };
        if calm || system::now() > limit {
            return Ok(held);
        }
        last = held;
    }
}

fn tell(before: &Held, during: &Held, after: &Held, totals: &Totals, slope: f64, faults: u64, minutes: u64) -> bool {
    let mut good = true;
    println!("{:<28}{:>10}{:>10}{:>10}", "", "before", "most", "after");
    for (((name, then), (_, most)), (_, now)) in before.counts().zip(during.counts()).zip(after.counts()) {
        let verdict = if now <= then { "" } else { "  LEAK" };
        good &= now <= then;
        println!("{name:<28}{then:>10}{most:>10}{now:>10}{verdict}");
    }
    for (at, (name, most)) in RINGS.iter().enumerate() {
        let (then, largest, now) = (before.rings[at], during.rings[at], after.rings[at]);
        let verdict = if now <= *most { "" } else { "  LEAK" };
        good &= now <= *most;
        println!("{name:<28}{then:>10}{largest:>10}{now:>10}, at most {most}{verdict}");
    }
    let Held { memory_kb: then, .. } = before;
    println!("{:<28}{then:>10}{:>10}{:>10}", "memory (PSS), KB", during.memory_kb, after.memory_kb);
    let (judged, leaks) = judge(slope, minutes);
    good &= !leaks;
    let verdict = if leaks { "  LEAK" } else { "" };
    let remark = if judged { "" } else { ", not judged in so short a time" };
    println!("its trend in the second half: {slope:+.0} KB an hour{remark}{verdict}");
    let Totals { calls, failed, put_off, registrations, bad_messages } = totals;
    let each = failed.iter().map(|(why, count)| format!("\n  {count} × {why}"));
    let why: String = each.collect();
    let failed: usize = failed.values().sum();
    println!(
        "{calls} calls ({failed} failed, {put_off} put off), {registrations} registrations, {bad_messages:.0} bad messages, {faults} faults{why}"
    );
    if *put_off > 0 {
        println!(
            "put off: 503 with Retry-After, because other work on this machine kept the server for over a quarter of a second"
        );
    }
    let share = |part: usize, most: f64| part as f64 <= *calls as f64 * most;
    let enough = *calls > 0 && share(failed, FAILED_MAX) && share(*put_off, PUT_OFF_MAX) && faults == 0;
    println!("{}", if good && enough { "nothing has leaked" } else { "NOT as it was before" });
    good && enough
}

/// Whether memory's trend is judged after so many minutes, and whether it is that of a leak.
fn judge(slope: f64, minutes: u64) -> (bool, bool) {
    let judged = minutes >= MEMORY_MINUTES_LEAST;
    (judged, judged && slope > MEMORY_KB_PER_HOUR_MAX)
}

/// The slope of the straight line through the second half of the samples (time in nanoseconds, KB).
fn slope_kb_per_hour(samples: &[(u64, u64)]) -> f64 {
    let half = samples.get(samples.len() / 2..).unwrap_or_default();
    let Some((first, _)) = half.first() else { return 0.0 };
    let points: Vec<(f64, f64)> =
        half.iter().map(|(at, kb)| ((at - first) as f64 / (3_600.0 * SECOND as f64), *kb as f64)).collect();
    let count = points.len() as f64;
    let (mean_x, mean_y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let above: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let below: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    if below > 0.0 { above / below } else { 0.0 }
}

/// The server's `/metrics`.
fn metrics() -> io::Result<String> {
    let address = SocketAddr::from(METRICS);
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// A number in it, all its labels together.
fn value(text: &str, name: &str) -> io::Result<u64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    let numbers: Vec<u64> = lines
        .filter(|rest| rest.starts_with(['{', ' ']))
        .filter_map(|rest| rest.rsplit(' ').next()?.parse().ok())
        .collect();
    if numbers.is_empty() {
        return Err(io::Error::other(format!("/metrics has no {name}")));
    }
    Ok(numbers.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_the_sum_of_its_labels_and_no_others() {
        let text = "# TYPE a gauge\na 1\na_b 7\nb{shard=\"0\"} 2\nb{shard=\"1\"} 3\n";
        assert_eq!(value(text, "a").ok(), Some(1));
        assert_eq!(value(text, "b").ok(), Some(5));
        assert!(value(text, "c").is_err());
    }

    #[test]
    fn a_steady_leak_has_its_slope_and_rest_has_none() {
        let minute = 60 * SECOND;
        let leak: Vec<(u64, u64)> = (0..60).map(|at| (at * minute, 10_000 + at * 10)).collect();
        assert!((slope_kb_per_hour(&leak) - 600.0).abs() < 1.0);
        let rest: Vec<(u64, u64)> = (0..60).map(|at| (at * minute, 10_000)).collect();
        assert_eq!(slope_kb_per_hour(&rest), 0.0);
    }

    /// Samples of an hour, a minute apart, of a server that holds so many KB after so many minutes.
    fn hour(held: impl Fn(u64) -> u64) -> f64 {
        let samples: Vec<(u64, u64)> = (0..60).map(|at| (at * 60 * SECOND, held(at))).collect();
        slope_kb_per_hour(&samples)
    }

    #[test]
    fn a_ring_that_fills_and_stays_is_no_leak_and_a_slow_leak_behind_it_is() {
        // 16 MB in the first quarter of an hour; the noise of an allocator all the time.
        let ring = |at: u64| 40_000 + at.min(15) * 1_100 + at % 3 * 300;
        assert_eq!(judge(hour(ring), 60), (true, false));
        // 600 bytes of each of the 18,000 calls of an hour.
        let leak = |at: u64| ring(at) + at * 300 * 600 / 1_024;
        assert_eq!(judge(hour(leak), 60), (true, true));
    }

    #[test]
    fn memory_is_not_judged_while_rings_still_fill() {
        assert_eq!(judge(50_000.0, MEMORY_MINUTES_LEAST - 1), (false, false));
        assert_eq!(judge(50_000.0, MEMORY_MINUTES_LEAST), (true, true));
    }
}
