//! Stream connections (RFC 3261 §18): which are open, to whom, and what would fail with each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::interface::{ConnectionHandle, ListenerId, SessionId};
use crate::transaction::TransactionId;
use crate::wire::Framer;

/// One stream connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stream {
    /// Its listener.
    pub(crate) listener: ListenerId,
    /// Its peer.
    pub(crate) remote: SocketAddr,
    /// Cuts what comes.
    pub(crate) framer: Framer,
    /// Client transactions that wait on it.
    pub(crate) transactions: BTreeSet<TransactionId>,
    /// Sessions whose requests go along it.
    pub(crate) sessions: BTreeSet<SessionId>,
    /// Accounts with a binding on it.
    pub(crate) accounts: BTreeSet<String>,
}

/// All stream connections, by number and by peer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Streams {
    streams: BTreeMap<ConnectionHandle, Stream>,
    by_remote: BTreeMap<SocketAddr, ConnectionHandle>,
    last: u64,
}

impl Streams {
    /// A fresh even number for a connection of ours.
    pub(crate) fn allocate(&mut self) -> ConnectionHandle {
        self.last += 2;
        ConnectionHandle(self.last)
    }

    /// A connection that is up, or that is being opened. One that is known already keeps what it holds.
    pub(crate) fn open(&mut self, connection: ConnectionHandle, listener: ListenerId, remote: SocketAddr) {
        self.by_remote.insert(remote, connection);
        self.streams.entry(connection).or_insert_with(|| Stream {
            listener,
            remote,
            framer: Framer::new(),
            transactions: BTreeSet::new(),
            sessions: BTreeSet::new(),
            accounts: BTreeSet::new(),
        });
    }

    /// A connection that has ended.
    pub(crate) fn close(&mut self, connection: ConnectionHandle) -> Option<Stream> {
        let stream = self.streams.remove(&connection)?;
        if self.by_remote.get(&stream.remote) == Some(&connection) {
            self.by_remote.remove(&stream.remote);
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

    /// The connection to a peer, to be used again (RFC 3261 §18).
    pub(crate) fn to(&self, remote: SocketAddr) -> Option<ConnectionHandle> {
        self.by_remote.get(&remote).copied()
    }
}
