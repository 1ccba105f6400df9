//! Stream connections (RFC 3261 §18): which are open, to whom, and what would fail with each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::interface::{ConnectionHandle, Flow, ListenerId, SessionId, Transport};
use crate::subject::Subject;
use crate::transaction::TransactionId;
use crate::wire::Framer;

/// Where a connection leads: it is used again for the same place only (RFC 3261 §18, RFC 5923 §9.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The transport.
    pub(crate) transport: Transport,
    /// The peer's address.
    pub(crate) remote: SocketAddr,
    /// Whom the peer's certificate was checked for; of a connection that was accepted, whom it has shown.
    pub(crate) subject: Subject,
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

    /// Whether the certificate of the peer at this address is the subject's, or has to be before the connection is up.
    fn leads_to(&self, is_ours: bool, subject: &Subject, address: IpAddr) -> bool {
        let was_checked = || is_ours && self.place.subject.is_within(subject, address);
        self.has_shown(subject, address) || was_checked()
    }

    /// Whether its peer has shown to be the subject at this address, where there is anything to show.
    fn has_shown(&self, subject: &Subject, address: IpAddr) -> bool {
        let bears = |name: &String| subject.is_named(name, address);
        self.place.transport != Transport::Tls || self.peer_names.iter().any(bears)
    }
}

/// All stream connections, by number and by peer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Streams {
    streams: BTreeMap<ConnectionHandle, Stream>,
    /// By where they lead, in the order in which they were opened.
    #[serde(with = "crate::pairs")]
    by_place: BTreeMap<(Transport, SocketAddr), Vec<ConnectionHandle>>,
    /// By what they stand for, in the order in which they asked.
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
        self.by_place.entry((place.transport, place.remote)).or_default().push(connection);
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
            forget(&mut self.aliases, (transport, before), connection);
        }
        let standing = self.aliases.entry((transport, address)).or_default();
        if !standing.contains(&connection) {
            standing.push(connection);
        }
    }

    /// A connection that has ended.
    pub(crate) fn close(&mut self, connection: ConnectionHandle) -> Option<Stream> {
        let stream = self.streams.remove(&connection)?;
        let Place { transport, remote, .. } = stream.place;
        forget(&mut self.by_place, (transport, remote), connection);
        if let Some(address) = stream.alias {
            forget(&mut self.aliases, (transport, address), connection);
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

    /// The connection to an address, to be used again: the last one that is up and leads there, else the last one whose peer stands
    /// for it, else one that is being opened, which may come to nothing. With TLS its peer's certificate must be the subject's
    /// (RFC 5923 §8.1): several may be at one address.
    pub(crate) fn to(&self, transport: Transport, remote: SocketAddr, subject: &Subject) -> Option<ConnectionHandle> {
        let address = remote.ip();
        let find = |list: &BTreeMap<_, Vec<ConnectionHandle>>, fits: &dyn Fn(&Stream, ConnectionHandle) -> bool| {
            let fits =
                |handle: &&ConnectionHandle| self.streams.get(*handle).is_some_and(|stream| fits(stream, **handle));
            list.get(&(transport, remote))?.iter().rev().find(fits).copied()
        };
        let leads_there =
            |stream: &Stream, handle: ConnectionHandle| stream.leads_to(handle.is_ours(), subject, address);
        find(&self.by_place, &|stream, handle| stream.is_open && leads_there(stream, handle))
            .or_else(|| find(&self.aliases, &|stream, _| stream.has_shown(subject, address)))
            .or_else(|| find(&self.by_place, &leads_there))
    }
}

/// Takes a connection off the list of an address.
fn forget(
    lists: &mut BTreeMap<(Transport, SocketAddr), Vec<ConnectionHandle>>,
    address: (Transport, SocketAddr),
    connection: ConnectionHandle,
) {
    if let Some(list) = lists.get_mut(&address) {
        list.retain(|each| *each != connection);
        if list.is_empty() {
            lists.remove(&address);
        }
    }
}
