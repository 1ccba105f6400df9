//! Where a host name leads (RFC 3263 §4.1, §4.2): which services are asked for, and in which order what the DNS says is tried.
//! The driver asks the DNS and brings the dice; what to ask and what to make of it is decided here.

use crate::interface::Transport;

/// A NAPTR record (RFC 3403 §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naptr {
    /// Lower ones first; higher ones only when none of the lower can be used.
    pub order: u16,
    /// Lower ones first.
    pub preference: u16,
    /// `s`: the replacement is a name for SRV.
    pub flags: String,
    /// `SIP+D2U`, `SIP+D2T`.
    pub service: String,
    /// The name to ask for.
    pub replacement: String,
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// Lower ones first; higher ones only when the lower have failed.
    pub priority: u16,
    /// How often it is the first of its priority.
    pub weight: u16,
    /// The port.
    pub port: u16,
    /// The host; `.` when there is no such service.
    pub target: String,
}

/// The name under which a host's SRV records for a transport are (RFC 3263 §4.1).
pub fn srv_name(transport: Transport, host: &str) -> String {
    let label = match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_ws._tcp",
        Transport::Wss => "_wss._tcp",
    };
    format!("{label}.{host}")
}

/// The services that NAPTR records name, those that we support, best first: a transport and a name for SRV (RFC 3263 §4.1).
pub fn services(records: &[Naptr], supported: &[Transport]) -> Vec<(Transport, String)> {
    let mut usable: Vec<(&Naptr, Transport)> = records
        .iter()
        .filter(|record| record.flags.eq_ignore_ascii_case("s"))
        .filter_map(|record| Some((record, transport_of(&record.service)?)))
        .filter(|(_, transport)| supported.contains(transport))
        .collect();
    usable.sort_by_key(|(record, _)| (record.order, record.preference));
    usable.into_iter().map(|(record, transport)| (transport, record.replacement.clone())).collect()
}

fn transport_of(service: &str) -> Option<Transport> {
    match service.to_ascii_uppercase().as_str() {
        "SIP+D2U" => Some(Transport::Udp),
        "SIP+D2T" => Some(Transport::Tcp),
        "SIPS+D2T" => Some(Transport::Tls),
        _ => None,
    }
}

/// Servers in the order in which they are tried (RFC 2782): by priority, within one by lot, weighted. `dice` gives a number
/// from 0 to below its argument, which is not 0. A service that does not exist (`.`) has no servers.
pub fn order(mut servers: Vec<Srv>, mut dice: impl FnMut(u64) -> u64) -> Vec<Srv> {
    servers.retain(|server| server.target != ".");
    // Those of weight 0 first, so that they have a small chance beside others.
    servers.sort_by_key(|server| (server.priority, server.weight));
    let mut ordered = Vec::with_capacity(servers.len());
    while let Some(priority) = servers.first().map(|server| server.priority) {
        let group = servers.iter().take_while(|server| server.priority == priority);
        let whole: u64 = group.clone().map(|server| u64::from(server.weight)).sum();
        let lot = dice(whole + 1);
        let mut sum = 0;
        let chosen = group.map(|server| {
            sum += u64::from(server.weight);
            sum
        });
        let chosen = chosen.into_iter().position(|sum| sum >= lot).unwrap_or(0);
        ordered.push(servers.remove(chosen));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naptr(order: u16, preference: u16, flags: &str, service: &str) -> Naptr {
        let replacement = format!("{service}.{order}.{preference}");
        Naptr { order, preference, flags: flags.into(), service: service.into(), replacement }
    }

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 5_060, target: target.into() }
    }

    #[test]
    fn rfc3263_4_1_supported_services_come_in_order_of_order_and_preference() {
        let records = [
            naptr(90, 50, "s", "SIP+D2T"),
            naptr(50, 60, "S", "sip+d2u"),
            naptr(99, 50, "s", "SIPS+D2T"),
            naptr(50, 50, "u", "SIP+D2T"),
            naptr(50, 50, "s", "E2U+email"),
            naptr(90, 40, "s", "SIP+D2U"),
        ];
        let both = [Transport::Udp, Transport::Tcp];
        let expected = [
            (Transport::Udp, "sip+d2u.50.60".to_owned()),
            (Transport::Udp, "SIP+D2U.90.40".to_owned()),
            (Transport::Tcp, "SIP+D2T.90.50".to_owned()),
        ];
        assert_eq!(services(&records, &both), expected);
        assert_eq!(services(&records, &[Transport::Tcp]), expected[2..]);
        let secured = [(Transport::Tls, "SIPS+D2T.99.50".to_owned())];
        assert_eq!(services(&records, &[Transport::Tls]), secured);
        assert!(services(&records[2..5], &both).is_empty());
    }

    #[test]
    fn rfc2782_priorities_come_in_order_and_weights_by_lot() {
        let servers = || vec![srv(20, 0, "last"), srv(10, 60, "big"), srv(10, 20, "small"), srv(10, 0, "zero")];
        let ordered = |lots: &[u64]| {
            let mut lots = lots.iter().copied();
            let mut bounds = Vec::new();
            let names: Vec<_> = order(servers(), |bound| {
                bounds.push(bound);
                lots.next().unwrap_or(0)
            })
            .into_iter()
            .map(|server| server.target)
            .collect();
            (names, bounds)
        };
        let (names, bounds) = ordered(&[80, 20]);
        assert_eq!(names, ["big", "small", "zero", "last"]);
        assert_eq!(bounds, [81, 21, 1, 1]);
        assert_eq!(ordered(&[0, 1]).0, ["zero", "small", "big", "last"]);
        assert_eq!(ordered(&[20, 0]).0, ["small", "zero", "big", "last"]);
    }

    #[test]
    fn a_weight_is_how_often_a_server_is_first() {
        let mut first = [0u32; 2];
        for lot in 1..=8_100u64 {
            let ordered = order(vec![srv(1, 60, "a"), srv(1, 20, "b")], |bound| lot % bound);
            first[usize::from(ordered[0].target == "b")] += 1;
        }
        assert!((5_900..6_200).contains(&first[0]), "{first:?}");
    }

    #[test]
    fn rfc2782_a_service_that_does_not_exist_has_no_servers() {
        assert!(order(vec![srv(0, 0, ".")], |_| 0).is_empty());
        assert!(order(Vec::new(), |_| 0).is_empty());
    }
}
