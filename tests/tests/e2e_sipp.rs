//! RFC 3665's flows, and some of the RFCs beside it, as SIPp plays them at all sides of baton, over each transport.
//!
//! All flows of a transport run at once against one server, each with ports, numbers and a phone of its own. The
//! scenarios check what they are answered, line by line; here it counts that each comes to its end, and that nothing
//! of any call is left.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use baton_tests::real::{Certificates, Client, Network, SERVER, STRANGER, Server, Sipp, TRUNK, until};
use serde_json::Value;

/// A way to play all flows.
struct Over {
    /// The transport of the listener and of the trunks, as `baton.toml` and `directory.toml` name it.
    transport: &'static str,
    /// SIPp's name for it (`-t`): one socket.
    sipp: &'static str,
    /// Where the server, the trunks and the phones are.
    addresses: [IpAddr; 3],
}

const IPV4: [IpAddr; 3] = [IpAddr::V4(SERVER), IpAddr::V4(TRUNK), IpAddr::V4(STRANGER)];
const IPV6: [IpAddr; 3] = [local_ipv6(1), local_ipv6(2), local_ipv6(3)];

const UDP: Over = Over { transport: "udp", sipp: "u1", addresses: IPV4 };
const TCP: Over = Over { transport: "tcp", sipp: "t1", addresses: IPV4 };
const TLS: Over = Over { transport: "tls", sipp: "l1", addresses: IPV4 };
const UDP_OVER_IPV6: Over = Over { transport: "udp", sipp: "u1", addresses: IPV6 };
const TCP_OVER_IPV6: Over = Over { transport: "tcp", sipp: "t1", addresses: IPV6 };
const TLS_OVER_IPV6: Over = Over { transport: "tls", sipp: "l1", addresses: IPV6 };

/// Where all this takes place.
struct Stage {
    network: Network,
    /// The SIPp that has the transport.
    sipp: PathBuf,
    /// What TLS needs: all parties show the same certificate, which names each of their addresses.
    certificates: Option<Certificates>,
}

/// One SIPp of a flow.
struct Party {
    side: Side,
    /// A file of `sip-fixtures/sipp/`.
    scenario: &'static str,
    /// `CALLED` stands for the number of the flow's first called party, `OTHER` for that of its second, `OTHER_PORT` for
    /// its port, `EXTENSION` for the number of its phone, and `ROOM` for that of the conference room.
    options: &'static str,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    /// Somebody at a trunk's address, at any port.
    Calls,
    /// A trunk of its own, which is called; it has to be there before anybody calls it.
    Called,
    /// A phone, which is known by its password alone.
    Phone,
    /// A phone that registers and is there before anybody calls it. A second scenario takes the calls.
    PhoneWaits,
    /// A colleague's phone that subscribes, and has been told what is true before anybody calls.
    Watches,
}

