//! The parts of the benchmark. Each starts a server of its own, so that none pays for another's past.

use std::io;

use crate::call::{Call, Kind, Shape};
use crate::flood::Flood;
use crate::floor;
use crate::handover;
use crate::load::{Load, MILLISECOND, SECOND};
use crate::proxy;
use crate::registrations::{self, Phones};
use crate::report::{Bar, Report, percentile_ms};
use crate::server::Server;
use crate::streams;
use crate::system;

/// A part: its name on the command line, what it does.
pub(crate) type Part = (&'static str, fn(&Setting, &mut Report) -> io::Result<()>);

/// All parts, in the order of a whole run.
pub(crate) const PARTS: [Part; 17] = [
    ("direct", direct),
    ("setup", setup),
    ("calls", calls),
    ("calls-tcp", streams::calls_tcp),
    ("calls-tls", streams::calls_tls),
    ("proxy", proxy::proxy),
    ("capacity", capacity),
    ("held", held),
    ("flat", flat),
    ("relay", relay),
    ("rooms", rooms),
    ("transfer", transfer),
    ("refer", handover::refer),
    ("join", handover::join),
    ("transfers", handover::rate),
    ("registrations", registrations),
    ("flood", flood),
];

/// What a run is given.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The binary to measure.
    pub(crate) baton: std::path::PathBuf,
}

pub(crate) const TANDEM: Shape = Shape { kind: Kind::Tandem, hold: Some(SECOND), media: false, mux: false };

/// The share of calls that may fail, and the longest set-up at the 99th percentile, for a rate to be held.
const FAILED_MAX: f64 = 0.001;
const SETUP_P99_MS_MAX: f64 = 500.0;

/// Rates tried for the capacity, in calls a second.
const RATES: [u32; 9] = [250, 500, 1000, 1500, 2000, 2500, 3000, 4000, 5000];

/// The machine and the generator alone: what the other numbers are to be measured by. A packet or a message cannot cost less
/// than the kernel takes for it, and machines differ in that by a factor of four.
fn direct(_: &Setting, report: &mut Report) -> io::Result<()> {
    let floor = floor::measure()?;
    report.add(
        "floor_datagram_us",
        "this machine: a datagram sent and received, µs of CPU",
        floor.datagram_us,
        Bar::None,
    );
    report.add("floor_wake_us", "this machine: a sleep and a datagram, µs of CPU", floor.wake_us, Bar::None);
    let mut load = Load::new(None)?;
    load.start(50.0, 100, Shape { hold: Some(200 * MILLISECOND), ..TANDEM })?;
    load.settle(SECOND)?;
    told_failures(&load, report, "direct");
    let mut whole = spans(&load.calls, |call| (call.started, call.answered));
    report.add("direct_setup_p50_ms", "generator alone: set-up p50, ms", percentile_ms(&mut whole, 0.5), Bar::None);
    load.forget();
    let most = RATES[RATES.len() - 1];
    if let Err(reason) = try_rate(&mut load, most)? {
        report.remark(format!("the generator alone does not do {most} calls/s: {reason}"));
    }
    load.forget();
    load.start(50.0, 100, Shape { hold: None, media: true, ..TANDEM })?;
    load.run_until(system::now() + SECOND)?;
    load.media.record();
    load.run_until(system::now() + 3 * SECOND)?;
    load.media.recording = false;
    let mut delays = std::mem::take(&mut load.media.counted.delays);
    report.add(
        "direct_rtp_p99_ms",
        "generator alone: RTP delay p99 at 100 calls, ms",
        percentile_ms(&mut delays, 0.99),
        Bar::None,
    );
    load.hang_up_all()
}

/// Set-up times when nothing else happens.
fn setup(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let (_server, mut load) = begin(setting)?;
    load.start(10.0, 100, Shape { hold: Some(300 * MILLISECOND), ..TANDEM })?;
    load.settle(3 * SECOND)?;
    told_failures(&load, report, "setup");
    let mut first = spans(&load.calls, |call| (call.started, call.invited));
    let mut whole = spans(&load.calls, |call| (call.started, call.answered));
    report.add(
        "invite_p50_ms",
        "INVITE in → INVITE out p50 at 10 calls/s, ms",
        percentile_ms(&mut first, 0.5),
        Bar::None,
    );
    report.add(
        "invite_p99_ms",
        "INVITE in → INVITE out p99 at 10 calls/s, ms",
        percentile_ms(&mut first, 0.99),
        Bar::None,
    );
    report.add("setup_p50_ms", "whole set-up p50 at 10 calls/s, ms", percentile_ms(&mut whole, 0.5), Bar::None);
    report.add("setup_p99_ms", "whole set-up p99 at 10 calls/s, ms", percentile_ms(&mut whole, 0.99), Bar::None);
    Ok(())
}

