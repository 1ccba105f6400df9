//! The one inbox policy: what is still taken when the node is behind.
//!
//! What is in progress – a request in a dialog, an ACK, a CANCEL, a response, a retransmission, an INVITE that replaces a
//! call of ours – is always taken. Newcomers give way to it, strangers first.

use serde::{Deserialize, Serialize};

use super::interface::{Load, Pressure};
use crate::wire::Method;

/// Who asks, as far as it is known before anything is proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// A trunk's address, or one of the allow list.
    Trusted,
    /// The address and port of a registered phone, with no other account's credentials.
    Registered,
    /// Anybody.
    Unknown,
}

/// What becomes of a newcomer's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is looked at.
    Take,
    /// 503 with Retry-After, without a transaction and before any password is looked at.
    Later,
    /// No answer.
    Drop,
}

/// The policy. A registered phone's INVITE is passed on while we are merely busy, for it may be an agent's consult, which
/// belongs to a call that is up; the contact refuses it with 503 if it is not. A registered phone's REGISTER is always
/// taken: refusing it would take an agent's phone away.
pub(crate) fn admit(pressure: Pressure, standing: Standing, method: &Method) -> Admission {
    match (pressure, standing, method) {
        (Pressure::Calm, _, _) => Admission::Take,
        (_, Standing::Registered, Method::Register) => Admission::Take,
        (Pressure::Busy, Standing::Registered, _) => Admission::Take,
        (_, Standing::Trusted | Standing::Registered, Method::Invite | Method::Register | Method::Subscribe) => {
            Admission::Later
        }
        // OPTIONS, as a rule: a trunk that got no answer would take us for dead.
        (_, Standing::Trusted | Standing::Registered, _) => Admission::Take,
        (Pressure::Busy, Standing::Unknown, Method::Invite | Method::Register | Method::Subscribe) => Admission::Later,
        (_, Standing::Unknown, _) => Admission::Drop,
    }
}

/// T1 as peers have it that were told nothing else (RFC 3261 §17.1.1.1).
const PEERS_T1_US: u64 = 500_000;

/// A measure and its marks: we are calm again at `calm` and below, busy above `busy`, flooded above `flooded`.
struct Mark {
    value: u64,
    calm: u64,
    busy: u64,
    flooded: u64,
}

/// How much pressure there is, with hysteresis: what has begun ends only when every measure is well below its mark.
pub(crate) fn weigh(
    before: Pressure,
    load: &Load,
    sessions_permille: u64,
    transactions_permille: u64,
    t1_us: u64,
) -> Pressure {
    let never = u64::MAX;
    // A brief T1 of ours makes no peer's briefer.
    let t1_us = t1_us.max(PEERS_T1_US);
    let marks = [
        // Peers send again what has waited for T1, and double the load: from half of it on nothing new is taken.
        Mark { value: load.behind_us, calm: t1_us / 8, busy: t1_us / 2, flooded: 4 * t1_us },
        // From three quarters on the inbox itself refuses commands.
        Mark { value: load.inbox_permille.into(), calm: 250, busy: 500, flooded: 750 },
        Mark { value: load.store_permille.into(), calm: 500, busy: 1_000, flooded: never },
        Mark { value: sessions_permille, calm: 950, busy: 999, flooded: never },
        // A call in progress needs transactions too: the last tenth is for it.
        Mark { value: transactions_permille, calm: 800, busy: 900, flooded: 970 },
    ];
    if marks.iter().any(|mark| mark.value > mark.flooded) {
        return Pressure::Flooded;
    }
    let still = before != Pressure::Calm && marks.iter().any(|mark| mark.value > mark.calm);
    if still || marks.iter().any(|mark| mark.value > mark.busy) { Pressure::Busy } else { Pressure::Calm }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_give_way_strangers_first() {
        use Admission::{Drop, Later, Take};
        use Pressure::{Busy, Calm, Flooded};
        use Standing::{Registered, Trusted, Unknown};
        let (invite, register, options) = (Method::Invite, Method::Register, Method::Options);
        let subscribe = Method::Subscribe;
        let rows = [
            (&invite, Trusted, [Take, Later, Later]),
            (&invite, Registered, [Take, Take, Later]),
            (&invite, Unknown, [Take, Later, Drop]),
            (&register, Trusted, [Take, Later, Later]),
            (&register, Registered, [Take, Take, Take]),
            (&register, Unknown, [Take, Later, Drop]),
            (&subscribe, Trusted, [Take, Later, Later]),
            (&subscribe, Registered, [Take, Take, Later]),
            (&subscribe, Unknown, [Take, Later, Drop]),
            (&options, Trusted, [Take, Take, Take]),
            (&options, Registered, [Take, Take, Take]),
            (&options, Unknown, [Take, Drop, Drop]),
        ];
        for (method, standing, wanted) in rows {
            let got = [Calm, Busy, Flooded].map(|pressure| admit(pressure, standing, method));
            assert_eq!(got, wanted, "{method:?} {standing:?}");
        }
    }

    #[test]
    fn a_brief_t1_of_ours_puts_nobody_off_sooner() {
        let load = Load { behind_us: 200_000, ..Load::default() };
        assert_eq!(weigh(Pressure::Calm, &load, 0, 0, 100_000), Pressure::Calm);
        assert_eq!(weigh(Pressure::Calm, &load, 0, 0, 1_000_000), Pressure::Calm);
    }

    #[test]
    fn pressure_rises_at_its_mark_and_falls_well_below() {
        use Pressure::{Busy, Calm, Flooded};
        const T1_US: u64 = 500_000;
        let behind = |behind_us| (Load { behind_us, ..Load::default() }, 0, 0);
        let inbox = |inbox_permille| (Load { inbox_permille, ..Load::default() }, 0, 0);
        let store = |store_permille| (Load { store_permille, ..Load::default() }, 0, 0);
        let share = |sessions, transactions| (Load::default(), sessions, transactions);
        let steps = [
            (behind(250_000), Calm),
            (behind(250_001), Busy),
            (behind(2_000_001), Flooded),
            (behind(2_000_000), Busy),
            (behind(62_501), Busy),
            (behind(62_500), Calm),
            (inbox(500), Calm),
            (inbox(501), Busy),
            (inbox(751), Flooded),
            (inbox(250), Calm),
            (store(1_000), Calm),
            (store(1_001), Busy),
            (store(501), Busy),
            (store(500), Calm),
            (share(999, 900), Calm),
            (share(1_000, 0), Busy),
            (share(951, 0), Busy),
            (share(0, 0), Calm),
            (share(0, 901), Busy),
            (share(0, 971), Flooded),
            (share(0, 801), Busy),
            (share(0, 800), Calm),
        ];
        let mut pressure = Calm;
        for (number, ((load, sessions, transactions), wanted)) in steps.into_iter().enumerate() {
            pressure = weigh(pressure, &load, sessions, transactions, T1_US);
            assert_eq!(pressure, wanted, "step {number}");
        }
    }
}
