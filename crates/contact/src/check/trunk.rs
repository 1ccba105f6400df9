//! What makes a trunk valid.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{Findings, Place, is_host_and_port, is_host_name};
use crate::country::Country;
use crate::directory::{NumberFormat, Trunk, Unprefixed, parse_network};

/// Most gateways of a trunk: more is a name that resolves to several addresses.
const GATEWAYS_MAX: usize = 16;

/// Most names of certificates by which a trunk is known.
const CERTIFICATE_NAMES_MAX: usize = 16;

impl Findings {
    pub(super) fn trunk(&mut self, trunk: &Trunk) {
        let place = Place { table: "trunks", entry: &trunk.name };
        self.name(place, "name", &trunk.name);
        self.gateways(place, trunk);
        self.networks(place, trunk);
        self.certificate_names(place, trunk);
        if trunk.password.is_some() && trunk.username.is_none() {
            self.add(place, "username", "a trunk with a password needs a username".into(), None);
        }
        if trunk.username.as_deref().is_some_and(str::is_empty) {
            self.add(place, "username", "the user name is empty".into(), None);
        }
        self.inbound_account(place, trunk);
        self.register(place, trunk);
        self.security_profile_of(place, trunk.security_profile.as_deref());
        if trunk.options_interval_seconds > 0 {
            self.range(place, "optionsIntervalSeconds", u64::from(trunk.options_interval_seconds), 5, 3_600);
        }
        self.range(place, "optionsFailures", u64::from(trunk.options_failures), 1, 10);
        self.range(place, "optionsSuccesses", u64::from(trunk.options_successes), 1, 10);
        self.range(place, "gatewayTimeoutSeconds", u64::from(trunk.gateway_timeout_seconds), 1, 30);
        self.caps(place, trunk);
        self.number_plan(place, trunk);
        if trunk.ptime.is_some_and(|ptime| !matches!(ptime, 10 | 20 | 30 | 40 | 60)) {
            self.add(place, "ptime", "a packet time is 10, 20, 30, 40 or 60 ms".into(), None);
        }
        if (trunk.codecs.iter().enumerate()).any(|(at, codec)| trunk.codecs[..at].contains(codec)) {
            self.add(place, "codecs", "a codec is named twice".into(), None);
        }
    }

    fn inbound_account(&mut self, place: Place<'_>, trunk: &Trunk) {
        match (&trunk.inbound_username, &trunk.inbound_password) {
            (Some(_), None) => {
                self.add(place, "inboundPassword", "`inboundUsername` needs its `inboundPassword`".into(), None);
            }
            (None, Some(_)) => {
                self.add(place, "inboundUsername", "`inboundPassword` needs its `inboundUsername`".into(), None);
            }
            (Some(name), _) if name.is_empty() || name.len() > 64 => {
                self.add(place, "inboundUsername", "a user name has 1 to 64 characters".into(), None);
            }
            _ => {}
        }
    }