/// CPU of a call in the steady state: at 100 calls/s, where each message wakes a thread, at 1,000, and at 3,000.
fn calls(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let rows = [
        (100, 10, "cpu_ms_per_call", "CPU per bridged call at 100 calls/s, ms", Bar::AtMost(0.4)),
        (1000, 4, "cpu_ms_per_call_1000", "CPU per bridged call at 1,000 calls/s, ms", Bar::None),
        (3000, 3, "cpu_ms_per_call_3000", "CPU per bridged call at 3,000 calls/s, ms", Bar::AtMost(0.2)),
    ];
    for (rate, seconds, key, text, bar) in rows {
        let (server, mut load) = begin(setting)?;
        let spent = cost(&mut load, (rate, seconds), || server.cpu())?;
        told_failures(&load, report, "calls");
        report.add(key, text, spent, bar);
    }
    Ok(())
}

/// CPU of a call in the steady state, in milliseconds: three seconds pass before it is measured.
pub(crate) fn cost(load: &mut Load, (rate, seconds): (u32, u32), cpu: impl Fn() -> io::Result<u64>) -> io::Result<f64> {
    load.start(f64::from(rate), rate as usize * 3, TANDEM)?;
    let before = cpu()?;
    let count = rate * seconds;
    load.start(f64::from(rate), count as usize, TANDEM)?;
    let used = cpu()? - before;
    load.settle(5 * SECOND)?;
    Ok(used as f64 / MILLISECOND as f64 / f64::from(count))
}

/// The highest rate that is held: each is tried for 4 s until one fails, then the middle of the last two.
fn capacity(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let (mut held, mut failed) = (0, None);
    let (_server, mut load) = begin(setting)?;
    for rate in RATES {
        match try_rate(&mut load, rate)? {
            Ok(()) => held = rate,
            Err(reason) => {
                eprintln!("{rate} calls/s: {reason}");
                failed = Some(rate);
                break;
            }
        }
        load.forget();
    }
    drop((_server, load));
    if let Some(failed) = failed {
        let middle = (held + failed) / 2;
        let (_server, mut load) = begin(setting)?;
        match try_rate(&mut load, middle)? {
            Ok(()) => held = middle,
            Err(reason) => eprintln!("{middle} calls/s: {reason}"),
        }
    }
    let unit = if failed.is_none() {
        "most calls/s held (the generator's last rate)"
    } else {
        "most calls/s held without failure"
    };
    report.add("calls_per_s_max", unit, f64::from(held), Bar::AtLeast(1500.0));
    Ok(())
}

fn try_rate(load: &mut Load, rate: u32) -> io::Result<Result<(), String>> {
    let shape = Shape { hold: Some(500 * MILLISECOND), ..TANDEM };
    load.start(f64::from(rate), rate as usize * 4, shape)?;
    load.settle(4 * SECOND)?;
    let total = load.calls.len();
    let good = load.calls.iter().filter(|call| call.failed.is_none() && call.answered != 0 && call.ended != 0).count();
    let mut whole = spans(&load.calls, |call| (call.started, call.answered));
    let p99 = percentile_ms(&mut whole, 0.99);
    if load.lateness > 200 * MILLISECOND {
        return Ok(Err(format!("the generator itself is {} ms late", load.lateness / MILLISECOND)));
    }
    if (total - good) as f64 > total as f64 * FAILED_MAX {
        let status = load.calls.iter().find_map(|call| call.failed);
        return Ok(Err(format!("{} of {total} failed ({status:?}), set-up p99 {p99:.1} ms", total - good)));
    }
    if p99 > SETUP_P99_MS_MAX {
        return Ok(Err(format!("set-up p99 {p99:.1} ms")));
    }
    Ok(Ok(()))
}

