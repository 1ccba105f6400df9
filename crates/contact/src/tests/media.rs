//! Which address the other side is told to send its sound to.

use std::net::{IpAddr, SocketAddr};

use baton_sip::{Destination as Way, Flow, Listener, ListenerId, Transport};

use super::world::World;

#[test]
fn each_leg_is_told_the_media_address_of_its_own_listener() {
    let listener = |id, transport, local: &str, advertised: &str| Listener {
        id: ListenerId(id),
        transport,
        local: local.parse().unwrap(),
        advertised: advertised.parse().unwrap(),
        verifies_peers: false,
    };
    let mut world = World::new(&[]);
    world.desk.config.sip.listeners = vec![
        listener(0, Transport::Udp, "10.0.0.1:5060", "203.0.113.1:5060"),
        listener(1, Transport::Udp, "10.0.1.1:5060", "10.0.1.1:5060"),
        listener(2, Transport::Udp, "[2001:db8::1]:5060", "[2001:db8::f]:5060"),
        listener(3, Transport::Tls, "10.0.0.1:5061", "203.0.113.2:5061"),
    ];
    let flow = |listener| {
        let remote = "192.0.2.9:5060".parse().unwrap();
        Way::Flow(Flow { transport: Transport::Udp, listener: ListenerId(listener), remote, connection: None })
    };
    let address = |transport, remote: &str| Way::address(transport, remote.parse::<SocketAddr>().unwrap());
    let name = |transport| Way::Name { transport, host: "pbx.example.com".into(), port: Some(5060) };
    let ways = [
        (flow(0), "0.0.0.0", "203.0.113.1"),
        (flow(1), "0.0.0.0", "10.0.1.1"),
        (flow(2), "2001:db8::1", "2001:db8::f"),
        (address(Transport::Udp, "192.0.2.9:5060"), "0.0.0.0", "203.0.113.1"),
        (address(Transport::Udp, "[2001:db8::9]:5060"), "2001:db8::1", "2001:db8::f"),
        (name(Some(Transport::Tls)), "0.0.0.0", "203.0.113.2"),
        // Nothing leads there; the call fails below.
        (name(Some(Transport::Tcp)), "0.0.0.0", "203.0.113.1"),
    ];
    let parsed = |text: &str| text.parse::<IpAddr>().unwrap();
    for (way, bound, told) in &ways {
        assert_eq!(world.desk.media_addresses(way), (parsed(bound), parsed(told)), "{way:?}");
    }
    // An address of the configuration is told everywhere in its family.
    world.desk.config.media_advertised = Some(parsed("198.51.100.1"));
    assert_eq!(world.desk.media_addresses(&ways[1].0).1, parsed("198.51.100.1"));
    assert_eq!(world.desk.media_addresses(&ways[2].0).1, parsed("2001:db8::f"));
}