/// The flows, with where they come from. What the scenarios show stands in them.
const FLOWS: &[(&str, &[Party])] = &[
    ("RFC 3665 §2.1: successful new registration", &[phone("register_new", "-ap secret")]),
    ("RFC 3665 §2.2: update of contact list", &[phone("register_update", "-ap secret")]),
    ("RFC 3665 §2.3: request for current contact list", &[phone("register_query", "-ap secret")]),
    ("RFC 3665 §2.4: cancellation of registration", &[phone("register_cancel", "-ap secret")]),
    ("RFC 3665 §2.5: unsuccessful registration", &[phone("register_wrong_password", "-ap wrong")]),
    ("RFC 3261 §10.2.8: registration too brief", &[phone("register_too_brief", "-ap secret")]),
    (
        "RFC 3665 §3.1: successful session, the caller hangs up",
        &[called("callee_talks", "-d 300"), calls("caller_talks", "-s CALLED -d 500")],
    ),
    (
        "RFC 3665 §3.1: successful session, the callee hangs up",
        &[called("callee_hangs_up", "-d 500"), calls("caller_is_hung_up_on", "-s CALLED")],
    ),
    (
        "RFC 3665 §3.2: from a trunk to a registered phone",
        &[phone_waits("-ap secret -d 6000"), calls("caller_talks", "-s EXTENSION -d 500")],
    ),
    (
        "RFC 4235: a busy lamp, from idle to idle",
        &[
            phone_waits("-ap secret -d 9000"),
            watches("phone_watches", "-ap secret -key watched EXTENSION"),
            calls("caller_talks", "-s EXTENSION -d 1700"),
        ],
    ),
    (
        "RFC 4575, RFC 4579 §5.2: who is in a conference room",
        &[
            watches("phone_watches_room", "-ap secret -key watched ROOM"),
            calls("caller_enters_room", "-s ROOM -d 5600"),
        ],
    ),
    (
        "RFC 3665 §3.3: session with authentication",
        &[called("callee_talks", "-d 300"), phone("phone_is_challenged", "-ap secret -key callee CALLED -d 500")],
    ),
    (
        "RFC 3665 §3.4: a proxy fails, and the next one takes the call",
        &[
            called("callee_is_silent", "-d 5000"),
            called("callee_talks", "-d 300"),
            calls("caller_talks", "-s CALLED -d 500"),
        ],
    ),
    (
        "RFC 3665 §3.6: redirected",
        &[
            called("callee_redirects", "-key moved OTHER_PORT"),
            called("callee_talks", "-d 300"),
            calls("caller_talks", "-s CALLED -d 500"),
        ],
    ),
    (
        "RFC 3665 §3.6: SDP in the ACK",
        &[called("callee_talks", "-d 300"), calls("caller_offers_late", "-s CALLED -d 500")],
    ),
    (
        "RFC 3665 §3.7: re-INVITE that moves the sound",
        &[called("callee_talks", "-d 300"), calls("caller_moves", "-s CALLED -d 300")],
    ),
    (
        "RFC 3665 §3.7: re-INVITEs that hold and resume",
        &[called("callee_talks", "-d 300"), calls("caller_holds", "-s CALLED -d 300")],
    ),
    ("RFC 3665 §3.8: no answer", &[called("callee_is_cancelled", ""), calls("caller_gives_up", "-s CALLED -d 500")]),
    ("RFC 3665 §3.9: busy", &[called("callee_is_busy", ""), calls("caller_meets_busy", "-s CALLED")]),
    (
        "RFC 3665 §3.10: no response",
        &[called("callee_is_silent", "-d 7000"), calls("caller_meets_no_response", "-s CALLED")],
    ),
    (
        "RFC 3665 §3.11: temporarily unavailable",
        &[called("callee_is_unavailable", "-d 500"), calls("caller_meets_unavailable", "-s CALLED")],
    ),
    (
        "RFC 3666 §2.1: early media",
        &[called("callee_gives_early_media", "-d 500"), calls("caller_hears_early_media", "-s CALLED -d 500")],
    ),
    (
        "RFC 3262 §3: a reliable ringing",
        &[called("callee_talks", "-d 500"), calls("caller_wants_prack", "-s CALLED -d 500")],
    ),
    (
        "RFC 3262 §4: early media, reliably",
        &[called("callee_wants_prack", "-d 500"), calls("caller_hears_early_media", "-s CALLED -d 500")],
    ),
    ("RFC 3261 §21.4.5: a number that is none", &[calls("caller_dials_wrong", "-s 7777")]),
    ("RFC 3261 §11: OPTIONS", &[calls("options", "")]),
    (
        "RFC 6086: a digit by INFO, OPTIONS in the dialog",
        &[called("callee_talks", "-d 300"), calls("caller_sends_digit", "-s CALLED -d 300")],
    ),
    ("RFC 3261 §15.1.2: BYEs cross", &[called("callee_hangs_up", "-d 500"), calls("caller_crosses_bye", "-s CALLED")]),
    (
        "RFC 3261 §9.2: CANCEL after the answer",
        &[called("callee_talks", "-d 300"), calls("caller_cancels_too_late", "-s CALLED -d 500")],
    ),
    (
        "RFC 5589 §6: blind transfer by a trunk",
        &[
            called("callee_hangs_up", "-d 4000"),
            called("callee_talks", "-d 500"),
            calls("caller_transfers", "-s CALLED -key target OTHER -d 500"),
        ],
    ),
];