/// Memory of a call that is up, without media flowing.
fn held(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let (server, mut load) = begin(setting)?;
    let idle = server.memory_kb()?;
    // What the first calls bring to life once is not a held call's.
    load.start(100.0, 50, Shape { hold: Some(100 * MILLISECOND), ..TANDEM })?;
    load.settle(2 * SECOND)?;
    load.forget();
    let before = server.memory_kb()?;
    load.start(200.0, 1000, Shape { hold: None, ..TANDEM })?;
    load.run_until(system::now() + SECOND)?;
    let up = load.up();
    let after = server.memory_kb()?;
    load.hang_up_all()?;
    told_failures(&load, report, "held");
    report.add("idle_pss_mb", "idle memory (PSS), MB", idle as f64 / 1024.0, Bar::None);
    if up == 0 {
        report.remark("held: no call is up");
        return Ok(());
    }
    let per_call = after.saturating_sub(before) as f64 / up as f64;
    report.add("kb_per_held_call", format!("memory per held call ({up} held), KB"), per_call, Bar::AtMost(40.0));
    Ok(())
}

/// Whether a call costs the same however many others are up.
fn flat(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const RATE: u32 = 200;
    const SECONDS: u32 = 5;
    let rows = [
        (10, "cpu_ms_per_call_10_up", "CPU per bridged call at 200 calls/s, 10 others up, ms"),
        (4000, "cpu_ms_per_call_4000_up", "CPU per bridged call at 200 calls/s, 4,000 others up, ms"),
        // As many as a process may have that opens no more than 20,000 files.
        (9500, "cpu_ms_per_call_9500_up", "CPU per bridged call at 200 calls/s, 9,500 others up, ms"),
    ];
    let plain = Shape { mux: true, ..TANDEM };
    for (up, key, text) in rows {
        let (server, mut load) = begin(setting)?;
        load.start(400.0, up, Shape { hold: None, ..plain })?;
        load.run_until(system::now() + SECOND)?;
        if load.up() < up {
            report.remark(format!("flat: {} of {up} calls are up", load.up()));
        }
        load.start(f64::from(RATE), RATE as usize * 3, plain)?;
        // The calls that are only held cost their RTCP and their look-after, which are not a new call's.
        load.run_until(system::now() + 2 * SECOND)?;
        let idle = server.cpu()?;
        load.run_until(system::now() + 2 * SECOND)?;
        let idle = (server.cpu()? - idle) / 2;
        load.start(f64::from(RATE), RATE as usize, plain)?;
        let before = server.cpu()?;
        load.start(f64::from(RATE), (RATE * SECONDS) as usize, plain)?;
        let used = (server.cpu()? - before).saturating_sub(idle * u64::from(SECONDS));
        load.run_until(system::now() + 2 * SECOND)?;
        told_failures(&load, report, "flat");
        report.add(key, text, used as f64 / 1e6 / f64::from(RATE * SECONDS), Bar::None);
    }
    Ok(())
}

/// Established calls and new ones while strangers send 20,000 bad messages a second.
fn flood(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const UP: usize = 50;
    let (server, mut load) = begin(setting)?;
    load.start(50.0, UP, Shape { hold: None, media: true, ..TANDEM })?;
    load.run_until(system::now() + SECOND)?;
    let up = load.up();
    let flood = Flood::start(load.sides[0].server)?;
    load.run_until(system::now() + SECOND)?;
    load.media.record();
    let before = server.cpu()?;
    let began = system::now();
    load.start(20.0, 100, Shape { hold: Some(500 * MILLISECOND), ..TANDEM })?;
    load.run_until(system::now() + 2 * SECOND)?;
    let share = (server.cpu()? - before) as f64 / (system::now() - began) as f64 * 100.0;
    load.media.recording = false;
    let counted = std::mem::take(&mut load.media.counted);
    let rate = flood.stop();
    let new = load.calls.get(UP..).unwrap_or_default();
    let failed = new.iter().filter(|call| call.failed.is_some() || call.answered == 0).count();
    let mut whole: Vec<u64> =
        new.iter().filter(|call| call.answered != 0).map(|call| call.answered - call.started).collect();
    let setup_p99_ms = percentile_ms(&mut whole, 0.99);
    let lost = counted.sent.saturating_sub(counted.received) as f64 / counted.sent.max(1) as f64 * 100.0;
    load.hang_up_all()?;
    if up < UP {
        report.remark(format!("flood: {up} of {UP} calls were up when it began"));
    }
    report.add("flood_per_s", "flood: bad messages/s sent", rate, Bar::AtLeast(19_000.0));
    report.add("flood_rtp_lost_percent", "flood: RTP of established calls lost, %", lost, Bar::AtMost(0.1));
    report.add("flood_failed", "flood: new calls of 100 that failed", failed as f64, Bar::AtMost(0.0));
    report.add("flood_setup_p99_ms", "flood: set-up p99 of new calls, ms", setup_p99_ms, Bar::None);
    report.add("flood_cpu_percent", "flood: the server's CPU, % of a core", share, Bar::None);
    Ok(())
}

