//! What reads bytes from outside, and the machines behind it, each as a function that takes any bytes and must hold.
//!
//! `tests/fuzz/run` drives the targets by coverage for minutes; `tests/targets.rs` replays the kept corpus and goes on
//! from it with seeded mutations for seconds. A target that does not hold panics.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a target that does not hold panics")]

pub mod dice;
mod hand;
pub mod mutate;
mod steps;
mod targets;

/// One thing that must hold whatever it is fed.
#[derive(Debug)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// Feeds it.
    pub run: fn(&[u8]),
    /// Most bytes of an input.
    pub length_max: usize,
    /// Whether its input is text in lines.
    pub text: bool,
    /// Folders of the repository whose files are good beginnings, besides the corpus.
    pub beginnings: &'static [&'static str],
}

const MESSAGES: &[&str] = &[
    "sip-fixtures/torture",
    "sip-fixtures/trunks/3cx-style",
    "sip-fixtures/trunks/asterisk",
    "sip-fixtures/trunks/freeswitch",
    "sip-fixtures/trunks/ims-carrier",
    "sip-fixtures/trunks/kamailio-opensips",
    "sip-fixtures/trunks/teams-style-sbc",
];

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "message", run: targets::message::run, length_max: 8_192, text: true, beginnings: MESSAGES },
    Target { name: "framing", run: targets::framing::run, length_max: 8_192, text: true, beginnings: MESSAGES },
    Target { name: "uri", run: targets::uri::run, length_max: 512, text: false, beginnings: &[] },
    Target { name: "digest", run: targets::digest::run, length_max: 1_024, text: false, beginnings: &[] },
    Target {
        name: "sdp",
        run: targets::sdp::run,
        length_max: 4_096,
        text: true,
        beginnings: &["sip-fixtures/messages/sdp"],
    },
    Target { name: "rtp", run: targets::media::rtp, length_max: 2_048, text: false, beginnings: &[] },
    Target { name: "rtcp", run: targets::media::rtcp, length_max: 2_048, text: false, beginnings: &[] },
    Target { name: "stun", run: targets::stun::run, length_max: 1_024, text: false, beginnings: &[] },
    Target { name: "web_socket", run: targets::web_socket::run, length_max: 4_096, text: false, beginnings: &[] },
    Target {
        name: "directory",
        run: targets::directory::run,
        length_max: 8_192,
        text: true,
        beginnings: &[
            "deploy",
            "sip-fixtures/trunks/asterisk",
            "sip-fixtures/trunks/ims-carrier",
            "sip-fixtures/trunks/teams-style-sbc",
        ],
    },
    Target { name: "endpoint", run: targets::endpoint::run, length_max: 512, text: false, beginnings: &[] },
    Target { name: "contact", run: targets::contact::run, length_max: 512, text: false, beginnings: &[] },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
