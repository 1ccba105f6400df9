//! `baton.toml`: this node's addresses, places and limits. Every key has a default; an unknown key is an error.
//!
//! [`Node::load`] gives the whole configuration or all that is wrong with it, each with file, line, column and key.

mod check;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::toml_text::{Problem, TomlText};

/// The configuration of a node.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Node {
    pub(crate) sip: Sip,
    pub(crate) guard: Guard,
    pub(crate) dns: Dns,
    pub(crate) media: Media,
    pub(crate) store: StorePlace,
    pub(crate) sinks: Sinks,
    pub(crate) api: Api,
    pub(crate) log: Log,
    pub(crate) limits: Limits,
    /// Where the configuration came from, for messages; absent without a file.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
}

/// `[sip]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sip {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) realm: String,
    pub(crate) domains: Vec<String>,
    pub(crate) unknown_source: UnknownSource,
    pub(crate) user_agent: String,
    pub(crate) expires_least_s: u32,
    pub(crate) expires_default_s: u32,
    pub(crate) expires_most_s: u32,
    pub(crate) subscription_expires_least_s: u32,
    pub(crate) subscription_expires_default_s: u32,
    pub(crate) subscription_expires_most_s: u32,
    pub(crate) nonce_lifetime_s: u32,
    pub(crate) reliable_provisionals: ReliableProvisionals,
    pub(crate) session_expires_s: u32,
    pub(crate) session_expires_least_s: u32,
    pub(crate) stream_idle_s: u32,
    pub(crate) stream_message_s: u32,
    pub(crate) trusted_ca: Option<PathBuf>,
    pub(crate) t1_ms: u32,
    pub(crate) t2_ms: u32,
    pub(crate) t4_ms: u32,
}

/// One entry of `sip.listeners`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listener {
    pub(crate) transport: Transport,
    pub(crate) address: SocketAddr,
    #[serde(default)]
    pub(crate) advertised: Option<SocketAddr>,
    #[serde(default)]
    pub(crate) certificate: Option<PathBuf>,
    #[serde(default)]
    pub(crate) private_key: Option<PathBuf>,
    #[serde(default)]
    pub(crate) more_certificates: Vec<CertificateFiles>,
    #[serde(default)]
    pub(crate) client_certificates: ClientCertificates,
    #[serde(default)]
    pub(crate) client_ca: Option<PathBuf>,
}

/// A certificate beside the first one, for the names that it bears.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CertificateFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) private_key: PathBuf,
}

/// Whether peers show certificates of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientCertificates {
    #[default]
    None,
    Optional,
    Required,
}

/// The transport of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
}

/// Which provisional responses are sent reliably (RFC 3262).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReliableProvisionals {
    Required,
    Description,
    Always,
}

/// What a request from a source gets that is neither a trunk nor a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum UnknownSource {
    Challenge,
    Forbid,
    Silence,
}

/// `[guard]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Guard {
    pub(crate) allow: Vec<Network>,
    pub(crate) unknown_rate: u32,
    pub(crate) unknown_burst: u32,
    pub(crate) ban_first_s: u32,
    pub(crate) ban_longest_s: u32,
}

/// `[dns]`.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dns {
    pub(crate) servers: Vec<SocketAddr>,
}

/// An address, or a network such as `192.0.2.0/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Network(pub(crate) baton_sip::Network);

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Network, String> {
        let (address, prefix) = text.split_once('/').map_or((text.as_str(), None), |(a, p)| (a, Some(p)));
        let no_network = || format!("\"{text}\" is neither an address nor a network such as 192.0.2.0/24");
        let address: IpAddr = address.parse().map_err(|_| no_network())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(most), |prefix| prefix.parse::<u8>().map_err(|_| no_network()))?;
        if prefix > most {
            return Err(no_network());
        }
        Ok(Network(baton_sip::Network { address, prefix }))
    }
}

/// `[media]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Media {
    pub(crate) address: IpAddr,
    pub(crate) advertised: Option<IpAddr>,
    pub(crate) ports: [u16; 2],
    pub(crate) shards: u16,
    pub(crate) codecs: Vec<Codec>,
    pub(crate) tones: Tones,
    pub(crate) music: BTreeMap<String, PathBuf>,
    pub(crate) prompts: BTreeMap<String, PathBuf>,
}

