//! Every bound of the crate in one place, each with its reason.

/// Samples in one tick of the mixer: 20 ms at 8 kHz.
pub const FRAME_SAMPLES: usize = 160;
/// Length of one tick in microseconds.
pub const FRAME_US: u64 = 20_000;
/// Rooms tick in this many groups, 2 ms apart, so that a full shard never sends in one burst.
pub const TICK_GROUPS: usize = 10;
/// Active rooms put in one group before the next is opened: few rooms then share one wake-up.
pub const ROOMS_PER_GROUP: usize = 16;
/// Ticks made up for after a stall; older ones are given up, or the stall would repeat itself.
pub const CATCH_UP_TICKS_MAX: u64 = 5;
/// Longest audio payload taken: 200 ms of G.711 (RFC 3551 §4.2).
pub const PAYLOAD_BYTES_MAX: usize = 1_600;
/// Consecutive packets an unannounced source must send before the stream locks to it (wire rule M6).
pub const PROBATION_PACKETS: u8 = 4;
/// A candidate source that pauses this long gives way to another one.
pub const PROBATION_PAUSE_US: u64 = 200_000;
/// A locked source that is silent this long may be replaced by the negotiated address.
pub const LATCH_SILENCE_US: u64 = 2_000_000;
/// Without RTP for this long a stream is told to be silent (wire rule M7).
pub const SILENT_US: u64 = 2_000_000;
/// A party whose only source pauses this long hears comfort silence instead.
pub const FILL_US: u64 = 400_000;
/// Every stream is looked at once in this time (RTCP, silence, lost ends of digits).
pub const SWEEP_US: u64 = 200_000;
/// Streams looked at in one step of the sweep, so that it never becomes a burst.
pub const SWEEP_STEP_STREAMS: usize = 64;
/// Digits waiting to be sent on one stream.
pub const DIGITS_MAX: usize = 32;
/// A telephone event without a packet for this long has ended, its end packets were lost.
pub const EVENT_LOST_US: u64 = 100_000;
/// Streams of one shard; `Open` beyond it fails.
pub const STREAMS_MAX: usize = 20_000;
/// Parties of one room; further ones hear silence and are not heard.
pub const PARTIES_MAX: usize = 64;