/// RTP through the server.
fn relay(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let rows = [
        (100, ["relay_us_100", "relay_p50_ms_100", "relay_p99_ms_100"], Bar::None),
        (200, ["relay_us_200", "relay_p50_ms_200", "relay_p99_ms_200"], Bar::AtMost(1.0)),
    ];
    for (count, keys, delay_bar) in rows {
        let (server, mut load) = begin(setting)?;
        load.start(100.0, count, Shape { hold: None, media: true, ..TANDEM })?;
        load.run_until(system::now() + 2 * SECOND)?;
        let up = load.up();
        load.media.record();
        let before = server.cpu()?;
        load.run_until(system::now() + 8 * SECOND)?;
        let used = server.cpu()? - before;
        load.media.recording = false;
        let counted = std::mem::take(&mut load.media.counted);
        load.hang_up_all()?;
        told_failures(&load, report, "relay");
        let lost = counted.sent as f64 - counted.received as f64;
        if up < count || counted.received == 0 || lost > counted.sent as f64 * 0.001 {
            report.remark(format!(
                "relay: {up} of {count} calls up, {} of {} packets through",
                counted.received, counted.sent
            ));
        }
        let mut delays = counted.delays;
        if (delays.len() as f64) < counted.received as f64 * 0.99 {
            report.remark(format!(
                "relay: only {} of {} packets came through unchanged",
                delays.len(),
                counted.received
            ));
        }
        let per_packet = used as f64 / 1e3 / counted.received.max(1) as f64;
        report.add(keys[0], format!("CPU per relayed packet at {count} calls, µs"), per_packet, Bar::AtMost(6.0));
        report.add(keys[1], format!("relay adds p50 at {count} calls, ms"), percentile_ms(&mut delays, 0.5), Bar::None);
        report.add(
            keys[2],
            format!("relay adds p99 at {count} calls, ms"),
            percentile_ms(&mut delays, 0.99),
            delay_bar,
        );
    }
    Ok(())
}

/// Conference rooms of three, each party with its own tone.
fn rooms(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const ROOMS: u32 = 20;
    let (server, mut load) = begin(setting)?;
    for room in 0..ROOMS {
        for party in 0..3 {
            load.start(100.0, 1, Shape { kind: Kind::Room(room, party), hold: None, media: true, mux: false })?;
            load.run_until(system::now() + 20 * MILLISECOND)?;
        }
    }
    load.run_until(system::now() + 3 * SECOND)?;
    load.media.record();
    let (before, began) = (server.cpu()?, system::now());
    load.run_until(system::now() + 10 * SECOND)?;
    let share = (server.cpu()? - before) as f64 / (system::now() - began) as f64 * 100.0;
    load.media.recording = false;
    let wrong: Vec<usize> = (0..load.calls.len())
        .filter(|call| {
            let judged = load.caller_stream(*call).map(|stream| load.media.judged(stream));
            !judged.is_some_and(|judged| judged.hears_the_others_only(call % 3))
        })
        .collect();
    if let Some(first) = wrong.first() {
        let judged = load.caller_stream(*first).map(|stream| load.media.judged(stream));
        report.remark(format!(
            "rooms: {} of 60 parties do not hear exactly the other two; party {first}: {judged:?}",
            wrong.len()
        ));
    }
    let counted = std::mem::take(&mut load.media.counted);
    load.hang_up_all()?;
    told_failures(&load, report, "rooms");
    let mut delays = counted.burst_delays;
    if delays.is_empty() || counted.bursts_lost > 4 {
        report.remark(format!("rooms: {} bursts heard, {} lost", delays.len(), counted.bursts_lost));
    }
    let per_room = share / f64::from(ROOMS);
    report.add("room_cpu_percent", "CPU per three-way room (20 rooms), % of a core", per_room, Bar::AtMost(0.2));
    report.add("mix_p50_ms", "mix latency p50, ms", percentile_ms(&mut delays, 0.5), Bar::None);
    report.add("mix_p99_ms", "mix latency p99, ms", percentile_ms(&mut delays, 0.99), Bar::None);
    Ok(())
}