/// An audio codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Codec {
    Pcma,
    Pcmu,
}

/// Whose call-progress tones are played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tones {
    De,
    Us,
    Uk,
    Fr,
}

/// `[store]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StorePlace {
    pub(crate) path: PathBuf,
}

/// `[sinks]`.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Sinks {
    pub(crate) file: Option<FileSink>,
}

/// `[sinks.file]`: one JSON line a record.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileSink {
    pub(crate) path: PathBuf,
    #[serde(default)]
    pub(crate) conversations: Option<PathBuf>,
    #[serde(default)]
    pub(crate) rotate_bytes: Option<u64>,
}

/// `[api]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Api {
    pub(crate) listen: SocketAddr,
    pub(crate) instance: String,
    pub(crate) token_lifetime_s: u64,
}

/// `[log]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) filter: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// `[limits]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    pub(crate) parties_max: usize,
    pub(crate) conversations_max: usize,
    pub(crate) ring_timeout_s: u32,
    pub(crate) recall_timeout_s: u32,
    pub(crate) hold_reminder_s: u32,
    pub(crate) personal_wait_s: u32,
    pub(crate) personal_queue_max: u32,
    pub(crate) transfers_max: u32,
    pub(crate) call_seconds_max: u32,
    pub(crate) feature_code_ms: u32,
    pub(crate) audio_timeout_s: u32,
    pub(crate) sessions_max: usize,
    pub(crate) transactions_max: usize,
    pub(crate) message_bytes_max: usize,
    pub(crate) contacts_per_account_max: usize,
    pub(crate) subscriptions_max: usize,
    pub(crate) subscriptions_per_account_max: usize,
    pub(crate) tcp_connections_max: usize,
    pub(crate) connections_per_source_max: usize,
    pub(crate) handshakes_max: usize,
    pub(crate) inbox_max: usize,
    pub(crate) store_backlog_max: usize,
    pub(crate) shutdown_seconds: u64,
}

impl Node {
    /// Reads a file. Relative paths of music, prompts and certificates are taken from the file's directory.
    ///
    /// # Errors
    /// All that is wrong with it; nothing may be started then.
    pub(crate) fn load(path: &Path) -> Result<Node, Vec<Problem>> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("the configuration cannot be read: {error}");
            vec![Problem { file: name.clone(), place: None, key: String::new(), message, hint: None }]
        })?;
        let mut node = Node::parse(&name, &text)?;
        let directory = path.parent().unwrap_or(Path::new(""));
        for file in node.media.music.values_mut().chain(node.media.prompts.values_mut()) {
            *file = directory.join(&*file);
        }
        for file in node.sip.certificate_files() {
            *file = directory.join(&*file);
        }
        node.file = Some(path.to_owned());
        Ok(node)
    }

    /// Reads a text; `file` names it in messages.
    pub(crate) fn parse(file: &str, text: &str) -> Result<Node, Vec<Problem>> {
        let (node, source): (Node, TomlText) = TomlText::parse(file, text)?;
        let found = node.faults();
        if found.is_empty() {
            return Ok(node);
        }
        Err(found.into_iter().map(|fault| source.problem(&fault.key, fault.message, None)).collect())
    }

    /// How a message names the place of a key: `sip.listeners in baton.toml`, or that it is the default.
    pub(crate) fn place_of(&self, key: &str) -> String {
        match &self.file {
            Some(file) => format!("{key} in {}", file.display()),
            None => {
                format!("the default of {key}; write a baton.toml with another and run `baton run --config baton.toml`")
            }
        }
    }
}

impl Sip {
    /// Every file that has to do with certificates.
    fn certificate_files(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let listeners = self.listeners.iter_mut().flat_map(|listener| {
            let Listener { certificate, private_key, more_certificates, client_ca, .. } = listener;
            let more = more_certificates.iter_mut().flat_map(|more| [&mut more.certificate, &mut more.private_key]);
            certificate.iter_mut().chain(private_key).chain(client_ca).chain(more)
        });
        listeners.chain(&mut self.trusted_ca)
    }
}

