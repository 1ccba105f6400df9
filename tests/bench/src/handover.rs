//! The parts about handing calls over, with 200 other calls up: how fast, and what the customer hears of it.

use std::io;

use crate::call::{Call, Kind, Shape};
use crate::load::{Load, SECOND};
use crate::panels::{self, Panels};
use crate::parts::{
    Setting, TANDEM, begin, begin_with, cpu_of, media_after_refer, spans, told_failures, told_incomplete,
};
use crate::registrations::Phones;
use crate::report::{Bar, Report, percentile_ms};
use crate::server::Server;
use crate::system;

/// Calls with media that are up meanwhile.
const OTHERS: usize = 200;

/// Agents that hand their calls over in turns.
const AGENTS: usize = 20;

/// Hand-overs a second and in all.
const RATE: f64 = 4.0;
const COUNT: usize = 60;

/// Transfers by REFER from the callee, blind and attended, while others talk.
pub(crate) fn refer(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let (_server, mut load) = begin(setting)?;
    others_talk(&mut load, report)?;
    let plain = Shape { hold: Some(2 * SECOND), media: true, ..TANDEM };
    load.start(RATE, COUNT, Shape { kind: Kind::Transfer(500), ..plain })?;
    load.settle(5 * SECOND)?;
    told_failures(&load, report, "blind transfer");
    told_incomplete(&load.calls[OTHERS..], report, "blind transfer");
    let mut to_invite = spans(&load.calls, |call| (call.referred, call.target_invited));
    let mut to_media = spans(&load.calls, media_after_refer);
    let rows = [
        ("busy_refer_invite_p50_ms", "blind: REFER → INVITE at target p50, 200 others, ms", 0.5, Bar::AtMost(0.5)),
        ("busy_refer_invite_p99_ms", "blind: REFER → INVITE at target p99, 200 others, ms", 0.99, Bar::AtMost(2.0)),
    ];
    for (key, text, share, bar) in rows {
        report.add(key, text, percentile_ms(&mut to_invite, share), bar);
    }
    report.add(
        "busy_refer_media_p50_ms",
        "blind: REFER → media both ways p50, 200 others, ms",
        percentile_ms(&mut to_media, 0.5),
        Bar::None,
    );
    report.add(
        "busy_refer_media_p99_ms",
        "blind: REFER → media both ways p99, 200 others, ms",
        percentile_ms(&mut to_media, 0.99),
        Bar::None,
    );
    Ok(())
}

/// Agents consult, join and leave at their panels, while others talk.
pub(crate) fn join(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let (server, mut load) = begin_with(setting, &panels::directory(AGENTS))?;
    agents_are_there(&server, &mut load)?;
    others_talk(&mut load, report)?;
    load.start(RATE, COUNT, Shape { kind: Kind::Desk, hold: Some(10 * SECOND), media: true, ..TANDEM })?;
    load.settle(12 * SECOND)?;
    told_failures(&load, report, "join and leave");
    let handed = &load.calls[OTHERS..];
    let mut to_mixed = spans(handed, |call| (call.joined, call.mixed));
    let left: Vec<_> = handed.iter().filter_map(|call| call.left).filter(|left| left.packets > 0).collect();
    if to_mixed.len() < COUNT || left.len() < COUNT {
        report.remark(format!("join and leave: {} of {COUNT} were mixed, {} left", to_mixed.len(), left.len()));
    }
    let missing: u32 = left.iter().map(|left| left.missing).sum();
    let mut gaps: Vec<u64> = left.iter().map(|left| left.longest_gap).collect();
    let rows = [
        ("join_mixed_p50_ms", "Join → both others heard in one frame p50, 200 others, ms", 0.5, Bar::None),
        ("join_mixed_p99_ms", "Join → both others heard in one frame p99, 200 others, ms", 0.99, Bar::AtMost(40.0)),
    ];
    for (key, text, share, bar) in rows {
        report.add(key, text, percentile_ms(&mut to_mixed, share), bar);
    }
    report.add(
        "leave_missing",
        format!("{COUNT} × Leave: frames missing at the customers"),
        f64::from(missing),
        Bar::AtMost(0.0),
    );
    report.add(
        "leave_gap_p50_ms",
        "Leave: longest time between two packets p50, ms",
        percentile_ms(&mut gaps, 0.5),
        Bar::None,
    );
    report.add(
        "leave_gap_p99_ms",
        "Leave: longest time between two packets p99, ms",
        percentile_ms(&mut gaps, 0.99),
        Bar::None,
    );
    Ok(())
}

/// How many transfers a second come through, and what one costs: no media, calls that live for a second.
pub(crate) fn rate(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const TRANSFERS_PER_S: u32 = 300;
    const SECONDS: u32 = 4;
    let (server, mut load) = begin(setting)?;
    let plain = TANDEM;
    let count = (TRANSFERS_PER_S * SECONDS) as usize;
    let without = cpu_of(&server, &mut load, f64::from(TRANSFERS_PER_S), count, plain)?;
    told_failures(&load, report, "transfers");
    for (kind, text) in [(Kind::Transfer(300), "blind"), (Kind::Attended(200), "attended")] {
        load.forget();
        let with = cpu_of(&server, &mut load, f64::from(TRANSFERS_PER_S), count, Shape { kind, ..plain })?;
        told_failures(&load, report, text);
        let done = load.calls.iter().filter(|call| is_transferred(call)).count();
        let (keys, cost) = match kind {
            Kind::Attended(_) => (["attended_per_s", "cpu_ms_attended"], Bar::AtMost(1.0)),
            _ => (["blind_per_s", "cpu_ms_blind"], Bar::None),
        };
        report.add(
            keys[0],
            format!("{text} transfers/s completed, of {TRANSFERS_PER_S} started"),
            done as f64 / f64::from(SECONDS),
            Bar::AtLeast(f64::from(TRANSFERS_PER_S)),
        );
        report.add(keys[1], format!("CPU that the {text} transfer adds to its call, ms"), with - without, cost);
    }
    Ok(())
}

fn is_transferred(call: &Call) -> bool {
    call.failed.is_none() && call.target_invited != 0 && call.notified == 200
}

fn others_talk(load: &mut Load, report: &mut Report) -> io::Result<()> {
    load.start(100.0, OTHERS, Shape { hold: None, media: true, ..TANDEM })?;
    load.run_until(system::now() + SECOND)?;
    if load.up() < OTHERS {
        report.remark(format!("{} of {OTHERS} other calls are up", load.up()));
    }
    Ok(())
}

fn agents_are_there(server: &Server, load: &mut Load) -> io::Result<()> {
    let outcome = Phones::behind(load.sides[2].socket.try_clone()?, AGENTS, server.sip)?.register_all()?;
    if outcome.registered < AGENTS {
        return Err(io::Error::other(format!("{} of {AGENTS} phones are registered: {outcome:?}", outcome.registered)));
    }
    load.panels = Some(Panels::open(AGENTS)?);
    load.run_until(system::now() + SECOND)
}
