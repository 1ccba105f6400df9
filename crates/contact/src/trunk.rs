//! Trunks at work: which gateway a call goes to, how many calls there are, and whether one more may come.

use serde::{Deserialize, Serialize};

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use baton_sdp::{Codec, LocalHold};
use baton_sip::wire::Uri;
use baton_sip::{Credentials, Destination as Way, Transport};
use rand_chacha::rand_core::RngCore;

use crate::desk::Desk;
use crate::directory::{
    AudioCodec, CallerIdHeader, EarlyMedia, Gateway, HoldSignal, NumberPlan, RedirectPolicy, ReferPolicy,
    TransferPolicy, TrombonePolicy, Trunk, TrunkTransport,
};
use crate::health::GatewayId;
use crate::history::Telling;
use crate::leg::{Device, Leg};
use crate::registrar::plain_name;

/// What a call costs in the bucket of calls per second: a token, in millionths.
const TOKEN: u64 = 1_000_000;

/// A trunk, ready for calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrunkState {
    pub(crate) name: String,
    pub(crate) gateways: Vec<GatewayState>,
    pub(crate) gateway_timeout_ms: u32,
    /// 0: no OPTIONS.
    pub(crate) options_interval_ms: u64,
    /// So many failures in a row take a gateway down, so many answers bring it back.
    pub(crate) options_hysteresis: (u32, u32),
    /// The account by which its calls prove themselves.
    pub(crate) inbound_username: Option<String>,
    /// The hosts that are the trunk: of its gateways, of its registrar, and those in its certificate.
    pub(crate) hosts: BTreeSet<String>,
    pub(crate) numbers: Option<NumberPlan>,
    pub(crate) caller_id_in: CallerIdHeader,
    pub(crate) caller_id_out: CallerIdHeader,
    /// Empty: the node's.
    pub(crate) codecs: Vec<Codec>,
    pub(crate) ptime_ms: Option<u8>,
    pub(crate) early_media: EarlyMedia,
    pub(crate) redirect: RedirectPolicy,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) refer: ReferPolicy,
    pub(crate) transfer: TransferPolicy,
    pub(crate) trombones: TrombonePolicy,
    pub(crate) hold: LocalHold,
    pub(crate) telling: Telling,
    pub(crate) tandem: bool,
    pub(crate) security_profile: Option<String>,
    pub(crate) max_calls: u32,
    pub(crate) max_calls_in: u32,
    pub(crate) max_calls_out: u32,
    pub(crate) calls_per_second: Option<u32>,
}

/// A gateway, ready for calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GatewayState {
    /// Its life in [`Desk::gateways`].
    pub(crate) id: GatewayId,
    pub(crate) address: String,
    pub(crate) way: Way,
    pub(crate) priority: u16,
    pub(crate) weight: u16,
}

impl GatewayState {
    /// Whether calls go to it by TLS, whatever the DNS says.
    pub(crate) fn is_secured(&self) -> bool {
        let (Way::Address { transport, .. } | Way::Name { transport: Some(transport), .. }) = &self.way else {
            return false;
        };
        transport.is_secure()
    }
}

/// What is counted of a trunk; it outlives changes of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct TrunkLife {
    pub(crate) calls_in: u32,
    pub(crate) calls_out: u32,
    /// Customers that the trunk was asked to take back: those that it took, and those that were bridged here instead.
    pub(crate) handed_back: u64,
    pub(crate) bridged_instead: u64,
    /// Calls whose legs were both the trunk's.
    pub(crate) trombones: u64,
    bucket: Bucket,
}

/// Whose call it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The trunk's.
    In,
    /// Ours.
    Out,
}

/// Tokens for new calls: as many as may come in one second, refilled evenly.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Bucket {
    /// In millionths of a token.
    spent: u64,
    at_us: u64,
}

impl Bucket {
    fn refill(&mut self, now_us: u64, per_second: u32) {
        let back = now_us.saturating_sub(self.at_us).saturating_mul(u64::from(per_second));
        self.spent = self.spent.saturating_sub(back);
        self.at_us = now_us;
    }