/// Transfers by REFER from the callee, blind and attended; the caller and the target then hear each other.
fn transfer(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const RATE: f64 = 5.0;
    let (server, mut load) = begin(setting)?;
    let plain = Shape { hold: Some(2 * SECOND), media: true, ..TANDEM };
    let without = cpu_of(&server, &mut load, RATE, 30, plain)?;
    told_failures(&load, report, "transfer");
    load.forget();
    let blind = cpu_of(&server, &mut load, RATE, 50, Shape { kind: Kind::Transfer(500), ..plain })?;
    told_failures(&load, report, "blind transfer");
    told_incomplete(&load.calls, report, "blind transfer");
    let mut to_invite = spans(&load.calls, |call| (call.referred, call.target_invited));
    let mut to_media = spans(&load.calls, media_after_refer);
    report.add(
        "refer_invite_p50_ms",
        "blind: REFER → INVITE at target p50, ms",
        percentile_ms(&mut to_invite, 0.5),
        Bar::None,
    );
    report.add(
        "refer_invite_p99_ms",
        "blind: REFER → INVITE at target p99, ms",
        percentile_ms(&mut to_invite, 0.99),
        Bar::None,
    );
    report.add(
        "refer_media_p50_ms",
        "blind: REFER → media both ways p50 (0–20: packet clock), ms",
        percentile_ms(&mut to_media, 0.5),
        Bar::None,
    );
    report.add(
        "refer_media_p99_ms",
        "blind: REFER → media both ways p99, ms",
        percentile_ms(&mut to_media, 0.99),
        Bar::None,
    );
    report.add("cpu_ms_per_blind", "CPU per call with a blind transfer (2 s of RTP), ms", blind, Bar::None);
    report.add("cpu_ms_blind_adds", "of that, the transfer, ms", blind - without, Bar::None);
    load.forget();
    let attended = cpu_of(&server, &mut load, RATE, 50, Shape { kind: Kind::Attended(500), ..plain })?;
    told_failures(&load, report, "attended transfer");
    told_incomplete(&load.calls, report, "attended transfer");
    let mut to_media = spans(&load.calls, media_after_refer);
    report.add(
        "attended_media_p50_ms",
        "attended: REFER → media both ways p50, ms",
        percentile_ms(&mut to_media, 0.5),
        Bar::None,
    );
    report.add(
        "attended_media_p99_ms",
        "attended: REFER → media both ways p99, ms",
        percentile_ms(&mut to_media, 0.99),
        Bar::None,
    );
    report.add("cpu_ms_per_attended", "CPU per call with an attended transfer (2 s of RTP), ms", attended, Bar::None);
    Ok(())
}

pub(crate) fn media_after_refer(call: &Call) -> (u64, u64) {
    let both = call.caller_heard != 0 && call.target_heard != 0;
    (call.referred, if both { call.caller_heard.max(call.target_heard) } else { 0 })
}

pub(crate) fn told_incomplete(calls: &[Call], report: &mut Report, part: &str) {
    let count = |is_so: fn(&Call) -> bool| calls.iter().filter(|call| is_so(call)).count();
    let invited = count(|call| call.target_invited != 0);
    let heard = count(|call| media_after_refer(call).1 != 0);
    let reported = count(|call| call.refer_status == 202 && call.notified == 200);
    let total = calls.len();
    if invited.min(heard).min(reported) < total {
        report.remark(format!(
            "{part}: of {total}, {invited} reached the target, {heard} had media both ways, {reported} were reported 200"
        ));
    }
}

