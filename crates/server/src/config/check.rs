//! What the types of `baton.toml` do not forbid.

use std::collections::BTreeSet;
use std::path::{Component, PathBuf};

use super::{ClientCertificates, Listener, Node, Transport};
use crate::sinks;

/// A question waits for one after the other.
const DNS_SERVERS_MAX: usize = 8;
/// Most names of the node itself.
const DOMAINS_MAX: usize = 100;
/// Each packet of a stranger is compared with every one.
const ALLOWED_NETWORKS_MAX: usize = 256;
/// Files that are rotated sooner are too many.
const ROTATE_BYTES_MIN: u64 = 65_536;

impl Node {
    /// What the types do not forbid.
    pub(super) fn faults(&self) -> Vec<Fault> {
        let mut faults = Faults::default();
        self.check_sip(&mut faults);
        self.check_guard(&mut faults);
        self.check_media(&mut faults);
        self.check_limits(&mut faults);
        self.check_files(&mut faults);
        if self.dns.servers.len() > DNS_SERVERS_MAX {
            faults.add("dns.servers", format!("at most {DNS_SERVERS_MAX} servers"));
        }
        if !(60..=2_592_000).contains(&self.api.token_lifetime_s) {
            faults.range("api.token_lifetime_s", self.api.token_lifetime_s, 60, 2_592_000);
        }
        if let Err(error) = self.log.filter.parse::<tracing_subscriber::filter::EnvFilter>() {
            faults.add("log.filter", format!("not a filter such as \"info,baton_sip=debug\": {error}"));
        } else if let Some(word) = self.log.filter.split(',').map(str::trim).find(|word| !is_directive(word)) {
            // Read as the name of a program's part, it would silence every other one.
            let message = format!(
                "\"{word}\" is no level; error, warn, info, debug, trace and off are; for a part of the program write {word}=trace"
            );
            faults.add("log.filter", message);
        }
        faults.found
    }

    fn check_sip(&self, faults: &mut Faults) {
        let sip = &self.sip;
        if sip.listeners.is_empty() || sip.listeners.len() > 16 {
            faults.add("sip.listeners", "there must be 1 to 16 listeners");
        }
        let mut seen = BTreeSet::new();
        for (index, listener) in sip.listeners.iter().enumerate() {
            let key = format!("sip.listeners[{index}]");
            if listener.address.port() != 0 && !seen.insert((listener.transport, listener.address)) {
                faults.add(&key, "the same transport and address twice");
            }
            check_certificates(&key, listener, faults);
            let Some(advertised) = listener.advertised else { continue };
            let key = format!("{key}.advertised");
            if advertised.ip().is_unspecified() || advertised.port() == 0 {
                faults.add(&key, "peers cannot be told an unspecified address or port 0");
            }
            if advertised.is_ipv4() != listener.address.is_ipv4() {
                faults.add(&key, "is of another address family than the listener");
            }
        }
        for (index, domain) in sip.domains.iter().enumerate() {
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
            if domain.is_empty() || domain.len() > 253 || !domain.chars().all(is_name) {
                let key = format!("sip.domains[{index}]");
                faults.add(&key, "a domain is a host name, without scheme and port, such as \"pbx.example.com\"");
            }
        }
        if sip.domains.len() > DOMAINS_MAX {
            faults.add("sip.domains", format!("at most {DOMAINS_MAX} domains"));
        }
        let valid_realm = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        if sip.realm.is_empty() || sip.realm.len() > 128 || !sip.realm.chars().all(valid_realm) {
            faults
                .add("sip.realm", "a realm has 1 to 128 printable ASCII characters without space, quote and backslash");
        }
        if sip.user_agent.len() > 128 || sip.user_agent.chars().any(char::is_control) {
            faults.add("sip.user_agent", "at most 128 characters, none of them a control character");
        }
        if !(10..=sip.expires_default_s).contains(&sip.expires_least_s) || sip.expires_default_s > sip.expires_most_s {
            faults.add("sip.expires_default_s", "10 ≤ expires_least_s ≤ expires_default_s ≤ expires_most_s must hold");
        }
        faults.range("sip.expires_most_s", sip.expires_most_s.into(), 60, 86_400);
        let (least_s, default_s) = (sip.subscription_expires_least_s, sip.subscription_expires_default_s);
        if !(10..=default_s).contains(&least_s) || default_s > sip.subscription_expires_most_s {
            let key = "sip.subscription_expires_default_s";
            faults.add(key, "10 ≤ subscription_expires_least_s ≤ …_default_s ≤ …_most_s must hold");
        }
        faults.range("sip.subscription_expires_most_s", sip.subscription_expires_most_s.into(), 60, 86_400);
        if sip.session_expires_s != 0 {
            faults.range("sip.session_expires_s", sip.session_expires_s.into(), 90, 86_400);
        }
        faults.range("sip.session_expires_least_s", sip.session_expires_least_s.into(), 90, 86_400);
        faults.range("sip.nonce_lifetime_s", sip.nonce_lifetime_s.into(), 10, 86_400);
        faults.range("sip.stream_idle_s", sip.stream_idle_s.into(), 10, 86_400);
        faults.range("sip.stream_message_s", sip.stream_message_s.into(), 2, 3_600);
        faults.range("sip.t1_ms", sip.t1_ms.into(), 50, 5_000);
        faults.range("sip.t2_ms", sip.t2_ms.into(), sip.t1_ms.into(), 60_000);
        faults.range("sip.t4_ms", sip.t4_ms.into(), 1_000, 60_000);
    }

