//! What a call costs over TCP and TLS: the same flow and the same generator as over UDP, by a gateway.

use std::io;

use crate::gateway::{Certificates, Gateway, Over};
use crate::parts::{Setting, cost, spans, told_failures, until_it_answers};
use crate::report::{Bar, Report, percentile_ms};
use crate::server::Server;

/// What is told of one transport: its name, and the keys and words of its rows.
struct Told {
    name: &'static str,
    per_call: [(&'static str, &'static str); 2],
    setup: (&'static str, &'static str),
}

/// CPU of a bridged call over TCP.
pub(crate) fn calls_tcp(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let told = Told {
        name: "calls-tcp",
        per_call: [
            ("cpu_ms_per_call_tcp", "CPU per bridged call over TCP at 100 calls/s, ms"),
            ("cpu_ms_per_call_tcp_1000", "CPU per bridged call over TCP at 1,000 calls/s, ms"),
        ],
        setup: ("setup_p50_ms_tcp", "whole set-up p50 over TCP at 100 calls/s, by a gateway, ms"),
    };
    measure(setting, report, &Over::Tcp, &told)
}

/// CPU of a bridged call over TLS, on connections that are up.
pub(crate) fn calls_tls(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let told = Told {
        name: "calls-tls",
        per_call: [
            ("cpu_ms_per_call_tls", "CPU per bridged call over TLS at 100 calls/s, ms"),
            ("cpu_ms_per_call_tls_1000", "CPU per bridged call over TLS at 1,000 calls/s, ms"),
        ],
        setup: ("setup_p50_ms_tls", "whole set-up p50 over TLS at 100 calls/s, by a gateway, ms"),
    };
    measure(setting, report, &Over::Tls(Box::new(Certificates::new()?)), &told)
}

fn measure(setting: &Setting, report: &mut Report, over: &Over, told: &Told) -> io::Result<()> {
    for ((rate, seconds), (key, text)) in [(100_u32, 10_u32), (1000, 4)].into_iter().zip(told.per_call) {
        let mut server = Server::start_over(&setting.baton, over)?;
        let gateway = Gateway::start(over.clone(), server.sip)?;
        server.sip = gateway.address;
        let mut load = until_it_answers(&server)?;
        let spent = cost(&mut load, (rate, seconds), || server.cpu())?;
        told_failures(&load, report, told.name);
        report.add(key, text, spent, Bar::None);
        if rate == 100 {
            let mut whole = spans(&load.calls, |call| (call.started, call.answered));
            report.add(told.setup.0, told.setup.1, percentile_ms(&mut whole, 0.5), Bar::None);
        }
    }
    Ok(())
}