    fn has_token(&self, now_us: u64, per_second: u32) -> bool {
        let mut later = self.clone();
        later.refill(now_us, per_second);
        later.spent + TOKEN <= u64::from(per_second) * TOKEN
    }

    fn take(&mut self, now_us: u64, per_second: u32) {
        self.refill(now_us, per_second);
        self.spent += TOKEN;
    }
}

/// In lower case, IPv6 addresses in brackets.
fn hosts_of(trunk: &Trunk) -> BTreeSet<String> {
    let gateways = trunk.all_gateways().into_iter().map(|gateway| format!("sip:{}", gateway.address));
    let registrar = trunk.register.iter().map(|register| register.aor.clone());
    let uris = gateways.chain(registrar).filter_map(|uri| Uri::parse(&uri).ok());
    let hosts = uris.filter_map(|uri| Some(plain_name(&uri.as_sip()?.host.to_string())));
    hosts.chain(trunk.certificate_names.iter().map(|name| plain_name(name))).collect()
}

impl TrunkState {
    pub(crate) fn of(trunk: &Trunk) -> Self {
        trunk.numbers.iter().for_each(NumberPlan::warm_up);
        let credentials = trunk
            .username
            .clone()
            .map(|username| Credentials { username, password: trunk.password.clone().unwrap_or_default() });
        TrunkState {
            name: trunk.name.clone(),
            gateways: trunk
                .all_gateways()
                .iter()
                .map(|gateway| gateway_state(gateway, &trunk.certificate_names))
                .collect(),
            gateway_timeout_ms: trunk.gateway_timeout_seconds.saturating_mul(1_000),
            options_interval_ms: u64::from(trunk.options_interval_seconds) * 1_000,
            options_hysteresis: (trunk.options_failures, trunk.options_successes),
            inbound_username: trunk.inbound_username.clone(),
            hosts: hosts_of(trunk),
            numbers: trunk.numbers.clone(),
            caller_id_in: trunk.caller_id_in,
            caller_id_out: trunk.caller_id_out,
            codecs: trunk.codecs.iter().map(|codec| codec_of(*codec)).collect(),
            ptime_ms: trunk.ptime,
            early_media: trunk.early_media,
            redirect: trunk.redirect,
            credentials,
            refer: trunk.refer,
            transfer: trunk.transfer,
            trombones: trunk.trombones,
            hold: local_hold(trunk.hold),
            telling: Telling { history: trunk.history, of_others: trunk.history_of_others },
            tandem: trunk.tandem,
            security_profile: trunk.security_profile.clone(),
            max_calls: trunk.max_calls,
            max_calls_in: trunk.max_calls_in.unwrap_or(trunk.max_calls),
            max_calls_out: trunk.max_calls_out.unwrap_or(trunk.max_calls),
            calls_per_second: trunk.calls_per_second,
        }
    }
}

fn local_hold(signal: HoldSignal) -> LocalHold {
    match signal {
        HoldSignal::None => LocalHold::None,
        HoldSignal::SendOnly => LocalHold::SendOnly,
        HoldSignal::Inactive => LocalHold::Inactive,
        HoldSignal::ZeroAddress => LocalHold::ZeroAddress,
    }
}

fn codec_of(codec: AudioCodec) -> Codec {
    match codec {
        AudioCodec::Pcmu => Codec::Pcmu,
        AudioCodec::Pcma => Codec::Pcma,
    }
}

impl Desk {
    /// The trunk that a device is.
    pub(crate) fn trunk_of(&self, device: &Device) -> Option<&TrunkState> {
        match device {
            Device::Trunk(name) => self.trunk(name),
            Device::Phone(_) | Device::Room(_) => None,
        }
    }

    pub(crate) fn trunk(&self, name: &str) -> Option<&TrunkState> {
        self.trunks.iter().find(|trunk| trunk.name == name)
    }