    fn check_guard(&self, faults: &mut Faults) {
        let guard = &self.guard;
        if guard.allow.len() > ALLOWED_NETWORKS_MAX {
            faults.add("guard.allow", format!("at most {ALLOWED_NETWORKS_MAX} networks"));
        }
        faults.range("guard.unknown_rate", guard.unknown_rate.into(), 1, 100_000);
        faults.range("guard.unknown_burst", guard.unknown_burst.into(), 1, 1_000_000);
        faults.range("guard.ban_first_s", guard.ban_first_s.into(), 1, guard.ban_longest_s.into());
        faults.range("guard.ban_longest_s", guard.ban_longest_s.into(), 1, 31_536_000);
    }

    fn check_media(&self, faults: &mut Faults) {
        let media = &self.media;
        let [first, last] = media.ports;
        if first < 1_024 || first % 2 != 0 || last <= first {
            faults.add("media.ports", "the first port is even and at least 1024, the last one is higher");
        }
        for (index, listener) in self.sip.listeners.iter().enumerate() {
            let port = listener.address.port();
            if listener.transport == Transport::Udp && (first..=last).contains(&port) {
                faults.add(&format!("sip.listeners[{index}].address"), format!("port {port} is one of media.ports"));
            }
        }
        if media.advertised.is_some_and(|address| address.is_unspecified()) {
            faults.add("media.advertised", "peers cannot be told an unspecified address");
        }
        faults.range("media.shards", media.shards.into(), 0, 64);
        let distinct: BTreeSet<_> = media.codecs.iter().collect();
        if distinct.is_empty() || distinct.len() != media.codecs.len() {
            faults.add("media.codecs", "one or more of pcma and pcmu, each once, the best first");
        }
        let named = |table: &'static str| move |(name, file): (&String, &PathBuf)| (table, name.clone(), file.clone());
        let files = media.music.iter().map(named("music")).chain(media.prompts.iter().map(named("prompts")));
        for (table, name, file) in files {
            if file.as_os_str().is_empty() {
                faults.add(&format!("media.{table}.{name}"), "the file's name is empty");
            }
        }
    }

    /// The store and the files of the sinks are named, and are files of their own.
    fn check_files(&self, faults: &mut Faults) {
        if self.store.path.as_os_str().is_empty() {
            faults.add("store.path", "the file's name is empty");
        }
        let Some(sink) = &self.sinks.file else { return };
        let store = &self.store.path;
        let mut taken: Vec<PathBuf> = [store.clone()].into_iter().chain(sinks::companions(store)).map(plain).collect();
        let files = [("sinks.file.path", Some(&sink.path)), ("sinks.file.conversations", sink.conversations.as_ref())];
        for (key, path) in files {
            let Some(path) = path else { continue };
            if path.as_os_str().is_empty() {
                faults.add(key, "the file's name is empty");
            } else if taken.contains(&plain(path.clone())) {
                faults.add(key, format!("{} is written by another part of baton; name another file", path.display()));
            }
            taken.push(plain(path.clone()));
        }
        if let Some(bytes) = sink.rotate_bytes.filter(|bytes| (1..ROTATE_BYTES_MIN).contains(bytes)) {
            let message = format!("{bytes} is neither 0 (never) nor at least {ROTATE_BYTES_MIN}");
            faults.add("sinks.file.rotate_bytes", message);
        }
    }

