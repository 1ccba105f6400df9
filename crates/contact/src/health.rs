//! Whether gateways live: OPTIONS at an interval, and hysteresis, so that one lost packet takes no gateway away and one
//! lucky answer gives none back.

use serde::{Deserialize, Serialize};

use baton_sip::{Command as SipCommand, Destination, ErrandId, ErrandKind, OutgoingErrand, Party};
use rand_chacha::rand_core::RngCore;

use crate::desk::Desk;
use crate::timer::Timer;
use crate::trunk::GatewayState;

/// Names a gateway's life in timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct GatewayId(pub(crate) u64);

/// What is known of a gateway; it outlives changes of the directory that leave the gateway in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GatewayLife {
    pub(crate) trunk: String,
    pub(crate) address: String,
    /// Calls go to it. So they do before anything is known of it.
    pub(crate) up: bool,
    /// Answers in a row that speak against what `up` says.
    against: u32,
    /// The last answer; 408 for silence.
    pub(crate) last_status: Option<u16>,
    /// When `up` changed, or the gateway was first known.
    pub(crate) since_us: u64,
    /// The OPTIONS under way.
    probe: Option<ErrandId>,
}

impl GatewayLife {
    pub(crate) fn new(trunk: &str, address: &str, now_us: u64) -> Self {
        GatewayLife {
            trunk: trunk.to_string(),
            address: address.to_string(),
            up: true,
            against: 0,
            last_status: None,
            since_us: now_us,
            probe: None,
        }
    }

    /// Takes one answer. True when the gateway is up now and was not, or the other way round.
    fn heard(&mut self, status: u16, (failures, successes): (u32, u32), now_us: u64) -> bool {
        self.last_status = Some(status);
        // Whoever says anything else lives, also if it does not like OPTIONS.
        let alive = !matches!(status, 408 | 503);
        if alive == self.up {
            self.against = 0;
            return false;
        }
        self.against += 1;
        if self.against < if alive { successes } else { failures } {
            return false;
        }
        (self.up, self.against, self.since_us) = (alive, 0, now_us);
        true
    }
}

impl Desk {
    /// Gives each gateway of the directory its life, and ends those that are not in it any more.
    pub(crate) fn adopt_gateways(&mut self) {
        let mut trunks = std::mem::take(&mut self.trunks);
        let mut left = std::mem::take(&mut self.gateways);
        for trunk in &mut trunks {
            for gateway in &mut trunk.gateways {
                let same = |life: &GatewayLife| life.trunk == trunk.name && life.address == gateway.address;
                let known = left.iter().find(|(_, life)| same(life)).map(|(id, _)| *id);
                let id = known.unwrap_or_else(|| GatewayId(self.allocate()));
                let life = left.remove(&id);
                let mut life = life.unwrap_or_else(|| GatewayLife::new(&trunk.name, &gateway.address, self.now_us));
                gateway.id = id;
                if trunk.options_interval_ms == 0 {
                    life.up = true;
                    self.timers.stop(Timer::Gateway(id));
                    life.probe.take().into_iter().for_each(|probe| self.forget_errand(probe));
                } else if life.probe.is_none() {
                    // The first ones are spread over the interval's tenth, so that a restart is no burst.
                    let wait_ms = self.dice.next_u64() % (trunk.options_interval_ms / 10 + 1);
                    self.start_timer(Timer::Gateway(id), wait_ms);
                }
                self.gateways.insert(id, life);
            }
        }
        for (id, life) in left {
            self.timers.stop(Timer::Gateway(id));
            life.probe.into_iter().for_each(|probe| self.forget_errand(probe));
        }
        self.trunks = trunks;
    }

    /// Whether calls may go to a gateway.
    pub(crate) fn gateway_is_up(&self, gateway: &GatewayState) -> bool {
        self.gateways.get(&gateway.id).is_none_or(|life| life.up)
    }

    /// A gateway's OPTIONS is due, or was answered by nobody in time.
    pub(crate) fn gateway_due(&mut self, id: GatewayId) {
        let probe = self.gateways.get_mut(&id).map(|life| life.probe.take());
        match probe {
            Some(Some(silent)) => {
                self.forget_errand(silent);
                self.gateway_heard(id, 408);
            }
            Some(None) => self.probe(id),
            None => {}
        }
    }

    /// An errand is over: was it a gateway's OPTIONS?
    pub(crate) fn gateway_of_probe(&self, errand: ErrandId) -> Option<GatewayId> {
        self.gateways.iter().find(|(_, life)| life.probe == Some(errand)).map(|(id, _)| *id)
    }

    pub(crate) fn gateway_heard(&mut self, id: GatewayId, status: u16) {
        let now_us = self.now_us;
        let Some(life) = self.gateways.get_mut(&id) else { return };
        life.probe = None;
        let Some(trunk) = self.trunks.iter().find(|trunk| trunk.name == life.trunk) else { return };
        if life.heard(status, trunk.options_hysteresis, now_us) {
            tracing::warn!(trunk = life.trunk, gateway = life.address, up = life.up, status, "a gateway changed");
        }
        let interval_ms = trunk.options_interval_ms;
        // A tenth of jitter either way keeps many trunks from speaking at once.
        let wait_ms = interval_ms - interval_ms / 10 + self.dice.next_u64() % (interval_ms / 5 + 1);
        self.start_timer(Timer::Gateway(id), wait_ms);
    }

    fn probe(&mut self, id: GatewayId) {
        let of = |trunk: &crate::trunk::TrunkState| trunk.gateways.iter().any(|gateway| gateway.id == id);
        let Some(trunk) = self.trunks.iter().find(|trunk| of(trunk)) else { return };
        let Some(gateway) = trunk.gateways.iter().find(|gateway| gateway.id == id) else { return };
        let patience_ms = u64::from(trunk.gateway_timeout_ms);
        let uri = format!("sip:{}", gateway.address);
        let own = format!("sip:{}", self.host());
        let party = |uri: &str| Party { display: String::new(), uri: uri.to_string(), user: String::new() };
        let request = OutgoingErrand {
            kind: ErrandKind::Options,
            uri: uri.clone(),
            destination: gateway.way.clone(),
            from: party(&own),
            to: party(&uri),
            call_id: None,
            cseq: 0,
            credentials: None,
        };
        let errand = ErrandId(self.allocate());
        if let Some(life) = self.gateways.get_mut(&id) {
            life.probe = Some(errand);
        }
        // A host name may have several servers, which the endpoint asks in turn: it tells when all were silent.
        let has_one_address = !matches!(request.destination, Destination::Name { .. });
        self.sip(SipCommand::Errand { errand, request: Box::new(request) });
        if has_one_address {
            self.start_timer(Timer::Gateway(id), patience_ms);
        }
    }

    pub(crate) fn forget_errand(&mut self, errand: ErrandId) {
        self.sip(SipCommand::ForgetErrand { errand });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_failures_in_a_row_take_a_gateway_down_and_m_successes_bring_it_back() {
        let mut life = GatewayLife::new("pbx", "192.0.2.9:5060", 0);
        let cases = [
            (408, true),
            (200, true),
            (408, true),
            (503, true),
            (408, false),
            (200, false),
            (408, false),
            (404, false),
            (200, true),
            (405, true),
        ];
        for (at, (status, up)) in cases.into_iter().enumerate() {
            let before = life.up;
            assert_eq!(life.heard(status, (3, 2), at as u64), before != up, "{at}");
            assert_eq!(life.up, up, "{at}: {status}");
        }
        assert_eq!((life.since_us, life.last_status), (8, Some(405)));
    }
}