    fn register(&mut self, place: Place<'_>, trunk: &Trunk) {
        let Some(register) = &trunk.register else { return };
        let user_and_domain = register.aor.strip_prefix("sip:").and_then(|rest| rest.split_once('@'));
        let fits =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"<>\"@?;".contains(c));
        if !user_and_domain.is_some_and(|(user, domain)| fits(user) && fits(domain)) || register.aor.len() > 255 {
            let message = format!("\"{}\" is not sip:user@domain", register.aor);
            self.add(place, "register.aor", message, None);
        }
        self.range(place, "register.expiresSeconds", u64::from(register.expires_seconds), 60, 86_400);
    }

    fn gateways(&mut self, place: Place<'_>, trunk: &Trunk) {
        if trunk.gateways.is_empty() {
            return self.gateway_address(place, "address", &trunk.address);
        }
        if !trunk.address.is_empty() {
            let message = "`address` names the only gateway; with `gateways` it stays away".to_owned();
            self.add(place, "gateways", message, None);
        }
        if trunk.gateways.len() > GATEWAYS_MAX {
            self.add(place, "gateways", format!("a trunk has at most {GATEWAYS_MAX} gateways"), None);
        }
        let mut seen = BTreeSet::new();
        for (index, gateway) in trunk.gateways.iter().enumerate() {
            let key = format!("gateways[{index}].address");
            self.gateway_address(place, &key, &gateway.address);
            if !seen.insert(&gateway.address) {
                self.add(place, &key, format!("the gateway {} is there twice", gateway.address), None);
            }
        }
    }

    fn gateway_address(&mut self, place: Place<'_>, key: &str, address: &str) {
        if !is_host_and_port(address) {
            let message = format!("\"{address}\" is not host:port (an IPv6 address stands in brackets)");
            self.add(place, key, message, None);
        }
    }

    fn networks(&mut self, place: Place<'_>, trunk: &Trunk) {
        for (index, network) in trunk.networks.iter().enumerate() {
            if parse_network(network).is_none() {
                let message = format!("\"{network}\" is not address/prefix or address/prefix:port");
                self.add(place, &format!("networks[{index}]"), message, None);
            }
        }
        let by_name = trunk.all_gateways().iter().any(|gateway| gateway.address.parse::<SocketAddr>().is_err());
        let known_otherwise =
            trunk.inbound_username.is_some() || trunk.register.is_some() || !trunk.certificate_names.is_empty();
        if trunk.networks.is_empty() && by_name && !known_otherwise {
            let message = "a trunk whose address is a host name needs its networks, or certificateNames".to_owned();
            self.add(place, "networks", message, None);
        }
    }

    fn certificate_names(&mut self, place: Place<'_>, trunk: &Trunk) {
        if trunk.certificate_names.len() > CERTIFICATE_NAMES_MAX {
            let message = format!("a trunk is known by at most {CERTIFICATE_NAMES_MAX} names");
            self.add(place, "certificateNames", message, None);
        }
        for (index, name) in trunk.certificate_names.iter().enumerate() {
            if is_host_name(name) {
                continue;
            }
            let message = match name.contains('*') {
                true => format!("\"{name}\": no wildcard stands for a name (RFC 5922 §7.2); list each"),
                false => format!("\"{name}\" is not a host name, as a certificate bears it"),
            };
            // A URI was copied from the certificate: its host is meant.
            let rest = name.split_once(':').map_or("", |(_, rest)| rest.trim_start_matches('/'));
            let host = rest.split([':', ';', '/']).next();
            let hint = host.filter(|host| is_host_name(host)).map(str::to_owned);
            self.add(place, &format!("certificateNames[{index}]"), message, hint);
        }
    }

    fn number_plan(&mut self, place: Place<'_>, trunk: &Trunk) {
        let Some(plan) = &trunk.numbers else { return };
        let dial_plan = plan.country.as_deref().and_then(Country::of);
        match &plan.country {
            Some(country) if dial_plan.is_none() => {
                let message = format!("\"{country}\" is not a region of ISO 3166, such as DE");
                let capitals = country.to_ascii_uppercase();
                // What people call it before they look it up.
                let meant = if capitals == "UK" { "GB".to_owned() } else { capitals };
                let hint = Some(meant).filter(|region| Country::of(region).is_some());
                self.add(place, "numbers.country", message, hint);
            }
            Some(_) => {}
            None => {
                let national = [
                    ("nationalPrefix", plan.national_prefix.is_some()),
                    ("unprefixed", plan.unprefixed == Unprefixed::National),
                    ("format", plan.format == NumberFormat::National),
                ];
                for (key, _) in national.into_iter().filter(|(_, is_national)| *is_national) {
                    let message = "national numbers are of a country: give the `country`".to_owned();
                    self.add(place, &format!("numbers.{key}"), message, None);
                }
            }
        }
        let is_written = matches!(plan.format, NumberFormat::National | NumberFormat::International);
        let is_chosen = dial_plan.is_some_and(|country| country.international_prefix().is_none());
        if is_written && is_chosen && plan.international_prefix.is_none() {
            let message =
                "in this country the international prefix names a carrier: say which is to be written".to_owned();
            self.add(place, "numbers.internationalPrefix", message, None);
        }
        let prefixes =
            [("nationalPrefix", &plan.national_prefix, 0), ("internationalPrefix", &plan.international_prefix, 1)];
        for (key, prefix, least) in prefixes {
            let Some(prefix) = prefix else { continue };
            if !(least..=8).contains(&prefix.len()) || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
                let message = format!("\"{prefix}\" is not a prefix: {least} to 8 digits");
                self.add(place, &format!("numbers.{key}"), message, None);
            }
        }
        if plan.national_prefix.is_some() && plan.national_prefix == plan.international_prefix {
            let message = "both prefixes are the same: nobody could tell such numbers apart".to_owned();
            self.add(place, "numbers.nationalPrefix", message, None);
        }
    }

    fn caps(&mut self, place: Place<'_>, trunk: &Trunk) {
        self.range(place, "maxCalls", u64::from(trunk.max_calls), 1, 20_000);
        let caps = [
            ("maxCallsIn", trunk.max_calls_in, 0, 20_000),
            ("maxCallsOut", trunk.max_calls_out, 0, 20_000),
            ("callsPerSecond", trunk.calls_per_second, 1, 10_000),
        ];
        for (key, cap, least, most) in caps {
            cap.into_iter().for_each(|cap| self.range(place, key, u64::from(cap), least, most));
        }
    }
}