impl Listener {
    /// One without TLS.
    pub(crate) fn plain(transport: Transport, address: SocketAddr) -> Listener {
        Listener {
            transport,
            address,
            advertised: None,
            certificate: None,
            private_key: None,
            more_certificates: Vec::new(),
            client_certificates: ClientCertificates::None,
            client_ca: None,
        }
    }
}

impl Default for Sip {
    fn default() -> Self {
        let sip = baton_sip::Config::default();
        let address = SocketAddr::from(([0, 0, 0, 0], 5_060));
        let listener = |transport| Listener::plain(transport, address);
        Sip {
            listeners: vec![listener(Transport::Udp), listener(Transport::Tcp)],
            realm: sip.realm,
            domains: sip.domains,
            unknown_source: UnknownSource::Challenge,
            user_agent: sip.user_agent,
            expires_least_s: sip.expires_s.0,
            expires_default_s: sip.expires_s.1,
            expires_most_s: sip.expires_s.2,
            subscription_expires_least_s: sip.subscription_expires_s.0,
            subscription_expires_default_s: sip.subscription_expires_s.1,
            subscription_expires_most_s: sip.subscription_expires_s.2,
            nonce_lifetime_s: sip.nonce_lifetime_s,
            reliable_provisionals: ReliableProvisionals::Required,
            session_expires_s: sip.session_expires_s,
            session_expires_least_s: sip.session_expires_least_s,
            stream_idle_s: sip.stream_idle_s,
            stream_message_s: sip.stream_message_s,
            trusted_ca: None,
            t1_ms: sip.t1_ms,
            t2_ms: sip.t2_ms,
            t4_ms: sip.t4_ms,
        }
    }
}

impl Default for Guard {
    fn default() -> Self {
        let guard = baton_sip::GuardConfig::default();
        Guard {
            allow: Vec::new(),
            unknown_rate: guard.unknown_rate,
            unknown_burst: guard.unknown_burst,
            ban_first_s: guard.ban_first_s,
            ban_longest_s: guard.ban_longest_s,
        }
    }
}

impl Default for Media {
    fn default() -> Self {
        Media {
            address: IpAddr::from([0, 0, 0, 0]),
            advertised: None,
            ports: [20_000, 39_999],
            shards: 1,
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            tones: Tones::De,
            music: BTreeMap::new(),
            prompts: BTreeMap::new(),
        }
    }
}

impl Default for StorePlace {
    fn default() -> Self {
        StorePlace { path: PathBuf::from("baton.db") }
    }
}

impl Default for Api {
    fn default() -> Self {
        Api {
            listen: SocketAddr::from(([127, 0, 0, 1], 8_080)),
            instance: "baton".to_owned(),
            token_lifetime_s: 43_200,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { format: LogFormat::Text, filter: "info,baton_api=warn".to_owned() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let core = baton_contact::Limits::default();
        let sip = baton_sip::Config::default();
        Limits {
            parties_max: core.parties_max,
            conversations_max: core.conversations_max,
            ring_timeout_s: core.ring_timeout_s,
            recall_timeout_s: core.recall_timeout_s,
            hold_reminder_s: core.hold_reminder_s,
            personal_wait_s: core.personal_wait_s,
            personal_queue_max: core.personal_queue_max,
            transfers_max: core.transfers_max,
            call_seconds_max: core.call_seconds_max,
            feature_code_ms: core.feature_code_ms,
            audio_timeout_s: core.audio_timeout_s,
            sessions_max: sip.sessions_max,
            transactions_max: sip.transactions_max,
            message_bytes_max: sip.message_bytes_max,
            contacts_per_account_max: sip.contacts_per_account_max,
            subscriptions_max: sip.subscriptions_max,
            subscriptions_per_account_max: sip.subscriptions_per_account_max,
            tcp_connections_max: 10_000,
            connections_per_source_max: 1_000,
            handshakes_max: 256,
            inbox_max: 16_384,
            store_backlog_max: 100_000,
            shutdown_seconds: 10,
        }
    }
}
