//! The node's settings that matter to decisions, and every limit.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The core's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The SIP endpoint's.
    pub sip: baton_sip::Config,
    /// The address that media sockets are bound to.
    pub media_local: IpAddr,
    /// The address that session descriptions carry; the SIP listener's advertised one when absent.
    pub media_advertised: Option<IpAddr>,
    /// First and last RTP port, the first even; RTCP takes the odd one above.
    pub media_ports: (u16, u16),
    /// How many media shards there are, at least 1.
    pub media_shards: u16,
    /// Codecs, best first.
    pub codecs: Vec<baton_sdp::Codec>,
    /// Whose call-progress tones are played.
    pub tones: baton_media::ToneCountry,
    /// The limits.
    pub limits: Limits,
}

/// Every limit of the core, with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Most parties of a conversation, supervisors not counted (`domain`: 6 by default, 64 at most).
    pub parties_max: usize,
    /// Most conversations; above: 503.
    pub conversations_max: usize,
    /// How long an outside number or a directly dialled agent rings, in seconds, before `TELECOM_TIMEOUT`.
    pub ring_timeout_s: u32,
    /// How long an agent is rung again after its phone died or its blind transfer failed, in seconds.
    pub recall_timeout_s: u32,
    /// A reminder is given when a customer has been on hold this long, in seconds.
    pub hold_reminder_s: u32,
    /// How long a contact waits in an agent's personal queue before it counts as not answered, in seconds.
    pub personal_wait_s: u32,
    /// Most contacts in an agent's personal queue.
    pub personal_queue_max: u32,
    /// Most transfers within one conversation; above: a loop, refused.
    pub transfers_max: u32,
    /// Longest call, in seconds; a bound against calls that never end.
    pub call_seconds_max: u32,
    /// An agent's phone that was heard and then sends no audio for this long has died, in seconds.
    pub audio_timeout_s: u32,
    /// How long the core waits for the next key of a feature code, in milliseconds.
    pub feature_code_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            parties_max: 6,
            conversations_max: 10_000,
            ring_timeout_s: 60,
            recall_timeout_s: 30,
            hold_reminder_s: 30,
            personal_wait_s: 180,
            personal_queue_max: 10,
            transfers_max: 20,
            call_seconds_max: 12 * 3_600,
            audio_timeout_s: 30,
            feature_code_ms: 1_500,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            sip: baton_sip::Config::default(),
            media_local: IpAddr::from([0, 0, 0, 0]),
            media_advertised: None,
            media_ports: (20_000, 39_999),
            media_shards: 1,
            codecs: vec![baton_sdp::Codec::Pcma, baton_sdp::Codec::Pcmu],
            tones: baton_media::ToneCountry::De,
            limits: Limits::default(),
        }
    }
}
