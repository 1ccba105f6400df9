//! Stream connections (RFC 3261 §18): which are open, to whom, and what would fail with each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::interface::{ConnectionHandle, Flow, ListenerId, SessionId, Transport};
use crate::transaction::TransactionId;
use crate::wire::Framer;

/// Where a connection leads: it is used again for the same place only (RFC 3261 §18, RFC 5923 §9.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The transport.
    pub(crate) transport: Transport,
    /// The peer's address.
    pub(crate) remote: SocketAddr,
    /// What the peer's certificate was checked for; empty without TLS, and for connections that were accepted.
    pub(crate) server_name: String,
}

/// One stream connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stream {
    /// Its listener.
    pub(crate) listener: ListenerId,
    /// Where it leads.
    pub(crate) place: Place,
    /// The names that its peer's verified certificate bears, in lower case, and the peer's address if it bears that.
    pub(crate) peer_names: Vec<String>,
    /// Whether it is up; before, nothing that was put on it has reached its peer.
    pub(crate) is_open: bool,
    /// Where its peer takes connections, if it wants this one used in their stead (RFC 5923 `alias`).
    pub(crate) alias: Option<SocketAddr>,
    /// Cuts what comes.
    pub(crate) framer: Framer,
    /// Client transactions that wait on it.
    pub(crate) transactions: BTreeSet<TransactionId>,
    /// Sessions whose requests go along it.
    pub(crate) sessions: BTreeSet<SessionId>,
    /// Accounts that have registered along it.
    pub(crate) accounts: BTreeSet<String>,
}

impl Stream {
    /// The way along it.
    pub(crate) fn flow(&self, connection: ConnectionHandle) -> Flow {
        let Place { transport, remote, .. } = self.place;
        Flow { transport, listener: self.listener, remote, connection: Some(connection) }
    }
}

/// All stream connections, by number and by peer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Streams {
    streams: BTreeMap<ConnectionHandle, Stream>,
    #[serde(with = "crate::pairs")]
    by_place: BTreeMap<Place, ConnectionHandle>,
    /// In the order in which they asked.
    #[serde(with = "crate::pairs")]
    aliases: BTreeMap<(Transport, SocketAddr), Vec<ConnectionHandle>>,
    last: u64,
}

impl Streams {
    /// A fresh even number for a connection of ours.
    pub(crate) fn allocate(&mut self) -> ConnectionHandle {
        self.last += 2;
        ConnectionHandle(self.last)
    }

    /// A connection that is up, or that is being opened. One that is known already stays as it is.
    pub(crate) fn open(
        &mut self,
        connection: ConnectionHandle,
        listener: ListenerId,
        place: Place,
        message_bytes_max: usize,
    ) {
        if self.streams.contains_key(&connection) {
            return;
        }
        self.by_place.insert(place.clone(), connection);
        let stream = Stream {
            listener,
            place,
            peer_names: Vec::new(),
            is_open: false,
            alias: None,
            framer: Framer::with_limit(message_bytes_max),
            transactions: BTreeSet::new(),
            sessions: BTreeSet::new(),
            accounts: BTreeSet::new(),
        };
        self.streams.insert(connection, stream);
    }

    /// A connection is up now, with a peer of these names.
    pub(crate) fn opened(&mut self, connection: ConnectionHandle, peer_names: Vec<String>) {
        if let Some(stream) = self.streams.get_mut(&connection) {
            stream.is_open = true;
            stream.peer_names = peer_names;
        }
    }

    /// A connection's peer wants it used for what is sent to `address` (RFC 5923 §8.2).
    pub(crate) fn alias(&mut self, connection: ConnectionHandle, address: SocketAddr) {
        let Some(stream) = self.streams.get_mut(&connection) else { return };
        let transport = stream.place.transport;
        if let Some(before) = stream.alias.replace(address)
            && before != address
        {
            self.forget_alias((transport, before), connection);
        }
        let standing = self.aliases.entry((transport, address)).or_default();
        if !standing.contains(&connection) {
            standing.push(connection);
        }
    }

    /// A connection that has ended.
    pub(crate) fn close(&mut self, connection: ConnectionHandle) -> Option<Stream> {
        let stream = self.streams.remove(&connection)?;
        if self.by_place.get(&stream.place) == Some(&connection) {
            self.by_place.remove(&stream.place);
        }
        if let Some(address) = stream.alias {
            self.forget_alias((stream.place.transport, address), connection);
        }
        Some(stream)
    }

    /// A connection.
    pub(crate) fn get(&self, connection: ConnectionHandle) -> Option<&Stream> {
        self.streams.get(&connection)
    }

    /// A connection.
    pub(crate) fn get_mut(&mut self, connection: ConnectionHandle) -> Option<&mut Stream> {
        self.streams.get_mut(&connection)
    }

    /// Every connection, in the order of their numbers.
    pub(crate) fn handles(&self) -> Vec<ConnectionHandle> {
        self.streams.keys().copied().collect()
    }

    /// The connection to a place, to be used again: one that is up and leads there, else the last one whose peer stands for it, else
    /// one that is being opened, which may come to nothing. With TLS a peer that stands for the place must have shown the name
    /// that the place is asked for by (RFC 5923 §8.1), or one of those in `shows`: several may be at one address.
    pub(crate) fn to(&self, place: &Place, shows: &[String]) -> Option<ConnectionHandle> {
        let is_meant = |name: &String| *name == place.server_name || shows.contains(name);
        let stands = |connection: &&ConnectionHandle| {
            let names = self.streams.get(connection).map(|stream| stream.peer_names.as_slice()).unwrap_or_default();
            place.transport != Transport::Tls || names.iter().any(is_meant)
        };
        let standing = || self.aliases.get(&(place.transport, place.remote))?.iter().rev().find(stands);
        let leads_there = self.by_place.get(place);
        let is_open =
            |connection: &&ConnectionHandle| self.streams.get(*connection).is_some_and(|stream| stream.is_open);
        leads_there.filter(is_open).or_else(standing).or(leads_there).copied()
    }

    fn forget_alias(&mut self, key: (Transport, SocketAddr), connection: ConnectionHandle) {
        if let Some(standing) = self.aliases.get_mut(&key) {
            standing.retain(|each| *each != connection);
            if standing.is_empty() {
                self.aliases.remove(&key);
            }
        }
    }
}
