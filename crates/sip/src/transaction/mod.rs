//! Transactions (RFC 3261 §17): four machines that only decide, and the tables that hold them.

mod client;
mod effect;
mod invite_client;
mod invite_server;
mod key;
mod server;
mod table;

pub(crate) use client::{Client, ClientEvent};
pub(crate) use effect::{Effect, Effects, Failure, Pace, TransactionTimer};
pub(crate) use invite_client::{InviteClient, InviteClientEvent};
pub(crate) use invite_server::{InviteServer, InviteServerEvent};
pub(crate) use key::{Key, KeyMaker, Keys};
pub(crate) use server::{Server, ServerEvent};
pub(crate) use table::{
    Acknowledgement, ClientMachine, ClientTransaction, Owner, Purpose, ServerMachine, ServerTransaction, TransactionId,
    Transactions,
};
