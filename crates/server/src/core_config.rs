//! From the node's configuration to the core's.

use std::net::SocketAddr;

use baton_contact::{Config, Limits};
use baton_media::ToneCountry;
use baton_sip::ListenerId;

use crate::config::{Codec, Guard, Node, ReliableProvisionals, Tones, Transport, UnknownSource};

/// The core's configuration. `listeners` are the sockets as they are bound, in the order of the configuration.
pub(crate) fn core_config(node: &Node, listeners: &[BoundListener], shards: u16) -> Config {
    let limits = &node.limits;
    Config {
        sip: sip_config(node, listeners),
        media_local: node.media.address,
        media_advertised: node.media.advertised.or_else(|| {
            // A media address of its own is also the one that peers are told.
            (!node.media.address.is_unspecified()).then_some(node.media.address)
        }),
        media_ports: (node.media.ports[0], node.media.ports[1]),
        media_shards: shards,
        codecs: node.media.codecs.iter().map(|codec| sdp_codec(*codec)).collect(),
        tones: match node.media.tones {
            Tones::De => ToneCountry::De,
            Tones::Us => ToneCountry::Us,
            Tones::Uk => ToneCountry::Uk,
            Tones::Fr => ToneCountry::Fr,
        },
        limits: Limits {
            parties_max: limits.parties_max,
            conversations_max: limits.conversations_max,
            ring_timeout_s: limits.ring_timeout_s,
            recall_timeout_s: limits.recall_timeout_s,
            hold_reminder_s: limits.hold_reminder_s,
            personal_wait_s: limits.personal_wait_s,
            personal_queue_max: limits.personal_queue_max,
            transfers_max: limits.transfers_max,
            call_seconds_max: limits.call_seconds_max,
            feature_code_ms: limits.feature_code_ms,
            audio_timeout_s: limits.audio_timeout_s,
        },
    }
}

/// A listener that is bound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BoundListener {
    pub(crate) id: ListenerId,
    pub(crate) transport: Transport,
    pub(crate) local: SocketAddr,
    pub(crate) advertised: SocketAddr,
    pub(crate) verifies_peers: bool,
}

fn sip_config(node: &Node, listeners: &[BoundListener]) -> baton_sip::Config {
    let sip = &node.sip;
    let listener = |each: &BoundListener| baton_sip::Listener {
        id: each.id,
        transport: match each.transport {
            Transport::Udp => baton_sip::Transport::Udp,
            Transport::Tcp => baton_sip::Transport::Tcp,
            Transport::Tls => baton_sip::Transport::Tls,
            Transport::Ws => baton_sip::Transport::Ws,
            Transport::Wss => baton_sip::Transport::Wss,
        },
        local: each.local,
        advertised: each.advertised,
        verifies_peers: each.verifies_peers,
    };
    baton_sip::Config {
        listeners: listeners.iter().map(listener).collect(),
        realm: sip.realm.clone(),
        domains: sip.domains.iter().map(|domain| domain.trim_end_matches('.').to_ascii_lowercase()).collect(),
        user_agent: sip.user_agent.clone(),
        unknown_source: match sip.unknown_source {
            UnknownSource::Challenge => baton_sip::UnknownSource::Challenge,
            UnknownSource::Forbid => baton_sip::UnknownSource::Forbid,
            UnknownSource::Silence => baton_sip::UnknownSource::Silence,
        },
        t1_ms: sip.t1_ms,
        t2_ms: sip.t2_ms,
        t4_ms: sip.t4_ms,
        expires_s: (sip.expires_least_s, sip.expires_default_s, sip.expires_most_s),
        contacts_per_account_max: node.limits.contacts_per_account_max,
        subscription_expires_s: (
            sip.subscription_expires_least_s,
            sip.subscription_expires_default_s,
            sip.subscription_expires_most_s,
        ),
        subscriptions_max: node.limits.subscriptions_max,
        subscriptions_per_account_max: node.limits.subscriptions_per_account_max,
        nonce_lifetime_s: sip.nonce_lifetime_s,
        reliable_provisionals: match sip.reliable_provisionals {
            ReliableProvisionals::Required => baton_sip::ReliableProvisionals::Required,
            ReliableProvisionals::Description => baton_sip::ReliableProvisionals::WithDescription,
            ReliableProvisionals::Always => baton_sip::ReliableProvisionals::Always,
        },
        session_expires_s: sip.session_expires_s,
        session_expires_least_s: sip.session_expires_least_s,
        message_bytes_max: node.limits.message_bytes_max,
        sessions_max: node.limits.sessions_max,
        transactions_max: node.limits.transactions_max,
        stream_idle_s: sip.stream_idle_s,
        stream_message_s: sip.stream_message_s,
        guard: guard_config(&node.guard),
    }
}

fn guard_config(guard: &Guard) -> baton_sip::GuardConfig {
    baton_sip::GuardConfig {
        allow: guard.allow.iter().map(|network| network.0).collect(),
        unknown_rate: guard.unknown_rate,
        unknown_burst: guard.unknown_burst,
        ban_first_s: guard.ban_first_s,
        ban_longest_s: guard.ban_longest_s,
    }
}

fn sdp_codec(codec: Codec) -> baton_sdp::Codec {
    match codec {
        Codec::Pcma => baton_sdp::Codec::Pcma,
        Codec::Pcmu => baton_sdp::Codec::Pcmu,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_one_with_the_dot_of_the_root_and_without() {
        let node = Node::parse("baton.toml", "[sip]\ndomains = [\"PBX.example.com.\"]").unwrap();
        assert_eq!(core_config(&node, &[], 1).sip.domains, ["pbx.example.com"]);
    }
}
