//! Asks the DNS for the core (RFC 3263), with bounds on how long that may take and on how much may come of it. What to ask
//! and in which order the answers are tried is decided in [`baton_sip::locate`].

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use baton_contact::Input;
use baton_sip::Transport;
use baton_sip::locate::{Naptr, Srv, order, services, srv_name};
use futures_util::future::join_all;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use crate::inbox::Inbox;
use crate::random;

/// After this the name counts as one without an address: the call has waited long enough.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long one server of the DNS may take for one question, before it or another one is asked again.
const QUESTION_TIMEOUT: Duration = Duration::from_millis(1_500);
/// How often a question is asked again.
const ATTEMPTS: usize = 2;
/// Most addresses that are tried for one call.
const ADDRESSES_MAX: usize = 16;
/// Most servers of one service whose addresses are asked for.
const SERVERS_MAX: usize = 16;
/// Most answers that are kept.
const CACHE_MAX: u64 = 4_096;
/// Answers are kept for as long as they say, but within these bounds.
const KEPT_LEAST: Duration = Duration::from_secs(5);
const KEPT_MOST: Duration = Duration::from_secs(3_600);
/// That a name does not exist is kept no longer than this: whoever has just mended it is waiting.
const NOTHING_KEPT_MOST: Duration = Duration::from_secs(30);

/// A name to be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) query: u64,
    pub(crate) host: String,
    /// With a port there is no choice of servers, only of addresses (RFC 3263 §4.2).
    pub(crate) port: Option<u16>,
    /// Without a transport the DNS names it (RFC 3263 §4.1).
    pub(crate) transport: Option<Transport>,
}

/// Finds the addresses behind names.
#[derive(Debug)]
pub(crate) struct Locator {
    resolver: TokioResolver,
    supported: Vec<Transport>,
}