/// The ports of the trunks that are called, two for each flow.
const CALLED_PORTS: u16 = 5100;
/// The phone that watches.
const WATCHER: &str = "watcher";
/// The number of the conference room.
const ROOM: &str = "48100";
/// The ports of all others.
const OTHER_PORTS: u16 = 5300;
/// How long the flows may take, in seconds: a silent callee alone takes 64·T1, which is 6.4 s here.
const FLOWS_S: f64 = 25.0;

#[test]
fn every_flow_over_udp() {
    play(&UDP);
}

#[test]
fn every_flow_over_tcp() {
    play(&TCP);
}

#[test]
fn every_flow_over_tls() {
    play(&TLS);
}

#[test]
fn every_flow_over_udp_and_ipv6() {
    play(&UDP_OVER_IPV6);
}

#[test]
fn every_flow_over_tcp_and_ipv6() {
    play(&TCP_OVER_IPV6);
}

#[test]
fn every_flow_over_tls_and_ipv6() {
    play(&TLS_OVER_IPV6);
}

fn play(over: &Over) {
    let Some(stage) = Stage::set(over) else { return };
    let server = Server::start_with(&stage.network, &node(&stage, over), &directory(over));
    let operator = server.operator();
    let is_first = |side: Side| matches!(side, Side::Called | Side::PhoneWaits | Side::Watches);
    let mut running: Vec<(String, Sipp)> = Vec::new();
    for first in [true, false] {
        let mut called = Vec::new();
        for (flow, (name, parties)) in FLOWS.iter().enumerate() {
            for (at, party) in parties.iter().enumerate().filter(|(_, party)| is_first(party.side) == first) {
                let local = local_address(over, flow, at, party.side);
                // All at the same moment would look like a flood to a server on a busy machine.
                sleep(Duration::from_millis(20));
                running.push((format!("{name}: {}", party.scenario), start(&stage, over, flow, party, local)));
                called.push((party, local, running.len() - 1));
            }
        }
        for (party, local, at) in called.into_iter().filter(|_| first) {
            running.get(at).into_iter().for_each(|(_, sipp)| expect_there(over, party, local, sipp));
        }
        if first {
            expect_shown(over, &operator);
        }
    }
    // Each ends by itself in time, so that all that failed are named.
    let mut failed = Vec::new();
    for (name, sipp) in &mut running {
        let status = sipp.process().expect_end(FLOWS_S + 5.0);
        let errors = sipp.errors();
        // A scenario for calls that come meanwhile (`-oocsf`) fails in SIPp's log alone.
        if !status.success() || errors.contains("Failed regexp") || errors.contains("Aborting call") {
            failed.push(format!("{name}: {status}\n{errors}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    for left in ["calls", "subscriptions"] {
        until(&format!("no {left} to be left"), 10.0, || listed(&operator, left).is_empty());
    }
}

/// The operator sees who watches whom, and by which transport phones and watchers are reached.
#[track_caller]
fn expect_shown(over: &Over, operator: &Client) {
    let watches = listed(operator, "subscriptions");
    let mut shown: Vec<&str> = watches.iter().filter_map(|watch| watch["event"].as_str()).collect();
    shown.sort_unstable();
    assert_eq!(shown, ["conference", "dialog"], "{watches:?}");
    for watch in &watches {
        let flow = watch["flow"].as_str().unwrap_or_default();
        assert!(watch["phone"] == WATCHER && flow.starts_with(over.transport), "{watch}");
    }
    let phones = listed(operator, "registrations");
    assert!(!phones.is_empty() && phones.iter().all(|phone| phone["transport"] == over.transport), "{phones:?}");
}

/// The entries of a list of the API.
fn listed(operator: &Client, list: &str) -> Vec<Value> {
    operator.get(&format!("/api/v1/{list}"))[list].as_array().cloned().unwrap_or_default()
}

impl Over {
    /// Where the server listens.
    fn listener(&self) -> SocketAddr {
        let [server, ..] = self.addresses;
        SocketAddr::new(server, if self.transport == "tls" { 5061 } else { 5060 })
    }
}

impl Stage {
    /// `None` where a network or a SIPp with the transport cannot be had.
    fn set(over: &Over) -> Option<Stage> {
        let network = Network::enter(&["sipp"])?;
        over.addresses.iter().filter(|address| address.is_ipv6()).for_each(|address| network.add_address(*address));
        if over.transport != "tls" {
            return Some(Stage { network, sipp: PathBuf::from("sipp"), certificates: None });
        }
        let certificates = Certificates::new(&network.directory().folder("tls"), &over.addresses);
        Some(Stage { network, sipp: Sipp::with_tls()?, certificates: Some(certificates) })
    }

    /// SIPp's options for TLS. It verifies what it is shown, as the server does.
    fn tls(&self) -> Vec<String> {
        let Some(Certificates { authority, certificate, key }) = &self.certificates else { return Vec::new() };
        let options = [("-tls_ca", authority), ("-tls_cert", certificate), ("-tls_key", key)];
        options.iter().flat_map(|(option, file)| [(*option).to_owned(), file.display().to_string()]).collect()
    }
}

/// Starts a SIPp of a flow.
fn start(stage: &Stage, over: &Over, flow: usize, party: &Party, local: SocketAddr) -> Sipp {
    let timeout = format!("{FLOWS_S}");
    let phone = format!("phone{flow}");
    let calls = Sipp::scenario("phone_answers").display().to_string();
    let tls = stage.tls();
    let mut options = vec!["-t", over.sipp, "-timeout", &timeout, "-timeout_error"];
    options.extend(tls.iter().map(String::as_str));
    match party.side {
        Side::Calls => options.extend(["-key", "caller", "4930123456"]),
        Side::Called => {}
        Side::Phone => options.extend(["-s", &phone, "-au", &phone]),
        Side::Watches => options.extend(["-s", WATCHER, "-au", WATCHER]),
        Side::PhoneWaits => options.extend(["-s", &phone, "-au", &phone, "-oocsf", &calls]),
    }
    let numbers = [0, 1].map(|at| number(called_port(flow, at)));
    let (extension, port) = (extension(flow), called_port(flow, 1).to_string());
    options.extend(party.options.split_whitespace().map(|word| match word {
        "CALLED" => numbers[0].as_str(),
        "OTHER" => numbers[1].as_str(),
        "OTHER_PORT" => port.as_str(),
        "EXTENSION" => extension.as_str(),
        "ROOM" => ROOM,
        other => other,
    }));
    Sipp::start_program(&stage.sipp, &stage.network, party.scenario, local, over.listener(), &options)
}

/// Waits until a party can be called.
#[track_caller]
fn expect_there(over: &Over, party: &Party, local: SocketAddr, sipp: &Sipp) {
    let has_received = |words: &str| sipp.received().iter().any(|line| line.contains(words));
    match party.side {
        Side::PhoneWaits => return until("the phone to be registered", 10.0, || has_received(" 200 ")),
        Side::Watches => return until("the watcher to be told", 10.0, || has_received("NOTIFY")),
        Side::Calls | Side::Called | Side::Phone => {}
    }
    let family = if local.is_ipv6() { "6" } else { "" };
    let transport = if over.transport == "udp" { "udp" } else { "tcp" };
    let table = format!("/proc/thread-self/net/{transport}{family}");
    let port = format!(":{:04X} ", local.port());
    until("SIPp to listen", 10.0, || fs::read_to_string(&table).is_ok_and(|sockets| sockets.contains(&port)));
}

fn local_address(over: &Over, flow: usize, at: usize, side: Side) -> SocketAddr {
    let [_, trunk, phones] = over.addresses;
    let own = OTHER_PORTS + 3 * small(flow) + small(at);
    match side {
        Side::Called => SocketAddr::new(trunk, called_port(flow, small(at))),
        Side::Calls => SocketAddr::new(trunk, own),
        Side::Phone | Side::PhoneWaits | Side::Watches => SocketAddr::new(phones, own),
    }
}

fn called_port(flow: usize, at: u16) -> u16 {
    CALLED_PORTS + 2 * small(flow) + at
}

/// The number that leads to the trunk at a port.
fn number(port: u16) -> String {
    format!("49{port}")
}

/// The number of the agent with a flow's phone.
fn extension(flow: usize) -> String {
    (1000 + flow).to_string()
}

fn small(count: usize) -> u16 {
    u16::try_from(count).expect("a table of some dozen lines")
}

/// A server with brief timers, so that nobody waits for half a minute.
fn node(stage: &Stage, over: &Over) -> String {
    let [server, ..] = over.addresses;
    let (trusted, shown) = stage.certificates.as_ref().map_or_else(Default::default, |files| {
        let Certificates { authority, certificate, key } = files;
        (format!("trusted_ca = {authority:?}"), format!("certificate = {certificate:?}\nprivate_key = {key:?}"))
    });
    format!(
        "[sip]
t1_ms = 100
t2_ms = 800
{trusted}

[[sip.listeners]]
transport = \"{}\"
address = \"{}\"
{shown}

[media]
address = \"{server}\"
ports = [20000, 20999]

[log]
filter = \"debug\"
",
        over.transport,
        over.listener()
    )
}

/// One trunk that calls, known by its address; for each flow two that are called, and an agent with a phone; a phone that
/// watches, and a room to be watched.
fn directory(over: &Over) -> String {
    let [_, trunk, _] = over.addresses;
    let mut text = format!(
        "[[users]]
username = \"admin\"
password = \"admin-secret\"
admin = true

[[users]]
username = \"{WATCHER}\"
password = \"agent-secret\"
phones = [{{ username = \"{WATCHER}\", password = \"secret\" }}]

[[conferences]]
name = \"Room\"

[[numbers]]
number = \"{ROOM}\"
conference = \"Room\"
"
    );
    let mut add_trunk = |name: &str, port: u16, more: &str| {
        let (transport, address) = (over.transport, SocketAddr::new(trunk, port));
        text.push_str(&format!(
            "
[[trunks]]
name = \"{name}\"
address = \"{address}\"
transport = \"{transport}\"
tandem = true
{more}"
        ));
    };
    add_trunk("callers", CALLED_PORTS - 1, &format!("networks = [\"{trunk}\"]\n"));
    for (flow, at) in (0..FLOWS.len()).flat_map(|flow| [(flow, 0), (flow, 1)]) {
        let port = called_port(flow, at);
        let name = format!("called-{port}");
        // Only where one fails in the flow is there another one behind it.
        let next = match FLOWS[flow].0.contains("§3.4") && at == 0 {
            true => format!("alternatives = [\"called-{}\"]\n", called_port(flow, 1)),
            false => String::new(),
        };
        let route = format!("\n[[routes]]\nprefix = \"{}\"\ntrunk = \"{name}\"\n{next}", number(port));
        add_trunk(&name, port, &route);
    }
    for flow in 0..FLOWS.len() {
        text.push_str(&format!(
            "
[[users]]
username = \"agent{flow}\"
password = \"agent-secret\"
extension = \"{}\"
phones = [{{ username = \"phone{flow}\", password = \"secret\" }}]
",
            extension(flow)
        ));
    }
    text
}

const fn calls(scenario: &'static str, options: &'static str) -> Party {
    Party { side: Side::Calls, scenario, options }
}

const fn called(scenario: &'static str, options: &'static str) -> Party {
    Party { side: Side::Called, scenario, options }
}

const fn phone(scenario: &'static str, options: &'static str) -> Party {
    Party { side: Side::Phone, scenario, options }
}

const fn phone_waits(options: &'static str) -> Party {
    Party { side: Side::PhoneWaits, scenario: "phone_waits", options }
}

const fn watches(scenario: &'static str, options: &'static str) -> Party {
    Party { side: Side::Watches, scenario, options }
}

const fn local_ipv6(last: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x77, 0, 0, 0, 0, 0, last))
}
