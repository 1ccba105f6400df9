//! The office that every test works in: three agents, two queues, one trunk.

use std::net::SocketAddr;

use baton_contact::Config;
use baton_contact::directory::{
    Conference, Directory, Number, Phone, ProfileQueue, Queue, QuickConnect, QuickConnectType, Route, RoutingProfile,
    Trunk, User,
};
use baton_sip::digest::{Algorithm, ha1};
use baton_sip::{Listener, ListenerId, Transport};

use super::BATON;

/// The number that leads to the queue *support*.
pub const SUPPORT: &str = "+4989222";
/// The bank, outside.
pub const BANK: &str = "+49404040";
/// The plumber, outside.
pub const PLUMBER: &str = "+49505050";
/// The trunk's address.
pub const TRUNK: ([u8; 4], u16) = ([192, 0, 2, 9], 5060);

/// The name by which tests know an outside number.
pub fn who(number: &str) -> &str {
    match number {
        BANK => "bank",
        PLUMBER => "plumber",
        other => other,
    }
}

/// The SIP account of an agent's phone.
pub fn account(agent: &str) -> String {
    format!("{agent}-desk")
}

pub fn password(agent: &str) -> String {
    format!("{agent}'s secret")
}

pub fn config() -> Config {
    let address = SocketAddr::from(BATON);
    let listener = Listener {
        id: ListenerId(0),
        transport: Transport::Udp,
        local: address,
        advertised: address,
        verifies_peers: false,
    };
    Config {
        sip: baton_sip::Config { listeners: vec![listener], ..baton_sip::Config::default() },
        media_ports: (20_000, 20_199),
        ..Config::default()
    }
}

/// A phone of an agent.
pub fn phone(username: &str, agent: &str) -> Phone {
    let hash = |algorithm| Some(ha1(username, "baton", &password(agent), algorithm));
    let (ha1_md5, ha1_sha256) = (hash(Algorithm::Md5), hash(Algorithm::Sha256));
    Phone { username: username.into(), password: None, ha1_md5, ha1_sha256 }
}

fn user(name: &str, extension: &str) -> User {
    let phone = phone(&account(name), name);
    User {
        username: name.into(),
        name: name.into(),
        routing_profile: Some("support".into()),
        extension: Some(extension.into()),
        phones: vec![phone],
        ..User::default()
    }
}

fn quick(name: &str, kind: QuickConnectType) -> QuickConnect {
    QuickConnect { name: name.into(), kind, ..QuickConnect::default() }
}

pub fn directory() -> Directory {
    let profile = |name: &str, queues: &[&str]| RoutingProfile {
        name: name.into(),
        default_outbound_queue: Some("support".into()),
        queues: (queues.iter().zip(1..))
            .map(|(queue, priority)| ProfileQueue { queue: queue.to_string(), priority, delay_seconds: 0 })
            .collect(),
    };
    Directory {
        users: vec![
            user("anna", "101"),
            User { routing_profile: None, ..user("bert", "102") },
            User { routing_profile: Some("sales".into()), ..user("carla", "103") },
        ],
        queues: vec![
            Queue {
                name: "support".into(),
                outbound_caller_id: Some(SUPPORT.into()),
                quick_connects: ["Bert", "Carla", "Sales", "Bank"].map(String::from).to_vec(),
                ..Queue::default()
            },
            Queue { name: "sales".into(), extension: Some("200".into()), ..Queue::default() },
        ],
        routing_profiles: vec![profile("support", &["support"]), profile("sales", &["sales"])],
        quick_connects: vec![
            QuickConnect { user: Some("bert".into()), ..quick("Bert", QuickConnectType::User) },
            QuickConnect { user: Some("carla".into()), ..quick("Carla", QuickConnectType::User) },
            QuickConnect { queue: Some("sales".into()), ..quick("Sales", QuickConnectType::Queue) },
            QuickConnect { phone_number: Some(BANK.into()), ..quick("Bank", QuickConnectType::PhoneNumber) },
        ],
        trunks: vec![Trunk {
            name: "pbx".into(),
            address: SocketAddr::from(TRUNK).to_string(),
            tandem: true,
            max_calls: 100,
            ..Trunk::default()
        }],
        numbers: vec![
            Number { number: SUPPORT.into(), queue: Some("support".into()), ..Number::default() },
            Number { number: "800".into(), conference: Some("room".into()), ..Number::default() },
        ],
        routes: vec![Route { prefix: "+".into(), trunk: "pbx".into(), ..Route::default() }],
        conferences: vec![Conference { name: "room".into(), max_parties: 8 }],
        ..Directory::default()
    }
}
