//! `baton-bench`: what this build costs, measured from outside over real sockets.
//!
//! Callers and callees are one process with one clock; it shares no code with baton. `tests/bench/run` builds both and
//! starts it in a network namespace of its own. Read [`parts`] first.

mod call;
mod callee;
mod caller;
mod desk;
mod flood;
mod floor;
mod gateway;
mod handover;
mod leg;
mod load;
mod media;
mod message;
mod panels;
mod parts;
mod proxy;
mod random;
mod registrations;
mod report;
mod server;
mod soak;
mod streams;
mod system;
mod tone;

use std::process::ExitCode;

use parts::{PARTS, Setting};
use report::Report;

fn main() -> ExitCode {
    let mut json = false;
    let mut setting = Setting { baton: "target/release/baton".into() };
    let mut chosen = Vec::new();
    let mut soak = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--json" => json = true,
            "--soak" => soak = arguments.next().and_then(|minutes| minutes.parse().ok()),
            "--baton" => setting.baton = arguments.next().unwrap_or_default().into(),
            name if PARTS.iter().any(|(part, _)| *part == name) => chosen.push(name.to_owned()),
            other => {
                let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
                eprintln!("{other}: no such part; parts: {}", names.join(" "));
                return ExitCode::from(2);
            }
        }
    }
    if let Some(minutes) = soak {
        return match soak::run(&setting, minutes) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => {
                eprintln!("soak: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let mut report = Report::default();
    for (name, part) in PARTS {
        if !chosen.is_empty() && !chosen.iter().any(|wanted| wanted == name) {
            continue;
        }
        if let Err(error) = part(&setting, &mut report) {
            report.remark(format!("{name}: {error}"));
        }
    }
    if json {
        println!("{}", report.json());
    } else {
        println!("\n{}", report.table());
    }
    if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
