//! The core's two faces.

use serde::{Deserialize, Serialize};

use crate::command::{Command, Refusal, Reply};
use crate::event::ContactEvent;
use crate::ids::RequestId;
use crate::snapshot::AgentSnapshot;

/// What goes in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// From the network below SIP. `Input::Sip(baton_sip::Input::Timeout)` is not used; see [`Input::Timeout`].
    Sip(baton_sip::Input),
    /// From a media shard.
    Media(baton_media::Event),
    /// From the panel, the API or the operator. Answered by exactly one [`Output::Reply`].
    Command(RequestId, Box<Command>),
    /// The bindings of an account from before a restart.
    RestoreBindings {
        /// The phone's SIP user name.
        account: String,
        /// Its bindings.
        bindings: Vec<baton_sip::Binding>,
    },
    /// An agent's status from before a restart.
    RestoreStatus {
        /// The agent.
        agent: String,
        /// The status it chose.
        status: String,
    },
    /// How far the node is behind: new calls give way to those in progress (503 with Retry-After).
    Load(baton_sip::Load),
    /// Whether SIP messages are told as they come and go ([`Output::Trace`]).
    Trace(bool),
    /// The clock has reached [`crate::Core::next_timeout_us`].
    Timeout,
}

/// What comes out, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// For the network below SIP; never [`baton_sip::Output::Event`] or [`baton_sip::Output::Trace`].
    Sip(baton_sip::Output),
    /// For the media shard of this number.
    Media(u16, baton_media::Command),
    /// For the store, then for the sinks.
    Event(Box<ContactEvent>),
    /// The answer to a command.
    Reply(RequestId, Result<Box<Reply>, Box<Refusal>>),
    /// An agent, or one of its contacts, changed: for the panels.
    Agent(Box<AgentSnapshot>),
    /// An agent's chosen status changed: for the store.
    Status {
        /// The agent.
        agent: String,
        /// The status.
        status: String,
    },
    /// The bindings of an account changed: for the store.
    Bindings {
        /// The phone's SIP user name.
        account: String,
        /// All of them.
        bindings: Vec<baton_sip::Binding>,
    },
    /// A SIP message came or went; only while it is wanted ([`Input::Trace`]).
    Trace(Box<crate::trace::TraceMessage>),
    /// The last conversation has ended after [`crate::command::Command::Drain`].
    Drained,
}
