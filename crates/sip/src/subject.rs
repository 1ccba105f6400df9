//! Whom the certificate of a TLS peer must name, before anything is sent to it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::interface::Destination;
use crate::wire::Host;

/// Whom a TLS peer's certificate must name (its subject, RFC 5280 §4.2.1.6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Subject {
    /// A host that was asked for by its name, in lower case: the address that the DNS gave for it proves nothing (RFC 5922 §7.3).
    Host(String),
    /// Who is at an address. Its certificate bears the address, or one of the names in lower case that the peer is known by: those
    /// that are configured, or that it has shown on a connection of its own.
    At(Vec<String>),
}

impl Default for Subject {
    fn default() -> Self {
        Subject::At(Vec::new())
    }
}

impl Subject {
    /// Whom a destination is.
    pub(crate) fn of(destination: &Destination) -> Self {
        match destination {
            Destination::Name { host, .. } => Subject::host(host),
            Destination::Address { shows, .. } => Subject::At(shows.clone()),
            Destination::Flow(_) => Subject::default(),
        }
    }

    /// A host name, or who is at an address where it is one.
    pub(crate) fn host(host: &str) -> Self {
        let host = bare_host(host);
        match host.parse::<IpAddr>() {
            Ok(_) => Subject::default(),
            Err(_) => Subject::Host(host.trim_end_matches('.').to_ascii_lowercase()),
        }
    }

    /// The same; where nothing is known of it, the host that it gives for itself (RFC 3263 §5 of the sent-by).
    pub(crate) fn or(&self, host: &Host) -> Self {
        match self {
            Subject::At(names) if names.is_empty() => Subject::host(&host.to_string()),
            _ => self.clone(),
        }
    }

    /// The names of which the certificate of a peer at this address must bear one, a host name first, which a server with several
    /// certificates is asked for (RFC 6066 §3).
    pub(crate) fn names_at(&self, address: IpAddr) -> Vec<String> {
        match self {
            Subject::Host(host) => vec![host.clone()],
            Subject::At(names) => {
                let address = address.to_string();
                let others = names.iter().filter(|name| **name != address).cloned();
                others.chain([address.clone()]).collect()
            }
        }
    }

    /// Whether this is one of [`Subject::names_at`].
    pub(crate) fn is_named(&self, name: &str, address: IpAddr) -> bool {
        match self {
            Subject::Host(host) => host == name,
            Subject::At(names) => names.iter().any(|known| known == name) || name.parse() == Ok(address),
        }
    }

    /// Whether the other is named by all of [`Subject::names_at`], so that whoever is this one is the other.
    pub(crate) fn is_within(&self, other: &Subject, address: IpAddr) -> bool {
        match (self, other) {
            (Subject::Host(host), _) => other.is_named(host, address),
            (Subject::At(_), Subject::Host(_)) => false,
            (Subject::At(names), Subject::At(_)) => names.iter().all(|name| other.is_named(name, address)),
        }
    }
}

/// A host without the brackets of an IPv6 address.
pub(crate) fn bare_host(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_as_the_list_would_have_it() {
        let address: IpAddr = "2001:db8::7".parse().unwrap();
        let at = |names: &[&str]| Subject::At(names.iter().map(ToString::to_string).collect());
        let hosts = [Subject::host("a.example.com"), Subject::host("b.example.com"), Subject::host("2001:db8::7")];
        let lists = [at(&["a.example.com"]), at(&["b.example.com", "a.example.com"]), at(&["2001:db8::7"])];
        let all: Vec<Subject> = hosts.into_iter().chain(lists).collect();
        for subject in &all {
            let names = subject.names_at(address);
            for name in ["a.example.com", "b.example.com", "c.example.com", "2001:db8::7", "2001:db8::8", ""] {
                assert_eq!(subject.is_named(name, address), names.iter().any(|own| own == name), "{subject:?} {name}");
            }
            for other in &all {
                let others = other.names_at(address);
                let is_within = names.iter().all(|name| others.contains(name));
                assert_eq!(subject.is_within(other, address), is_within, "{subject:?} {other:?}");
            }
        }
    }
}
