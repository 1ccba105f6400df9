//! One table: how a failure on the wire is told to the agent, to the record and to the other side.

use serde::{Deserialize, Serialize};

use crate::event::DisconnectReason;

/// How a target that was not reached ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OutcomeName {
    Busy,
    NoAnswer,
    InvalidNumber,
    Rejected,
    Unreachable,
    Cancelled,
    /// It was reached, and has hung up since.
    TargetEnded,
    /// It was reached, and the initiator has left it with the customer.
    Completed,
}

impl OutcomeName {
    /// For a phone's display.
    pub(crate) fn words(self) -> &'static str {
        match self {
            OutcomeName::Busy => "busy",
            OutcomeName::NoAnswer => "no answer",
            OutcomeName::InvalidNumber => "wrong number",
            OutcomeName::Rejected => "declined",
            OutcomeName::Cancelled => "cancelled",
            OutcomeName::Unreachable | OutcomeName::TargetEnded | OutcomeName::Completed => "not reached",
        }
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            OutcomeName::Busy => "busy",
            OutcomeName::NoAnswer => "noAnswer",
            OutcomeName::InvalidNumber => "invalidNumber",
            OutcomeName::Rejected => "rejected",
            OutcomeName::Unreachable => "unreachable",
            OutcomeName::Cancelled => "cancelled",
            OutcomeName::TargetEnded => "targetEnded",
            OutcomeName::Completed => "completed",
        }
    }
}

/// Why a target was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// A final SIP status, 300–699, with the Q.850 cause if there was one.
    Status(u16, Option<u16>),
    /// Our ring timer ran out.
    RingTimeout,
    /// No device is registered.
    Unregistered,
    /// It had answered, and did not accept.
    Declined,
    /// Whoever dialled it gave up.
    Cancelled,
    /// A limit of ours, or no media port.
    Limit,
}

/// The verdict on a failure: outcome, disconnect reason, and the status towards whoever waits for it.
pub(crate) fn verdict(failure: Failure) -> (OutcomeName, DisconnectReason, u16) {
    use DisconnectReason as Reason;
    match failure {
        Failure::RingTimeout => (OutcomeName::NoAnswer, Reason::TelecomTimeout, 480),
        Failure::Unregistered => (OutcomeName::Unreachable, Reason::TelecomUnanswered, 480),
        Failure::Declined => (OutcomeName::Rejected, Reason::TelecomPotentialBlocking, 603),
        Failure::Cancelled => (OutcomeName::Cancelled, Reason::TelecomOriginatorCancel, 487),
        Failure::Limit => (OutcomeName::Unreachable, Reason::TelecomProblem, 503),
        Failure::Status(status, _) => match status {
            486 | 600 => (OutcomeName::Busy, Reason::TelecomBusy, status),
            404 | 410 | 484 | 604 => (OutcomeName::InvalidNumber, Reason::TelecomNumberInvalid, status),
            403 | 603 | 607 | 608 => (OutcomeName::Rejected, Reason::TelecomPotentialBlocking, status),
            408 | 480 => (OutcomeName::NoAnswer, Reason::TelecomUnanswered, 480),
            487 => (OutcomeName::Cancelled, Reason::TelecomOriginatorCancel, 487),
            // Redirection is not followed: the caller must not be able to be sent anywhere by a target.
            300..=399 => (OutcomeName::Unreachable, Reason::TelecomProblem, 480),
            // A target that challenges us, or finds our request bad, is our trouble, not the caller's.
            400..=499 => (OutcomeName::Unreachable, Reason::TelecomProblem, 480),
            _ => (OutcomeName::Unreachable, Reason::TelecomProblem, 503),
        },
    }
}

/// The SIP status of a failure as it came, 0 when there was none.
pub(crate) fn sip_status(failure: Failure) -> u16 {
    match failure {
        Failure::Status(status, _) => status,
        _ => 0,
    }
}

/// The Q.850 cause of a failure.
pub(crate) fn q850(failure: Failure) -> Option<u16> {
    match failure {
        Failure::Status(_, cause) => cause,
        _ => None,
    }
}
