//! What is counted, and its Prometheus text (exposition format 0.0.4). Atomics only: counting never waits.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use baton_contact::event::{DisconnectReason, EventKind};
use baton_contact::snapshot::TrunkView;

use crate::media_thread::MediaCounters;

/// A number that is counted up, or set.
#[derive(Debug, Default)]
pub(crate) struct Number(AtomicU64);

impl Number {
    /// Counts up.
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts down, not below nothing.
    pub(crate) fn take(&self, count: u64) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_sub(count)));
    }

    /// Sets it.
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the handler times' buckets, in microseconds.
const HANDLER_BUCKETS_US: [u64; 10] = [5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 25_000];

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Datagrams read.
    pub(crate) datagrams_received: Number,
    /// Datagrams sent.
    pub(crate) datagrams_sent: Number,
    /// Datagrams that the kernel did not take at once; SIP sends them again.
    pub(crate) datagrams_dropped: Number,
    /// Connections that are up.
    pub(crate) tcp_connections: Number,
    /// Connections refused at a limit.
    pub(crate) tcp_refused: Number,
    /// TLS and WebSocket handshakes that failed, ours with trunks included.
    pub(crate) handshakes_failed: Number,
    /// How often changed certificates were put in force.
    pub(crate) certificates_loaded: Number,
    /// Orders that the TCP edge had no room for.
    pub(crate) edge_orders_dropped: Number,
    /// Letters in the core's inbox.
    pub(crate) inbox_length: Number,
    /// How much has to give way: 0 nothing, 1 new calls, 2 strangers too.
    pub(crate) pressure: Number,
    /// Inputs that the core took longer than [`crate::core_thread::SLOW_US`] for.
    pub(crate) slow_inputs: Number,
    /// Events and documents that wait for the store.
    pub(crate) store_backlog: Number,
    /// Conversations that the store holds in memory.
    pub(crate) store_conversations: Number,
    /// Attempts of the store that failed.
    pub(crate) store_failures: Number,
    /// Events and documents dropped because far too many wait for the store.
    pub(crate) store_dropped: Number,
    /// Log lines that standard error did not take; set when the text is made.
    log_lines_dropped: Number,
    /// Contacts that began.
    pub(crate) contacts_started: Number,
    /// Contacts that talk, ring or wait.
    pub(crate) contacts_up: Number,
    /// Phones that are registered.
    pub(crate) registrations: Number,
    /// What the core and its endpoint count, as last told.
    core: CoreNumbers,
    /// The trunks, as last told.
    trunks: Mutex<Vec<TrunkView>>,
    outcomes: Mutex<BTreeMap<String, u64>>,
    handler_counts: [Number; HANDLER_BUCKETS_US.len() + 1],
    handler_sum_us: Number,
}

/// What the core counts itself: set once a second by the core thread, each without a lock.
#[derive(Debug, Default)]
struct CoreNumbers {
    conversations: Number,
    sessions: Number,
    transactions: Number,
    waiting: Number,
    ports_used: Number,
    timers: Number,
    faults: Number,
    not_permitted: Number,
    messages_received: Number,
    messages_sent: Number,
    retransmissions_sent: Number,
    malformed: Number,
    unknown_source: Number,
    authentication_failed: Number,
    over_limit: Number,
    streams_cut_off: Number,
    moved_to_tcp: Number,
    rate_limited: Number,
    scanners: Number,
    put_off: Number,
    put_off_calls: Number,
    shed: Number,
    bans: Number,
    banned_dropped: Number,
    amplification_refused: Number,
    bans_in_force: Number,
    subscriptions: Number,
    nonces: Number,
    ended_dialogs: Number,
}