impl Locator {
    /// A locator that asks these servers of the DNS, or, without any, those of the system.
    ///
    /// # Errors
    /// One sentence.
    pub(crate) fn new(servers: &[SocketAddr], supported: Vec<Transport>) -> Result<Locator, String> {
        let failed = |error: &dyn std::fmt::Display| format!("the DNS cannot be asked: {error}");
        let mut builder = if servers.is_empty() {
            match TokioResolver::builder_tokio() {
                Ok(builder) => builder,
                Err(error) => {
                    tracing::warn!(%error, "the system names no DNS server; only the hosts file is asked");
                    let none = ResolverConfig::from_name_servers(Vec::new());
                    TokioResolver::builder_with_config(none, TokioRuntimeProvider::default())
                }
            }
        } else {
            let servers = servers.iter().map(name_server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        bound(builder.options_mut());
        let resolver = builder.build().map_err(|error| failed(&error))?;
        Ok(Locator { resolver, supported })
    }

    /// Looks a name up and tells the core; a name without an address gives none.
    pub(crate) async fn answer(self: Arc<Self>, inbox: Inbox, question: Question) {
        let addresses = tokio::time::timeout(TIMEOUT, self.locate(&question)).await.unwrap_or_default();
        if addresses.is_empty() {
            tracing::info!(host = question.host, "the name has no address");
        }
        let query = question.query;
        inbox.pass(Input::Sip(baton_sip::Input::Resolved { query, addresses })).await;
    }

    /// The addresses to try, best first.
    async fn locate(&self, question: &Question) -> Vec<(Transport, SocketAddr)> {
        let Question { host, port, transport, .. } = question;
        let mut found = Vec::new();
        if let Some(port) = port {
            let transport = transport.unwrap_or(Transport::Udp);
            found.extend(self.addresses(host, *port).await.into_iter().map(|address| (transport, address)));
        } else {
            let mut any_server = false;
            for (transport, name) in self.services(host, *transport).await {
                let Some(servers) = self.servers(&name).await else { continue };
                any_server = true;
                found.extend(self.of_servers(transport, servers).await);
            }
            // RFC 3263 §4.2: no SRV record at all, so the name itself has the addresses.
            if !any_server {
                let transport = transport.unwrap_or(Transport::Udp);
                let addresses = self.addresses(host, transport.standard_port()).await;
                found.extend(addresses.into_iter().map(|address| (transport, address)));
            }
        }
        let mut distinct: Vec<(Transport, SocketAddr)> = Vec::new();
        for each in found {
            if distinct.len() < ADDRESSES_MAX && !distinct.contains(&each) {
                distinct.push(each);
            }
        }
        distinct
    }

    /// The names to ask for SRV, best first.
    async fn services(&self, host: &str, transport: Option<Transport>) -> Vec<(Transport, String)> {
        if let Some(transport) = transport {
            return vec![(transport, srv_name(transport, host))];
        }
        let named = services(&self.naptr(host).await, &self.supported);
        if !named.is_empty() {
            return named;
        }
        self.supported.iter().map(|transport| (*transport, srv_name(*transport, host))).collect()
    }

    async fn naptr(&self, host: &str) -> Vec<Naptr> {
        let Ok(found) = self.resolver.lookup(whole(host), hickory_resolver::proto::rr::RecordType::NAPTR).await else {
            return Vec::new();
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let record = |data: &RData| match data {
            RData::NAPTR(naptr) => Some(Naptr {
                order: naptr.order,
                preference: naptr.preference,
                flags: text(&naptr.flags),
                service: text(&naptr.services),
                replacement: naptr.replacement.to_utf8(),
            }),
            _ => None,
        };
        found.answers().iter().filter_map(|each| record(&each.data)).collect()
    }

    /// The servers behind an SRV name in the order in which they are tried; `None` when it has no record.
    async fn servers(&self, name: &str) -> Option<Vec<Srv>> {
        let found = self.resolver.lookup(whole(name), hickory_resolver::proto::rr::RecordType::SRV).await.ok()?;
        let record = |data: &RData| match data {
            RData::SRV(srv) => {
                Some(Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: srv.target.to_utf8() })
            }
            _ => None,
        };
        let servers: Vec<Srv> =
            found.answers().iter().filter_map(|each| record(&each.data)).take(SERVERS_MAX).collect();
        (!servers.is_empty()).then(|| order(servers, dice))
    }

    /// The addresses of servers, in the servers' order.
    async fn of_servers(&self, transport: Transport, servers: Vec<Srv>) -> Vec<(Transport, SocketAddr)> {
        let asked = servers.iter().map(|server| self.addresses(&server.target, server.port));
        join_all(asked).await.into_iter().flatten().map(|address| (transport, address)).collect()
    }

    async fn addresses(&self, host: &str, port: u16) -> Vec<SocketAddr> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return vec![SocketAddr::new(address, port)];
        }
        match self.resolver.lookup_ip(whole(host)).await {
            Ok(found) => found.iter().map(|address| SocketAddr::new(address, port)).collect(),
            Err(_) => Vec::new(),
        }
    }
}

fn bound(options: &mut ResolverOpts) {
    options.timeout = QUESTION_TIMEOUT;
    options.attempts = ATTEMPTS;
    options.cache_size = CACHE_MAX;
    options.positive_min_ttl = Some(KEPT_LEAST);
    options.positive_max_ttl = Some(KEPT_MOST);
    options.negative_max_ttl = Some(NOTHING_KEPT_MOST);
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    server.connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()]
        .into_iter()
        .map(|mut connection| {
            connection.port = address.port();
            connection
        })
        .collect();
    server
}

/// A name with a dot in it is a whole one: no search list is tried.
fn whole(name: &str) -> String {
    if name.contains('.') && !name.ends_with('.') { format!("{name}.") } else { name.to_owned() }
}