    /// Whether a trunk may take one call more, now.
    pub(crate) fn trunk_has_room(&self, name: &str, direction: Direction) -> bool {
        let Some(trunk) = self.trunk(name) else { return false };
        let none = TrunkLife::default();
        let life = self.trunk_lives.get(name).unwrap_or(&none);
        let (count, most) = match direction {
            Direction::In => (life.calls_in, trunk.max_calls_in),
            Direction::Out => (life.calls_out, trunk.max_calls_out),
        };
        let paced = trunk.calls_per_second.is_none_or(|most| life.bucket.has_token(self.now_us, most));
        let reachable = direction == Direction::In || self.trunk_is_up(trunk);
        reachable && life.calls_in + life.calls_out < trunk.max_calls && count < most && paced
    }

    /// Whether any gateway of a trunk takes calls, as far as is known.
    pub(crate) fn trunk_is_up(&self, trunk: &TrunkState) -> bool {
        trunk.gateways.iter().any(|gateway| self.gateway_is_up(gateway))
    }

    /// A call of a trunk begins.
    pub(crate) fn count_trunk_call(&mut self, name: &str, direction: Direction) {
        let per_second = self.trunk(name).and_then(|trunk| trunk.calls_per_second);
        let now_us = self.now_us;
        let life = self.trunk_lives.entry(name.to_string()).or_default();
        match direction {
            Direction::In => life.calls_in += 1,
            Direction::Out => life.calls_out += 1,
        }
        if let Some(per_second) = per_second {
            life.bucket.take(now_us, per_second);
        }
    }

    /// The trunk has taken a customer back, or it has not.
    pub(crate) fn count_take_back(&mut self, name: &str, taken: bool) {
        let life = self.trunk_lives.entry(name.to_string()).or_default();
        *(if taken { &mut life.handed_back } else { &mut life.bridged_instead }) += 1;
    }

    pub(crate) fn count_trombone(&mut self, name: &str) {
        self.trunk_lives.entry(name.to_string()).or_default().trombones += 1;
    }

    /// A leg is over: if it was a trunk's, the trunk has one call less.
    pub(crate) fn release_trunk_call(&mut self, leg: &Leg) {
        self.discharge(leg);
        let Device::Trunk(name) = &leg.device else { return };
        let Some(life) = self.trunk_lives.get_mut(name) else { return };
        let calls = if leg.came_in() { &mut life.calls_in } else { &mut life.calls_out };
        *calls = calls.saturating_sub(1);
        if life.calls_in + life.calls_out == 0 && self.trunk(name).is_none() {
            self.trunk_lives.remove(name);
        }
    }

    /// A trunk's gateways that are up, in the order in which a call tries them.
    pub(crate) fn gateways_in_order(&mut self, trunk: &str) -> Vec<GatewayState> {
        let gateways = self.trunk(trunk).map(|trunk| trunk.gateways.as_slice()).unwrap_or_default();
        let up = gateways.iter().filter(|gateway| self.gateway_is_up(gateway)).cloned().collect();
        let dice = &mut self.dice;
        in_order(up, |sum| dice.next_u64() % (sum + 1))
    }
}

/// The order of RFC 2782: by priority; within one, each next by a draw in which a gateway's chance is its weight's part of
/// what is left. `draw` gives a number from 0 to its argument, both possible.
fn in_order(mut gateways: Vec<GatewayState>, mut draw: impl FnMut(u64) -> u64) -> Vec<GatewayState> {
    // Those of weight 0 stand first, so that they are drawn by 0 alone.
    gateways.sort_by_key(|gateway| (gateway.priority, gateway.weight > 0));
    let mut ordered = Vec::with_capacity(gateways.len());
    while let Some(priority) = gateways.first().map(|first| first.priority) {
        let of_one = gateways.iter().take_while(|gateway| gateway.priority == priority);
        let drawn = draw(of_one.clone().map(|gateway| u64::from(gateway.weight)).sum());
        let mut running = 0;
        let at = of_one.clone().position(|gateway| {
            running += u64::from(gateway.weight);
            running >= drawn
        });
        ordered.push(gateways.remove(at.unwrap_or_default()));
    }
    ordered
}

