//! The tables of living transactions. Every look-up is by key; nothing here walks a table.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Client, InviteClient, InviteServer, Key, KeyMaker, Keys, Server};
use crate::interface::{Flow, SessionId};
use crate::subject::Subject;
use crate::wire::{Message, Method};

/// Names one transaction. A client transaction's number stands in its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct TransactionId(pub(crate) u64);

/// Why a session sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// The INVITE that makes the session.
    Invite,
    /// A re-INVITE with an offer.
    Reinvite,
    /// An UPDATE or re-INVITE that only refreshes the session timer.
    Refresh,
    /// An UPDATE that tells the peer whom it talks to.
    Identify,
    /// BYE.
    Bye,
    /// CANCEL.
    Cancel,
    /// A NOTIFY of a transfer's progress.
    Notify,
    /// INFO with a digit.
    Info,
    /// REFER.
    Refer,
    /// PRACK.
    Prack,
    /// An errand, whose number stands in the session's place.
    Errand,
    /// A NOTIFY of a subscription, whose number stands in the session's place.
    Event,
}

/// To whom a client transaction reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    /// The session.
    pub(crate) session: SessionId,
    /// Why it sent the request.
    pub(crate) purpose: Purpose,
}

/// A client machine of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ClientMachine {
    /// For INVITE.
    Invite(InviteClient),
    /// For every other method.
    Other(Client),
}

/// One client transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientTransaction {
    /// The random half of the branch.
    pub(crate) random: u64,
    /// The machine.
    pub(crate) machine: ClientMachine,
    /// The way the request went.
    pub(crate) flow: Flow,
    /// Whether the peer can be reached along it only (a phone).
    pub(crate) is_only: bool,
    /// How often it went again by another connection, when its own had ended.
    pub(crate) repeats: u8,
    /// Nobody waits for its answer: an INVITE that is cancelled as soon as it may be.
    pub(crate) given_up: bool,
    /// Whom a TLS peer's certificate must name, where the way has to be opened again.
    pub(crate) subject: Subject,
    /// The flow over UDP that it came from for its size, and goes back to when no connection can be had (RFC 3261 §18.1.1).
    pub(crate) fallback: Option<Flow>,
    /// The request as sent; empty once it is not needed any more.
    pub(crate) request: Bytes,
    /// The ACKs sent: a repeated final response is answered from here, also after its session is gone.
    pub(crate) acks: Vec<Acknowledgement>,
    /// The transaction of our CANCEL, which shares the branch.
    pub(crate) cancel: Option<TransactionId>,
    /// To whom it reports; nobody cares about some.
    pub(crate) owner: Option<Owner>,
}

/// An ACK that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acknowledgement {
    /// The tag of the response; empty for a failure's.
    pub(crate) to_tag: String,
    /// The way it went.
    pub(crate) flow: Flow,
    /// It.
    pub(crate) bytes: Bytes,
}

/// A server machine of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ServerMachine {
    /// For INVITE.
    Invite(InviteServer),
    /// For every other method but ACK.
    Other(Server),
}

/// One server transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServerTransaction {
    /// Its key in the table.
    pub(crate) key: Key,
    /// Its key among requests that came by several ways, if it is outside a dialog.
    pub(crate) merge_key: Option<Key>,
    /// The machine.
    pub(crate) machine: ServerMachine,
    /// The way responses go (RFC 3261 §18.2.2).
    pub(crate) flow: Flow,
    /// Whom a TLS peer's certificate must name, where the way has to be opened again.
    pub(crate) subject: Subject,
    /// The request, until its final response has been made.
    pub(crate) request: Option<Message>,
    /// The last response, for retransmission.
    pub(crate) response: Bytes,
    /// The session that the request belongs to.
    pub(crate) session: Option<SessionId>,
}

/// All transactions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Transactions {
    clients: BTreeMap<TransactionId, ClientTransaction>,
    servers: BTreeMap<TransactionId, ServerTransaction>,
    keys: Keys,
    merges: Keys,
    key_maker: KeyMaker,
    last: u64,
}

impl Transactions {
    /// None yet. The secret is for their keys.
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Transactions { key_maker: KeyMaker::new(secret), ..Transactions::default() }
    }

    /// What makes the keys of server transactions.
    pub(crate) fn key_maker(&self) -> &KeyMaker {
        &self.key_maker
    }

    /// A fresh number.
    pub(crate) fn allocate(&mut self) -> TransactionId {
        self.last += 1;
        TransactionId(self.last)
    }

    /// Adds a client transaction.
    pub(crate) fn insert_client(&mut self, id: TransactionId, transaction: ClientTransaction) {
        self.clients.insert(id, transaction);
    }

    /// Adds a server transaction under its keys.
    pub(crate) fn insert_server(&mut self, id: TransactionId, transaction: ServerTransaction) {
        self.keys.insert(transaction.key, id);
        if let Some(merge_key) = transaction.merge_key {
            self.merges.insert(merge_key, id);
        }
        self.servers.insert(id, transaction);
    }

    /// Forgets a transaction of either side, in every index.
    pub(crate) fn remove(&mut self, id: TransactionId) -> Option<Flow> {
        if let Some(client) = self.clients.remove(&id) {
            return Some(client.flow);
        }
        let server = self.servers.remove(&id)?;
        self.keys.remove(server.key);
        if let Some(merge_key) = server.merge_key {
            self.merges.remove(merge_key);
        }
        Some(server.flow)
    }

    /// A client transaction.
    pub(crate) fn client_mut(&mut self, id: TransactionId) -> Option<&mut ClientTransaction> {
        self.clients.get_mut(&id)
    }

    /// A server transaction.
    pub(crate) fn server_mut(&mut self, id: TransactionId) -> Option<&mut ServerTransaction> {
        self.servers.get_mut(&id)
    }

    /// A client transaction.
    pub(crate) fn client(&self, id: TransactionId) -> Option<&ClientTransaction> {
        self.clients.get(&id)
    }

    /// A server transaction.
    pub(crate) fn server(&self, id: TransactionId) -> Option<&ServerTransaction> {
        self.servers.get(&id)
    }

    /// The client transaction that a response with this branch and CSeq method answers (RFC 3261 §17.1.3). A CANCEL's
    /// response carries the branch of its INVITE.
    pub(crate) fn of_response(&self, number: u64, random: u64, method: &Method) -> Option<TransactionId> {
        let id = TransactionId(number);
        let client = self.clients.get(&id).filter(|client| client.random == random)?;
        let is_invite = matches!(client.machine, ClientMachine::Invite(_));
        match (method, is_invite) {
            (Method::Cancel, true) => client.cancel.filter(|cancel| self.clients.contains_key(cancel)),
            (Method::Invite, true) => Some(id),
            (Method::Invite, false) => None,
            (_, true) => None,
            (_, false) => Some(id),
        }
    }

    /// The server transaction that a request belongs to as one of this method: itself or an INVITE that it acknowledges or
    /// cancels (RFC 3261 §17.2.3).
    pub(crate) fn server_of(&self, request: &Message, method: &Method) -> Option<TransactionId> {
        self.of_key(self.key_maker.server_key(request, method))
    }

    /// The server transaction with this key.
    pub(crate) fn of_key(&self, key: Key) -> Option<TransactionId> {
        self.keys.get(key)
    }

    /// The server transaction that a copy of this request made before.
    pub(crate) fn of_merge_key(&self, merge_key: Key) -> Option<TransactionId> {
        self.merges.get(merge_key)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.clients.len() + self.servers.len()
    }
}
