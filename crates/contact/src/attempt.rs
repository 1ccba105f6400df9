//! One call attempt out by trunks: gateway after gateway, trunk after trunk, until one of them takes the call.

use serde::{Deserialize, Serialize};

use baton_sip::Party;

use crate::conversation::Conversation;
use crate::desk::Desk;
use crate::dial::{Caller, escape_user};
use crate::directory::{CallerIdHeader, RedirectPolicy};
use crate::ids::ConnectionId;
use crate::leg::{Device, LegState};
use crate::outcome::Failure;
use crate::timer::Timer;
use crate::trunk::{Direction, GatewayState};

/// Most targets that are called because a trunk's 3xx names them (RFC 3261 §8.1.3.4). A phone's 3xx is not followed: its
/// owner could send the queue's customers anywhere.
const REDIRECTS_MAX: u8 = 5;

/// What is left to try for a party that is being called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    number: String,
    pub(crate) caller: Caller,
    /// The trunk whose gateways are tried now.
    trunk: String,
    /// Those that are left of it, in order.
    gateways: Vec<GatewayState>,
    /// The trunks after it, in order.
    trunks: Vec<String>,
}

impl Desk {
    /// Calls a number out by the first of these trunks that takes the call.
    pub(crate) fn dial_outside(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        (number, trunks): (&str, &[String]),
        caller: &Caller,
    ) -> Result<(), Failure> {
        let attempt = Attempt {
            number: number.to_string(),
            caller: caller.clone(),
            trunk: String::new(),
            gateways: Vec::new(),
            trunks: trunks.to_vec(),
        };
        self.try_gateways(conversation, target, attempt, Failure::Status(404, None))?;
        let ring_ms = u64::from(self.config.limits.ring_timeout_s) * 1_000;
        self.start_timer(Timer::Ring(conversation.id, target), ring_ms);
        Ok(())
    }

    /// Goes on with the next gateway after a failure of one, if there is any and the failure was the gateway's and not
    /// the called party's: it was silent, could not be reached, or said 503 (RFC 3263 §4.3).
    pub(crate) fn try_elsewhere(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        failure: Failure,
    ) -> Result<(), Failure> {
        let attempt = conversation.connection_mut(target).and_then(|party| party.attempt.take());
        let Some(attempt) = attempt.filter(|_| matches!(failure, Failure::Status(503, _))) else {
            return Err(failure);
        };
        self.try_gateways(conversation, target, *attempt, failure)
    }

    /// The error is what the last gateway said, or why there was none.
    fn try_gateways(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        mut attempt: Attempt,
        mut failure: Failure,
    ) -> Result<(), Failure> {
        loop {
            if attempt.gateways.is_empty() {
                if attempt.trunks.is_empty() {
                    return Err(failure);
                }
                attempt.trunk = attempt.trunks.remove(0);
                match self.open_trunk(&attempt.trunk) {
                    Ok(gateways) => attempt.gateways = gateways,
                    Err(reason) => failure = reason,
                }
                continue;
            }
            let gateway = attempt.gateways.remove(0);
            match self.dial_gateway(conversation, target, &gateway, &attempt) {
                Ok(()) => {
                    tracing::debug!(trunk = attempt.trunk, gateway = gateway.address, "a call goes out");
                    if let Some(party) = conversation.connection_mut(target) {
                        party.attempt = Some(Box::new(attempt));
                    }
                    return Ok(());
                }
                Err(reason) => failure = reason,
            }
        }
    }

    /// The gateways of a trunk for one call, if it takes one more.
    fn open_trunk(&mut self, name: &str) -> Result<Vec<GatewayState>, Failure> {
        if self.trunk(name).is_none() {
            return Err(Failure::Status(404, None));
        }
        if !self.trunk_has_room(name, Direction::Out) {
            return Err(Failure::Limit);
        }
        Ok(self.gateways_in_order(name))
    }

    fn dial_gateway(
        &mut self,
        conversation: &mut Conversation,
        target: ConnectionId,
        gateway: &GatewayState,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let Some(trunk) = self.trunk(&attempt.trunk) else { return Err(Failure::Status(404, None)) };
        let (credentials, patience_ms) = (trunk.credentials.clone(), trunk.gateway_timeout_ms);
        let mut caller = attempt.caller.clone();
        let number = match &trunk.numbers {
            Some(plan) => {
                caller.number = plan.rewrite(&caller.number);
                escape_user(&plan.rewrite(&attempt.number))
            }
            None => escape_user(&attempt.number),
        };
        let uri = ["sip:", &number, "@", &gateway.address].concat();
        let (header, redirect) = (trunk.caller_id_out, trunk.redirect);
        let mut invite = self.invite(uri, gateway.way.clone(), &caller);
        invite.credentials = credentials;
        let shown = (!caller.is_anonymous()).then(|| invite.from.clone());
        match header {
            CallerIdHeader::Pai => invite.asserted_identity = shown,
            CallerIdHeader::Rpid => invite.headers.extend(shown.map(|party| ("Remote-Party-ID".into(), rpid(&party)))),
            CallerIdHeader::From => {}
        }
        // Where nothing else is left to try, a silent gateway has the whole time of RFC 3261.
        let others = !attempt.gateways.is_empty() || !attempt.trunks.is_empty();
        invite.patience_ms = others.then_some(patience_ms);
        invite.redirects_max = if redirect == RedirectPolicy::Follow { REDIRECTS_MAX } else { 0 };
        let device = Device::Trunk(attempt.trunk.clone());
        self.dial(conversation, target, device, &attempt.caller.number, invite)?;
        self.count_trunk_call(&attempt.trunk, Direction::Out);
        Ok(())
    }

    /// The final failure of a leg, as it counts for its party. What a trunk's gateway never answered is the gateway's
    /// failure; what comes after an alerting phone is the called party's word.
    pub(crate) fn failure_of(
        &self,
        conversation: &Conversation,
        owner: ConnectionId,
        leg: u64,
        (status, q850): (u16, Option<u16>),
    ) -> Failure {
        let leg = conversation.connection(owner).and_then(|party| party.leg(leg));
        let to_trunk = leg.is_some_and(|leg| matches!(leg.device, Device::Trunk(_)));
        let alerts = leg.is_some_and(|leg| leg.state != LegState::Inviting);
        match status {
            408 if to_trunk && !alerts => Failure::Status(503, q850),
            _ => Failure::Status(status, q850),
        }
    }
}

/// A Remote-Party-ID of ours (draft-ietf-sip-privacy-04 §5): the number is ours to show, so it has been screened.
fn rpid(party: &Party) -> String {
    let plain: String = party.display.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    let name = if plain.is_empty() { String::new() } else { format!("\"{plain}\" ") };
    format!("{name}<{}>;party=calling;screen=yes;privacy=off", party.uri)
}