fn gateway_state(gateway: &Gateway, certificate_names: &[String]) -> GatewayState {
    let transport = match gateway.transport {
        TrunkTransport::Udp => Some(Transport::Udp),
        TrunkTransport::Tcp => Some(Transport::Tcp),
        TrunkTransport::Tls => Some(Transport::Tls),
        TrunkTransport::Auto => None,
    };
    GatewayState {
        // Given when the directory is taken over.
        id: GatewayId(0),
        address: gateway.address.clone(),
        way: way_to(&gateway.address, transport, certificate_names),
        priority: gateway.priority,
        weight: gateway.weight,
    }
}

/// Without a transport the DNS names it, and without a port the servers (RFC 3263 §4.1, §4.2).
fn way_to(address: &str, transport: Option<Transport>, certificate_names: &[String]) -> Way {
    let fixed = transport.unwrap_or(Transport::Udp);
    let at_port = || Some(SocketAddr::new(address.parse::<IpAddr>().ok()?, fixed.standard_port()));
    if let Some(remote) = address.parse().ok().or_else(at_port) {
        // Such a trunk can be told from others at its address by its certificate alone.
        let shows = certificate_names.iter().map(|name| plain_name(name)).collect();
        return Way::Address { transport: fixed, remote, shows };
    }
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().unwrap_or(fixed.standard_port()))),
        None => (address, None),
    };
    Way::Name { transport, host: host.to_string(), port }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateways(all: &[(&str, u16, u16)]) -> Vec<GatewayState> {
        let gateway = |(address, priority, weight): &(&str, u16, u16)| {
            let (priority, weight) = (*priority, *weight);
            gateway_state(&Gateway { address: address.to_string(), priority, weight, ..Gateway::default() }, &[])
        };
        all.iter().map(gateway).collect()
    }

    fn names(ordered: &[GatewayState]) -> String {
        ordered.iter().map(|gateway| gateway.address.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn priority_goes_before_weight_and_the_draw_decides_within_one() {
        let all = [("b", 20, 9), ("a1", 10, 1), ("a2", 10, 3), ("a0", 10, 0)];
        let cases: [(&[u64], &str); 4] = [
            (&[0, 0, 0, 0], "a0 a1 a2 b"),
            (&[1, 0, 0, 0], "a1 a0 a2 b"),
            (&[2, 1, 0, 0], "a2 a1 a0 b"),
            (&[4, 1, 0, 0], "a2 a1 a0 b"),
        ];
        for (draws, expected) in cases {
            let mut draws = draws.iter().copied();
            let ordered = in_order(gateways(&all), |sum| draws.next().unwrap_or_default().min(sum));
            assert_eq!(names(&ordered), expected);
        }
    }

    #[test]
    fn weights_share_the_calls() {
        let mut number = 0;
        let all = [("light", 10, 1), ("heavy", 10, 3)];
        let mut heavy = 0;
        for _ in 0..1_000 {
            let draw = |sum| {
                number += 1;
                number % (sum + 1)
            };
            heavy += u32::from(names(&in_order(gateways(&all), draw)).starts_with("heavy"));
        }
        assert!((550..850).contains(&heavy), "{heavy}");
    }

    #[test]
    fn calls_per_second_come_from_a_bucket_that_refills_evenly() {
        let mut bucket = Bucket::default();
        let start_us = 1_000_000_000;
        for _ in 0..2 {
            assert!(bucket.has_token(start_us, 2));
            bucket.take(start_us, 2);
        }
        let cases = [(0, false), (499_999, false), (500_000, true), (1_000_000, true)];
        for (after_us, expected) in cases {
            assert_eq!(bucket.has_token(start_us + after_us, 2), expected, "{after_us}");
        }
        bucket.take(start_us + 500_000, 2);
        assert!(!bucket.has_token(start_us + 500_000, 2));
    }
}