/// CPU milliseconds a call of a load from its first INVITE to its last BYE.
pub(crate) fn cpu_of(server: &Server, load: &mut Load, rate: f64, count: usize, shape: Shape) -> io::Result<f64> {
    let before = server.cpu()?;
    load.start(rate, count, shape)?;
    load.settle(5 * SECOND)?;
    Ok((server.cpu()? - before) as f64 / 1e6 / count as f64)
}

/// A hundred thousand phones: their first registrations with challenge and answer, then a refresh of each.
fn registrations(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const PHONES: usize = 100_000;
    let (mut server, _) = begin_with(setting, &registrations::directory(PHONES))?;
    let mut phones = Phones::new(PHONES, server.sip)?;
    // Reading the directory's file leaves memory behind that is no binding's: both measures are of a second start.
    server.start_again(&setting.baton)?;
    until_it_answers(&server)?;
    let before = server.memory_kb()?;
    for (first, keys) in [(true, ["register_per_s", "register_cpu_ms"]), (false, ["refresh_per_s", "refresh_cpu_ms"])] {
        let used = server.cpu()?;
        let outcome = phones.register_all()?;
        let used = server.cpu()? - used;
        if let Some(status) = outcome.refused {
            report.remark(format!("registrations: a phone was refused with {status}"));
        }
        if outcome.put_off > PHONES / 100 {
            report.remark(format!("registrations: {} phones were put off", outcome.put_off));
        }
        if outcome.registered < PHONES {
            report.remark(format!("registrations: {} of {PHONES} are registered", outcome.registered));
            return Ok(());
        }
        let what = if first { "first registrations (challenged)" } else { "refreshed registrations" };
        let (rate, cpu) = if first { (Bar::AtLeast(10_000.0), Bar::AtMost(0.1)) } else { (Bar::None, Bar::None) };
        let count = PHONES as f64;
        report.add(keys[0], format!("{what} a second"), count * 1e9 / outcome.took.max(1) as f64, rate);
        report.add(keys[1], format!("CPU per {what}, ms"), used as f64 / 1e6 / count, cpu);
    }
    // Read back by another process: the answers that are kept for 32 s, for requests that are sent again (RFC 3261 §17.2.2),
    // are no binding's memory either.
    std::thread::sleep(std::time::Duration::from_secs(1));
    server.start_again(&setting.baton)?;
    until_it_answers(&server)?;
    let bytes = server.memory_kb()?.saturating_sub(before) as f64 * 1024.0 / PHONES as f64;
    report.add("bytes_per_binding", format!("memory per binding ({PHONES} held), bytes"), bytes, Bar::AtMost(2048.0));
    Ok(())
}

pub(crate) fn begin(setting: &Setting) -> io::Result<(Server, Load)> {
    begin_with(setting, "")
}

/// With more of a directory, in TOML.
pub(crate) fn begin_with(setting: &Setting, more: &str) -> io::Result<(Server, Load)> {
    let server = Server::start(&setting.baton, more)?;
    let load = until_it_answers(&server)?;
    Ok((server, load))
}

pub(crate) fn until_it_answers(server: &Server) -> io::Result<Load> {
    let mut load = Load::new(Some(server.sip))?;
    let limit = system::now() + 15 * SECOND;
    while !load.server_answers {
        if system::now() > limit || !server.is_running() {
            return Err(io::Error::other(format!("the server does not answer; its log: {}", server.log())));
        }
        load.ask()?;
    }
    // What starting up still costs is nobody's.
    load.run_until(system::now() + SECOND)?;
    Ok(load)
}

pub(crate) fn told_failures(load: &Load, report: &mut Report, part: &str) {
    let failed: Vec<u16> = load.calls.iter().filter_map(|call| call.failed).collect();
    let unfinished = load.calls.iter().filter(|call| call.answered == 0 && call.failed.is_none()).count();
    if let Some(status) = failed.first() {
        report.remark(format!(
            "{part}: {} of {} calls failed, the first with {status}",
            failed.len(),
            load.calls.len()
        ));
    }
    if unfinished > 0 {
        report.remark(format!("{part}: {unfinished} of {} calls were never answered", load.calls.len()));
    }
}

pub(crate) fn spans(calls: &[Call], ends: impl Fn(&Call) -> (u64, u64)) -> Vec<u64> {
    calls
        .iter()
        .map(ends)
        .filter(|(from, to)| *from != 0 && *to != 0)
        .map(|(from, to)| to.saturating_sub(from))
        .collect()
}