impl Metrics {
    /// Takes over what the core counts.
    pub(crate) fn core(&self, gauges: baton_contact::Gauges, counters: baton_sip::Counters) {
        let numbers = &self.core;
        numbers.conversations.set(gauges.conversations as u64);
        numbers.sessions.set(gauges.sessions as u64);
        numbers.transactions.set(gauges.transactions as u64);
        numbers.waiting.set(gauges.waiting as u64);
        numbers.ports_used.set(gauges.ports_used as u64);
        numbers.timers.set(gauges.timers as u64);
        numbers.faults.set(gauges.faults);
        numbers.not_permitted.set(gauges.not_permitted);
        self.registrations.set(gauges.registrations as u64);
        numbers.messages_received.set(counters.messages_received);
        numbers.messages_sent.set(counters.messages_sent);
        numbers.retransmissions_sent.set(counters.retransmissions_sent);
        numbers.malformed.set(counters.malformed);
        numbers.unknown_source.set(counters.unknown_source);
        numbers.authentication_failed.set(counters.authentication_failed);
        numbers.over_limit.set(counters.over_limit);
        numbers.streams_cut_off.set(counters.streams_cut_off);
        numbers.moved_to_tcp.set(counters.moved_to_tcp);
        numbers.rate_limited.set(counters.rate_limited);
        numbers.scanners.set(counters.scanners);
        numbers.put_off.set(counters.put_off);
        numbers.put_off_calls.set(counters.put_off_calls);
        numbers.shed.set(counters.shed);
        numbers.bans.set(counters.bans);
        numbers.banned_dropped.set(counters.banned_dropped);
        numbers.amplification_refused.set(counters.amplification_refused);
        numbers.bans_in_force.set(gauges.bans as u64);
        numbers.subscriptions.set(gauges.subscriptions as u64);
        numbers.nonces.set(gauges.nonces as u64);
        numbers.ended_dialogs.set(gauges.ended_dialogs as u64);
    }

    /// Takes over how the trunks are. Once a second, and the text is made no more often: nobody waits for this lock.
    pub(crate) fn trunks(&self, trunks: Vec<TrunkView>) {
        if let Ok(mut told) = self.trunks.lock() {
            *told = trunks;
        }
    }

    /// Counts how long the core took for one input.
    pub(crate) fn handled(&self, took_us: u64) {
        let bucket = HANDLER_BUCKETS_US.iter().position(|bound| took_us <= *bound).unwrap_or(HANDLER_BUCKETS_US.len());
        if let Some(count) = self.handler_counts.get(bucket) {
            count.add(1);
        }
        self.handler_sum_us.add(took_us);
    }