/// A number below `bound`, which is not 0. Without randomness the first server is always the first.
fn dice(bound: u64) -> u64 {
    random::bytes().map(u64::from_le_bytes).unwrap_or_default() % bound
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    /// A DNS server on loopback: a table of names, types and data, and the number of questions that had an answer.
    struct Dns {
        address: SocketAddr,
        asked: Arc<std::sync::atomic::AtomicUsize>,
    }

    type Zone = &'static [(&'static str, u16, u32, Data)];

    #[derive(Clone, Copy)]
    enum Data {
        A([u8; 4]),
        Srv(u16, u16, u16, &'static str),
        Naptr(u16, u16, &'static str, &'static str),
    }

    const A: u16 = 1;
    const SRV: u16 = 33;
    const NAPTR: u16 = 35;

    fn encoded(name: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        for label in name.split('.').filter(|label| !label.is_empty()) {
            bytes.push(label.len() as u8);
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        bytes
    }

    impl Data {
        fn bytes(self) -> Vec<u8> {
            let mut bytes = Vec::new();
            match self {
                Data::A(address) => bytes.extend(address),
                Data::Srv(priority, weight, port, target) => {
                    [priority, weight, port].iter().for_each(|number| bytes.extend(number.to_be_bytes()));
                    bytes.extend(encoded(target));
                }
                Data::Naptr(order, preference, service, replacement) => {
                    [order, preference].iter().for_each(|number| bytes.extend(number.to_be_bytes()));
                    for text in ["s", service, ""] {
                        bytes.push(text.len() as u8);
                        bytes.extend(text.bytes());
                    }
                    bytes.extend(encoded(replacement));
                }
            }
            bytes
        }
    }

    /// The answer to a question: what the zone has of that name and type, or that there is nothing.
    fn reply(zone: Zone, question: &[u8]) -> Option<Vec<u8>> {
        let mut name = String::new();
        let mut at = 12;
        while let length @ 1.. = usize::from(*question.get(at)?) {
            let label = std::str::from_utf8(question.get(at + 1..at + 1 + length)?).ok()?;
            name = if name.is_empty() { label.to_lowercase() } else { format!("{name}.{}", label.to_lowercase()) };
            at += 1 + length;
        }
        let kind = u16::from_be_bytes([*question.get(at + 1)?, *question.get(at + 2)?]);
        let records: Vec<_> = zone.iter().filter(|record| record.0 == name && record.1 == kind).collect();
        let exists = zone.iter().any(|record| record.0 == name);
        let mut bytes = question.get(..2)?.to_vec();
        bytes.extend([0x85, if exists { 0x80 } else { 0x83 }, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
        bytes.extend(question.get(12..at + 5)?);
        for (_, kind, ttl, data) in records {
            bytes.extend([0xc0, 12]);
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1]);
            bytes.extend(ttl.to_be_bytes());
            let data = data.bytes();
            bytes.extend((data.len() as u16).to_be_bytes());
            bytes.extend(data);
        }
        Some(bytes)
    }

    fn dns(zone: Zone) -> Dns {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = asked.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                if let Some(answer) = reply(zone, &buffer[..length]) {
                    // That there is nothing is kept only when an SOA record says for how long (RFC 2308 §5).
                    count.fetch_add(usize::from(answer[7] > 0), std::sync::atomic::Ordering::Relaxed);
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Dns { address, asked }
    }

    async fn located(dns: &Dns, host: &str, port: Option<u16>, transport: Option<Transport>) -> Vec<String> {
        let locator = Locator::new(&[dns.address], vec![Transport::Udp, Transport::Tcp]).unwrap();
        found(&locator, host, port, transport).await
    }

    async fn found(locator: &Locator, host: &str, port: Option<u16>, transport: Option<Transport>) -> Vec<String> {
        let found = locator.locate(&Question { query: 1, host: host.into(), port, transport }).await;
        found.into_iter().map(|(transport, address)| format!("{transport:?} {address}")).collect()
    }

    const ZONE: Zone = &[
        ("both.test", NAPTR, 60, Data::Naptr(20, 0, "SIP+D2U", "u.both.test")),
        ("both.test", NAPTR, 60, Data::Naptr(10, 0, "SIP+D2T", "t.both.test")),
        ("both.test", NAPTR, 60, Data::Naptr(5, 0, "SIP+D2S", "s.both.test")),
        ("t.both.test", SRV, 60, Data::Srv(20, 0, 5071, "two.test")),
        ("t.both.test", SRV, 60, Data::Srv(10, 0, 5070, "one.test")),
        ("u.both.test", SRV, 60, Data::Srv(0, 0, 5060, "one.test")),
        ("_sip._udp.srv.test", SRV, 60, Data::Srv(1, 1, 5080, "one.test")),
        ("_sip._tcp.srv.test", SRV, 60, Data::Srv(1, 1, 5090, "two.test")),
        ("srv.test", A, 60, Data::A([192, 0, 2, 99])),
        ("_sip._udp.none.test", SRV, 60, Data::Srv(0, 0, 0, ".")),
        ("none.test", A, 60, Data::A([192, 0, 2, 99])),
        ("one.test", A, 60, Data::A([192, 0, 2, 1])),
        ("two.test", A, 60, Data::A([192, 0, 2, 2])),
        ("two.test", A, 60, Data::A([192, 0, 2, 3])),
    ];

    #[tokio::test]
    async fn rfc3263_4_1_naptr_chooses_the_transport_and_srv_the_servers() {
        let dns = dns(ZONE);
        let found = located(&dns, "both.test", None, None).await;
        assert_eq!(found[0], "Tcp 192.0.2.1:5070");
        let mut second = found[1..3].to_vec();
        second.sort_unstable();
        assert_eq!(second, ["Tcp 192.0.2.2:5071", "Tcp 192.0.2.3:5071"]);
        assert_eq!(found[3..], ["Udp 192.0.2.1:5060"]);
    }

    #[tokio::test]
    async fn rfc3263_4_2_a_transport_asks_for_its_srv_and_a_port_for_addresses_only() {
        let dns = dns(ZONE);
        assert_eq!(located(&dns, "srv.test", None, Some(Transport::Udp)).await, ["Udp 192.0.2.1:5080"]);
        assert_eq!(located(&dns, "srv.test", Some(5061), Some(Transport::Tcp)).await, ["Tcp 192.0.2.99:5061"]);
        assert_eq!(located(&dns, "srv.test", Some(5062), None).await, ["Udp 192.0.2.99:5062"]);
        assert_eq!(located(&dns, "one.test", None, None).await, ["Udp 192.0.2.1:5060"], "neither NAPTR nor SRV");
        assert_eq!(located(&dns, "srv.test", None, None).await[0], "Udp 192.0.2.1:5080", "SRV without NAPTR");
    }

    #[tokio::test]
    async fn rfc2782_a_service_that_is_said_not_to_exist_has_no_address() {
        let dns = dns(ZONE);
        assert!(located(&dns, "none.test", None, Some(Transport::Udp)).await.is_empty());
        assert!(located(&dns, "nowhere.test", None, None).await.is_empty());
    }

    #[tokio::test]
    async fn an_answer_is_kept_and_a_dead_server_of_the_dns_is_waited_for_in_vain_but_not_for_long() {
        let dns = dns(ZONE);
        let locator = Locator::new(&[dns.address], vec![Transport::Udp]).unwrap();
        assert_eq!(found(&locator, "one.test", Some(1), None).await, ["Udp 192.0.2.1:1"]);
        let asked = dns.asked.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(found(&locator, "one.test", Some(1), None).await, ["Udp 192.0.2.1:1"]);
        assert_eq!(dns.asked.load(std::sync::atomic::Ordering::Relaxed), asked);

        let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
        let locator = Locator::new(&[silent.local_addr().unwrap()], vec![Transport::Udp]).unwrap();
        let question = found(&locator, "one.test", Some(1), None);
        assert!(tokio::time::timeout(TIMEOUT, question).await.unwrap_or_default().is_empty());
    }
}
