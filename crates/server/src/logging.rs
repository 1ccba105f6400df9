//! Log lines on standard error: text for people, JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::filter::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging. `BATON_LOG` in the environment takes the place of the configured filter.
pub(crate) fn start(log: &Log) {
    let filter = std::env::var("BATON_LOG").ok().and_then(|text| text.parse::<EnvFilter>().ok());
    let filter = filter.or_else(|| log.filter.parse().ok()).unwrap_or_default();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (in tests) changes nothing.
    let _ = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