    /// Counts a contact's event. Called by the store thread, so its lock is nobody's wait.
    pub(crate) fn event(&self, kind: &EventKind) {
        match kind {
            EventKind::Initiated { .. } => {
                self.contacts_started.add(1);
                self.contacts_up.add(1);
            }
            EventKind::Disconnected { reason, .. } => {
                self.contacts_up.take(1);
                if let Ok(mut outcomes) = self.outcomes.lock() {
                    *outcomes.entry(reason_name(*reason)).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// The Prometheus text.
    pub(crate) fn render(&self, shards: &[Arc<MediaCounters>]) -> String {
        self.log_lines_dropped.set(crate::logging::dropped());
        let mut text = String::with_capacity(8_192);
        let counters = [
            ("baton_sip_datagrams_received_total", "SIP datagrams read.", &self.datagrams_received),
            ("baton_sip_datagrams_sent_total", "SIP datagrams sent.", &self.datagrams_sent),
            (
                "baton_sip_datagrams_dropped_total",
                "SIP datagrams that the kernel did not take.",
                &self.datagrams_dropped,
            ),
            ("baton_sip_tcp_refused_total", "Connections refused at a limit.", &self.tcp_refused),
            (
                "baton_sip_tcp_orders_dropped_total",
                "Orders that the TCP edge had no room for.",
                &self.edge_orders_dropped,
            ),
            ("baton_sip_handshakes_failed_total", "TLS and WebSocket handshakes that failed.", &self.handshakes_failed),
            (
                "baton_sip_certificates_loaded_total",
                "Times that changed certificates were taken.",
                &self.certificates_loaded,
            ),
            ("baton_core_slow_inputs_total", "Inputs that took longer than 5 ms.", &self.slow_inputs),
            ("baton_store_failures_total", "Attempts of the store that failed.", &self.store_failures),
            (
                "baton_store_dropped_total",
                "Events and documents dropped at ten times the backlog's mark.",
                &self.store_dropped,
            ),
            ("baton_log_lines_dropped_total", "Log lines that standard error did not take.", &self.log_lines_dropped),
            ("baton_contacts_total", "Contacts that began.", &self.contacts_started),
            ("baton_core_faults_total", "Conversations given up because of a fault of ours.", &self.core.faults),
            (
                "baton_core_not_permitted_total",
                "Calls and transfers that security profiles have refused.",
                &self.core.not_permitted,
            ),
            ("baton_sip_messages_received_total", "SIP messages taken.", &self.core.messages_received),
            ("baton_sip_messages_sent_total", "SIP messages sent, retransmissions included.", &self.core.messages_sent),
            ("baton_sip_retransmissions_sent_total", "Retransmissions sent.", &self.core.retransmissions_sent),
            ("baton_sip_malformed_total", "What could not be read as SIP.", &self.core.malformed),
            ("baton_sip_unknown_source_total", "Requests from neither trunk nor phone.", &self.core.unknown_source),
            (
                "baton_sip_authentication_failed_total",
                "Requests with wrong credentials.",
                &self.core.authentication_failed,
            ),
            ("baton_sip_over_limit_total", "Requests refused at a limit.", &self.core.over_limit),
            ("baton_sip_streams_cut_off_total", "Connections of slow senders closed.", &self.core.streams_cut_off),
            ("baton_sip_moved_to_tcp_total", "Requests too large for UDP.", &self.core.moved_to_tcp),
            (
                "baton_sip_rate_limited_total",
                "Requests of unknown sources that were too many; unanswered.",
                &self.core.rate_limited,
            ),
            ("baton_sip_scanners_total", "Requests of scanners; unanswered.", &self.core.scanners),
            (
                "baton_sip_put_off_total",
                "Calls, registrations and other new requests that got 503 because the node was behind or nearly full.",
                &self.core.put_off,
            ),
            (
                "baton_sip_put_off_calls_total",
                "Those of the requests put off that were calls.",
                &self.core.put_off_calls,
            ),
            (
                "baton_sip_shed_total",
                "Requests of unknown sources dropped because the node was behind.",
                &self.core.shed,
            ),
            ("baton_sip_bans_total", "Bans that began.", &self.core.bans),
            (
                "baton_sip_banned_dropped_total",
                "Datagrams and connections of banned sources; unread.",
                &self.core.banned_dropped,
            ),
            (
                "baton_sip_amplification_refused_total",
                "Answers not sent because they were far longer than their datagrams.",
                &self.core.amplification_refused,
            ),
        ];
        let gauges = [
            ("baton_sip_tcp_connections", "Connections (TCP, TLS, WebSocket) that are up.", &self.tcp_connections),
            ("baton_sip_bans", "Sources that are banned.", &self.core.bans_in_force),
            ("baton_sip_subscriptions", "What phones watch: busy lamps, presence, rooms.", &self.core.subscriptions),
            ("baton_core_pressure", "What gives way: 0 nothing, 1 new calls, 2 strangers too.", &self.pressure),
            ("baton_core_timers", "Timers that run.", &self.core.timers),
            ("baton_core_inbox_length", "Letters in the core's inbox.", &self.inbox_length),
            ("baton_store_backlog", "Events and documents that wait for the store.", &self.store_backlog),
            (
                "baton_store_conversations",
                "Conversations that the store holds in memory: those that go on, and the last 256.",
                &self.store_conversations,
            ),
            ("baton_contacts_up", "Contacts that talk, ring or wait.", &self.contacts_up),
            ("baton_registrations", "Phones that are registered.", &self.registrations),
            ("baton_conversations", "Conversations, after-contact work included.", &self.core.conversations),
            ("baton_contacts_waiting", "Contacts that wait in queues.", &self.core.waiting),
            ("baton_sip_sessions", "SIP sessions.", &self.core.sessions),
            ("baton_sip_transactions", "SIP transactions.", &self.core.transactions),
            ("baton_sip_nonces", "Digest nonces that may be answered again; at most 65,536.", &self.core.nonces),
            (
                "baton_sip_ended_dialogs",
                "Ended dialogs that are remembered for a late Replaces; at most 4,096.",
                &self.core.ended_dialogs,
            ),
            ("baton_media_ports_used", "RTP ports in use.", &self.core.ports_used),
        ];
        for (name, help, number) in counters {
            one(&mut text, name, help, "counter", number.get());
        }
        for (name, help, number) in gauges {
            one(&mut text, name, help, "gauge", number.get());
        }
        self.render_outcomes(&mut text);
        if let Ok(trunks) = self.trunks.lock() {
            render_trunks(&mut text, &trunks);
        }
        self.render_handler_times(&mut text);
        render_media(&mut text, shards);
        render_process(&mut text);
        text
    }

    fn render_outcomes(&self, text: &mut String) {
        let name = "baton_contacts_disconnected_total";
        heading(text, name, "Contacts that ended, by reason.", "counter");
        if let Ok(outcomes) = self.outcomes.lock() {
            for (reason, count) in outcomes.iter() {
                let _ = writeln!(text, "{name}{{reason=\"{reason}\"}} {count}");
            }
        }
    }

    fn render_handler_times(&self, text: &mut String) {
        let name = "baton_core_handler_seconds";
        heading(text, name, "Time that the core took for one input.", "histogram");
        let mut total = 0;
        for (bound, count) in HANDLER_BUCKETS_US.iter().zip(&self.handler_counts) {
            total += count.get();
            let _ = writeln!(text, "{name}_bucket{{le=\"{}\"}} {total}", *bound as f64 / 1e6);
        }
        total += self.handler_counts.last().map_or(0, Number::get);
        let _ = writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {total}");
        let _ = writeln!(text, "{name}_sum {}", self.handler_sum_us.get() as f64 / 1e6);
        let _ = writeln!(text, "{name}_count {total}");
    }
}

fn heading(text: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn one(text: &mut String, name: &str, help: &str, kind: &str, value: u64) {
    heading(text, name, help, kind);
    let _ = writeln!(text, "{name} {value}");
}

fn render_trunks(text: &mut String, trunks: &[TrunkView]) {
    heading(text, "baton_trunk_calls", "Calls of a trunk that are up.", "gauge");
    for trunk in trunks {
        let name = escape(&trunk.name);
        for (direction, calls) in [("in", trunk.calls_in), ("out", trunk.calls_out)] {
            let _ = writeln!(text, "baton_trunk_calls{{trunk=\"{name}\",direction=\"{direction}\"}} {calls}");
        }
    }
    let name = "baton_trunk_take_backs_total";
    heading(text, name, "Customers that a trunk was asked to take back by our REFER, or to connect itself.", "counter");
    for trunk in trunks {
        let of = escape(&trunk.name);
        for (outcome, count) in [("handedBack", trunk.handed_back), ("bridged", trunk.bridged_instead)] {
            let _ = writeln!(text, "{name}{{trunk=\"{of}\",outcome=\"{outcome}\"}} {count}");
        }
    }
    let name = "baton_trunk_trombones_total";
    heading(text, name, "Calls that came in by a trunk and went out by it.", "counter");
    for trunk in trunks {
        let _ = writeln!(text, "{name}{{trunk=\"{}\"}} {}", escape(&trunk.name), trunk.trombones);
    }
    heading(text, "baton_trunk_gateway_up", "Whether calls go to a gateway.", "gauge");
    for trunk in trunks {
        let name = escape(&trunk.name);
        for gateway in &trunk.gateways {
            let (address, up) = (escape(&gateway.address), u8::from(gateway.up));
            let _ = writeln!(text, "baton_trunk_gateway_up{{trunk=\"{name}\",gateway=\"{address}\"}} {up}");
        }
    }
    heading(text, "baton_trunk_registered", "Whether a trunk that we register with keeps us.", "gauge");
    for (trunk, registration) in trunks.iter().filter_map(|trunk| Some((trunk, trunk.registration.as_ref()?))) {
        let (name, registered) = (escape(&trunk.name), u8::from(registration.registered));
        let _ = writeln!(text, "baton_trunk_registered{{trunk=\"{name}\"}} {registered}");
    }
}

/// A label's value (exposition format 0.0.4).
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn render_media(text: &mut String, shards: &[Arc<MediaCounters>]) {
    type Total = fn(&MediaCounters) -> &AtomicU64;
    let totals: [(&str, &str, &str, Total); 5] = [
        ("baton_media_packets_received_total", "RTP and RTCP packets read.", "counter", |c| &c.packets_received),
        ("baton_media_packets_sent_total", "RTP and RTCP packets sent.", "counter", |c| &c.packets_sent),
        ("baton_media_packets_refused_total", "Packets that the kernel did not take.", "counter", |c| {
            &c.packets_refused
        }),
        ("baton_media_late_ticks_total", "Mixer ticks that came 5 ms or more late.", "counter", |c| &c.late_ticks),
        ("baton_media_streams", "Streams that are open.", "gauge", |c| &c.streams),
    ];
    for (name, help, kind, total) in totals {
        heading(text, name, help, kind);
        for (shard, counters) in shards.iter().enumerate() {
            let _ = writeln!(text, "{name}{{shard=\"{shard}\"}} {}", total(counters).load(Ordering::Relaxed));
        }
    }
}

/// What the kernel says about this process, under the names that Prometheus' client libraries use.
fn render_process(text: &mut String) {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else { return };
    // The command's name stands in parentheses and may contain spaces.
    let Some((_, rest)) = stat.rsplit_once(')') else { return };
    let field = |number: usize| -> f64 {
        // Fields are numbered from 1 in proc(5); the third is the first one behind the name.
        rest.split_whitespace().nth(number - 3).and_then(|value| value.parse().ok()).unwrap_or(0.0)
    };
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    heading(text, "process_cpu_seconds_total", "User and system time.", "counter");
    let _ = writeln!(text, "process_cpu_seconds_total {}", (field(14) + field(15)) / ticks);
    heading(text, "process_resident_memory_bytes", "Resident memory.", "gauge");
    let _ = writeln!(text, "process_resident_memory_bytes {}", field(24) * rustix::param::page_size() as f64);
    heading(text, "process_threads", "Threads.", "gauge");
    let _ = writeln!(text, "process_threads {}", field(20));
    if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
        one(text, "process_open_fds", "Open file descriptors.", "gauge", descriptors.count() as u64);
    }
}

fn reason_name(reason: DisconnectReason) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "OTHER".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_one_heading_a_name_and_a_full_histogram() {
        let metrics = Metrics::default();
        metrics.handled(7);
        metrics.handled(1_000_000);
        let disconnected =
            EventKind::Disconnected { reason: DisconnectReason::TelecomBusy, sip_status: 486, q850: None };
        metrics.event(&disconnected);
        metrics.datagrams_received.add(3);
        let view = serde_json::json!({
            "name": "a \"pbx\"", "calls": 3, "callsIn": 1, "callsOut": 2, "maxCalls": 9,
            "handedBack": 5, "bridgedInstead": 1, "trombones": 0,
            "gateways": [{"address": "192.0.2.9:5060", "priority": 1, "weight": 1, "up": false, "monitored": true, "lastStatus": 408, "sinceMs": 1}],
            "registration": {"registered": true, "gateway": "192.0.2.9:5060", "expiresAtMs": 1, "lastStatus": 200},
        });
        metrics.trunks(vec![serde_json::from_value(view).unwrap()]);
        let text = metrics.render(&[Arc::default()]);
        for line in [
            "baton_sip_datagrams_received_total 3",
            "baton_contacts_up 0",
            "baton_trunk_calls{trunk=\"a \\\"pbx\\\"\",direction=\"out\"} 2",
            "baton_trunk_take_backs_total{trunk=\"a \\\"pbx\\\"\",outcome=\"handedBack\"} 5",
            "baton_trunk_gateway_up{trunk=\"a \\\"pbx\\\"\",gateway=\"192.0.2.9:5060\"} 0",
            "baton_trunk_registered{trunk=\"a \\\"pbx\\\"\"} 1",
            "baton_contacts_disconnected_total{reason=\"TELECOM_BUSY\"} 1",
            "baton_core_handler_seconds_bucket{le=\"0.000005\"} 0",
            "baton_core_handler_seconds_bucket{le=\"0.00001\"} 1",
            "baton_core_handler_seconds_bucket{le=\"+Inf\"} 2",
            "baton_core_handler_seconds_count 2",
            "baton_media_streams{shard=\"0\"} 0",
        ] {
            assert!(text.lines().any(|each| each == line), "{line} is missing in\n{text}");
        }
        let resident = text.lines().find(|line| line.starts_with("process_resident_memory_bytes ")).unwrap();
        assert!(resident.rsplit(' ').next().unwrap().parse::<f64>().unwrap() > 1e6);
        let mut headings: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let count = headings.len();
        headings.sort_unstable();
        headings.dedup();
        assert_eq!(headings.len(), count);
    }
}