    fn check_limits(&self, faults: &mut Faults) {
        let limits = &self.limits;
        let ranges: [(&str, u64, u64, u64); 23] = [
            ("parties_max", limits.parties_max as u64, 2, 64),
            ("conversations_max", limits.conversations_max as u64, 1, 1_000_000),
            ("ring_timeout_s", limits.ring_timeout_s.into(), 5, 600),
            ("recall_timeout_s", limits.recall_timeout_s.into(), 5, 600),
            ("hold_reminder_s", limits.hold_reminder_s.into(), 5, 3_600),
            ("personal_wait_s", limits.personal_wait_s.into(), 5, 3_600),
            ("personal_queue_max", limits.personal_queue_max.into(), 0, 1_000),
            ("transfers_max", limits.transfers_max.into(), 1, 1_000),
            ("call_seconds_max", limits.call_seconds_max.into(), 60, 604_800),
            ("feature_code_ms", limits.feature_code_ms.into(), 200, 10_000),
            ("audio_timeout_s", limits.audio_timeout_s.into(), 2, 3_600),
            ("sessions_max", limits.sessions_max as u64, 1, 1_000_000),
            ("transactions_max", limits.transactions_max as u64, 100, 10_000_000),
            ("message_bytes_max", limits.message_bytes_max as u64, 2_048, 65_535),
            ("contacts_per_account_max", limits.contacts_per_account_max as u64, 1, 100),
            ("subscriptions_max", limits.subscriptions_max as u64, 0, 1_000_000),
            ("subscriptions_per_account_max", limits.subscriptions_per_account_max as u64, 0, 10_000),
            ("tcp_connections_max", limits.tcp_connections_max as u64, 1, 1_000_000),
            ("connections_per_source_max", limits.connections_per_source_max as u64, 1, 1_000_000),
            ("handshakes_max", limits.handshakes_max as u64, 1, 100_000),
            ("inbox_max", limits.inbox_max as u64, 64, 1_000_000),
            ("store_backlog_max", limits.store_backlog_max as u64, 100, 10_000_000),
            ("shutdown_seconds", limits.shutdown_seconds, 0, 86_400),
        ];
        for (name, value, least, most) in ranges {
            faults.range(&format!("limits.{name}"), value, least, most);
        }
    }
}

fn check_certificates(key: &str, listener: &Listener, faults: &mut Faults) {
    let is_secured = matches!(listener.transport, Transport::Tls | Transport::Wss);
    let files = [&listener.certificate, &listener.private_key];
    let asks = listener.client_certificates != ClientCertificates::None;
    let has_more = !listener.more_certificates.is_empty() || listener.client_ca.is_some() || asks;
    if is_secured && files.iter().any(|file| file.is_none()) {
        faults.add(key, "TLS needs the keys certificate and private_key");
    }
    if !is_secured && (has_more || files.iter().any(|file| file.is_some())) {
        faults.add(key, "certificates belong to the transports tls and wss only");
    }
    if is_secured && asks != listener.client_ca.is_some() {
        let what = "client_certificates needs client_ca, the authorities whose certificates are taken";
        faults
            .add(key, if asks { what } else { "client_ca without client_certificates = \"optional\" or \"required\"" });
    }
}

/// Whether a part of a log filter is a level, or names what it is for.
fn is_directive(word: &str) -> bool {
    word.is_empty()
        || word.contains(['=', '['])
        || word.starts_with("baton")
        || word.parse::<u8>().is_ok_and(|level| level <= 5)
        || ["off", "error", "warn", "info", "debug", "trace"].iter().any(|level| level.eq_ignore_ascii_case(word))
}

/// A path without `.` in it, so that two ways to write one are the same.
fn plain(path: PathBuf) -> PathBuf {
    path.components().filter(|part| *part != Component::CurDir).collect()
}

/// A fault that validation finds, without its place.
pub(super) struct Fault {
    pub(super) key: String,
    pub(super) message: String,
}

#[derive(Default)]
struct Faults {
    found: Vec<Fault>,
}

impl Faults {
    fn add(&mut self, key: &str, message: impl Into<String>) {
        self.found.push(Fault { key: key.to_owned(), message: message.into() });
    }

    fn range(&mut self, key: &str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            self.add(key, format!("{value} is not in {least} to {most}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_problem(text: &str) -> String {
        match Node::parse("baton.toml", text) {
            Ok(_) => panic!("accepted: {text}"),
            Err(problems) => problems[0].to_string(),
        }
    }

    #[test]
    fn an_empty_file_is_the_default() {
        let node = Node::parse("baton.toml", "").unwrap();
        assert_eq!(node.sip.listeners.len(), 2);
        assert_eq!(node.api.listen, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(node.media.ports, [20_000, 39_999]);
        assert!(Node::default().faults().is_empty());
    }

    #[test]
    fn each_fault_names_file_line_column_and_key() {
        let cases = [
            ("[sip]\nrealmm = \"x\"", "baton.toml:2:1: sip.realmm: unknown key \"realmm\"; did you mean \"realm\"?"),
            ("[spi]\n", "baton.toml:1:2: spi: unknown key \"spi\"; did you mean \"sip\"?"),
            (
                "[sip]\nunknown_source = \"silense\"",
                "baton.toml:2:18: sip.unknown_source: unknown value \"silense\"; did you mean \"silence\"?",
            ),
            (
                "[media]\ncodecs = [\"opus\"]",
                "baton.toml:2:11: media.codecs[0]: unknown value \"opus\"; valid are pcma, pcmu",
            ),
            (
                "[media]\nports = [20001, 30000]",
                "baton.toml:2:1: media.ports: the first port is even and at least 1024, the last one is higher",
            ),
            (
                "[media]\nports = 5",
                "baton.toml:2:9: media.ports: invalid type: integer `5`, expected an array of length 2",
            ),
            ("[limits]\n\nparties_max = 65", "baton.toml:3:1: limits.parties_max: 65 is not in 2 to 64"),
            (
                "[sip]\nrealm = \"\"",
                "baton.toml:2:1: sip.realm: a realm has 1 to 128 printable ASCII characters without space, quote and backslash",
            ),
            ("[sip]\nlisteners = []", "baton.toml:2:1: sip.listeners: there must be 1 to 16 listeners"),
            (
                "[[sip.listeners]]\ntransport = \"udp\"\naddress = \"0.0.0.0:5060\"\nadvertised = \"0.0.0.0:5060\"",
                "baton.toml:4:1: sip.listeners[0].advertised: peers cannot be told an unspecified address or port 0",
            ),
            (
                "[[sip.listeners]]\ntransport = \"udp\"",
                "baton.toml:1:1: sip.listeners[0]: the key \"address\" is missing",
            ),
            (
                "[[sip.listeners]]\ntransport = \"udp\"\naddress = \"0.0.0.0:21000\"",
                "baton.toml:3:1: sip.listeners[0].address: port 21000 is one of media.ports",
            ),
            (
                "[guard]\nallow = [\"192.0.2.0/33\"]",
                "baton.toml:2:9: guard.allow: \"192.0.2.0/33\" is neither an address nor a network such as 192.0.2.0/24",
            ),
            ("[guard]\nban_first_s = 0", "baton.toml:2:1: guard.ban_first_s: 0 is not in 1 to 86400"),
            ("[store]\npath = \"\"", "baton.toml:2:1: store.path: the file's name is empty"),
            ("[sinks.file]\npath = \"\"", "baton.toml:2:1: sinks.file.path: the file's name is empty"),
            (
                "[sinks.file]\npath = \"./baton.db-wal\"",
                "baton.toml:2:1: sinks.file.path: ./baton.db-wal is written by another part of baton; name another file",
            ),
            (
                "[sinks.file]\npath = \"a\"\nconversations = \"a\"",
                "baton.toml:3:1: sinks.file.conversations: a is written by another part of baton; name another file",
            ),
            (
                "[sinks.file]\npath = \"a\"\nrotate_bytes = 65535",
                "baton.toml:3:1: sinks.file.rotate_bytes: 65535 is neither 0 (never) nor at least 65536",
            ),
            (
                "[[sip.listeners]]\ntransport = \"tls\"\naddress = \"0.0.0.0:5061\"",
                "baton.toml:1:1: sip.listeners[0]: TLS needs the keys certificate and private_key",
            ),
            (
                "[[sip.listeners]]\ntransport = \"ws\"\naddress = \"0.0.0.0:80\"\ncertificate = \"a.pem\"",
                "baton.toml:1:1: sip.listeners[0]: certificates belong to the transports tls and wss only",
            ),
            (
                "[[sip.listeners]]\ntransport = \"wss\"\naddress = \"0.0.0.0:443\"\ncertificate = \"a.pem\"\nprivate_key = \"a.key\"\n\
                 client_certificates = \"required\"",
                "baton.toml:1:1: sip.listeners[0]: client_certificates needs client_ca, the authorities whose certificates are taken",
            ),
            ("[api]\nlisten = \"localhost\"", "baton.toml:2:10: api.listen: invalid socket address syntax"),
            (
                "[log]\nfilter = \"=nonsense=\"",
                "baton.toml:2:1: log.filter: not a filter such as \"info,baton_sip=debug\": invalid filter directive",
            ),
            (
                "[log]\nfilter = \"debgu\"",
                "baton.toml:2:1: log.filter: \"debgu\" is no level; error, warn, info, debug, trace and off are; for a part of the program write debgu=trace",
            ),
            ("[sip\n", "baton.toml:1:5: unclosed table, expected `]`"),
        ];
        for (text, expected) in cases {
            assert_eq!(first_problem(text), expected, "{text}");
        }
    }
}
