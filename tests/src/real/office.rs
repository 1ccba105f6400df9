//! A contact centre in which a test takes place: a server with its directory, three desks, a trunk.

use std::net::SocketAddrV4;

use serde_json::{Value, json};

use super::baresip::Baresip;
use super::http::{Answer, Client};
use super::linphone::Linphone;
use super::network::{Host, Network};
use super::server::Server;
use super::tone::TONES_HZ;
use super::trunk::TrunkCall;
use super::wait::{until, until_some};
use super::{Account, SERVER, WhenRung};

/// The number that leads to the queue.
pub const SUPPORT: &str = "4930900100";

/// The customer's number.
pub const CUSTOMER: &str = "4930123456";

/// The number of the quick connect "Outside", which goes out over the trunk.
pub const OUTSIDE: &str = "4940555000";

/// The port at which the trunk takes calls.
const TRUNK_PORT: u16 = 5090;

/// The tones: those of the agents by their number, then the customer's, then the outside party's.
pub const CUSTOMER_HZ: u32 = TONES_HZ[4];

/// See [`CUSTOMER_HZ`].
pub const OUTSIDE_HZ: u32 = TONES_HZ[5];

/// The directory: three agents in one queue, each with a phone, quick connects of each kind, a trunk.
const BUSINESS: &str = r#"
[[queues]]
name = "Support"
extension = "2001"
outboundCallerId = "4930900100"
quickConnects = ["Agent one", "Agent two", "Agent three", "Second line", "Outside"]

[[queues]]
name = "Second line"
extension = "2002"

[[routingProfiles]]
name = "Support"
defaultOutboundQueue = "Support"
queues = [{ queue = "Support" }]

[[routingProfiles]]
name = "Second line"
defaultOutboundQueue = "Support"
queues = [{ queue = "Second line" }]

[[quickConnects]]
name = "Agent one"
type = "USER"
user = "agent1"

[[quickConnects]]
name = "Agent two"
type = "USER"
user = "agent2"

[[quickConnects]]
name = "Agent three"
type = "USER"
user = "agent3"

[[quickConnects]]
name = "Second line"
type = "QUEUE"
queue = "Second line"

[[quickConnects]]
name = "Outside"
type = "PHONE_NUMBER"
phoneNumber = "4940555000"

[[trunks]]
name = "pbx"
address = "10.77.0.2:5090"
networks = ["10.77.0.2/32"]
tandem = true

[[numbers]]
number = "4930900100"
queue = "Support"

[[conferences]]
name = "Monday"

[[numbers]]
number = "4930900200"
conference = "Monday"

[[routes]]
prefix = "49"
trunk = "pbx"

[[users]]
username = "admin"
password = "admin-secret"
admin = true
"#;

/// The contact centre.
#[derive(Debug)]
pub struct Office {
    /// The server.
    pub server: Server,
    hosts: [Host; 3],
    network: Network,
}

/// An agent as its panel sees it.
#[derive(Debug)]
pub struct Agent {
    client: Client,
    name: String,
}

impl Office {
    /// Opens it, in a network that the test's thread is in from now on. `None` as of [`Network::enter`].
    pub fn open() -> Option<Office> {
        Office::open_with(|business| business)
    }

    /// As [`Office::open`], with a change to the directory's TOML text.
    pub fn open_with(change: impl FnOnce(String) -> String) -> Option<Office> {
        let network = Network::enter(&["baresip", "linphonec", "sipp"])?;
        let hosts = [("desk1", 11), ("desk2", 12), ("desk3", 13)].map(|(name, last)| network.host(name, last));
        let server = Server::start(&network, &change(business()));
        Some(Office { server, hosts, network })
    }

    /// Agent 1, 2 or 3 gets baresip, which registers.
    pub fn baresip(&self, agent: usize, rung: WhenRung) -> Baresip {
        let (host, account) = self.desk(agent);
        let phone = Baresip::start(&self.network, host, &account, tone_of(agent), rung);
        phone.expect_registered();
        phone
    }

    /// Agent 1, 2 or 3 gets baresip, which registers and watches the presence of these.
    pub fn baresip_watching(&self, agent: usize, watched: &[String]) -> Baresip {
        let (host, account) = self.desk(agent);
        let phone = Baresip::start_watching(&self.network, host, &account, tone_of(agent), WhenRung::Answer, watched);
        phone.expect_registered();
        phone
    }

    /// Agent 1, 2 or 3 gets linphonec, which registers.
    pub fn linphone(&self, agent: usize, rung: WhenRung) -> Linphone {
        let (host, account) = self.desk(agent);
        let phone = Linphone::start(&self.network, host, &account, tone_of(agent), rung);
        phone.expect_registered();
        phone
    }

    /// The customer calls a number. Each call takes a port of its own from 5080 on.
    pub fn customer_calls(&self, port: u16, number: &str) -> TrunkCall {
        let server = SocketAddrV4::new(SERVER, 5060);
        TrunkCall::calling(&self.network, port, server, number, CUSTOMER, CUSTOMER_HZ)
    }

    /// Somebody outside waits for a call over the trunk, rings for so long and answers.
    pub fn outside_waits(&self, ring_ms: u32) -> TrunkCall {
        TrunkCall::answering(&self.network, TRUNK_PORT, ring_ms, OUTSIDE_HZ)
    }

    /// The desk's machine.
    pub fn host(&self, agent: usize) -> &Host {
        self.desk(agent).0
    }

    /// Agent 1, 2 or 3 logs in at its panel.
    #[track_caller]
    pub fn log_in(&self, agent: usize) -> Agent {
        let name = format!("agent{agent}");
        let client = self.server.log_in(&name, &password(agent));
        Agent { client, name }
    }

    /// All agents log in. They become available one after the other: the first has been idle longest.
    #[track_caller]
    pub fn all_available(&self, agents: &[usize]) -> Vec<Agent> {
        let agents: Vec<Agent> = agents.iter().map(|&agent| self.log_in(agent)).collect();
        for status in ["Offline", "Available"] {
            for agent in &agents {
                agent.choose(status);
            }
        }
        agents
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The records so far, in the order of their last change.
    #[track_caller]
    pub fn records(&self) -> Vec<Value> {
        let page = self.server.operator().get("/api/v1/records?after=0");
        page["records"].as_array().cloned().expect("a page of records")
    }

    /// Waits until so many contacts have their record, and gives them, the root first.
    #[track_caller]
    pub fn expect_records(&self, count: usize) -> Vec<Value> {
        let mut records = until_some(&format!("{count} records"), 10.0, || {
            let records = self.records();
            (records.len() >= count).then_some(records)
        });
        assert_eq!(records.len(), count, "{records:#?}");
        records.sort_by_key(|record| record["Baton"]["Timeline"][0]["Timestamp"].to_string());
        records.sort_by_key(|record| record["InitialContactId"].is_string());
        records
    }

    /// Waits until nothing is left of any call.
    #[track_caller]
    pub fn expect_quiet(&self) {
        let operator = self.server.operator();
        until("all calls to be over", 10.0, || {
            let calls = operator.get("/api/v1/calls");
            let calls = calls.get("calls").unwrap_or(&calls);
            calls.as_array().is_some_and(Vec::is_empty)
        });
    }

    fn desk(&self, agent: usize) -> (&Host, Account) {
        let host = self.hosts.get(agent - 1).expect("agents are numbered 1 to 3");
        (host, Account::registered(&format!("agent{agent}"), &password(agent)))
    }
}

impl Agent {
    /// Chooses a status.
    #[track_caller]
    pub fn choose(&self, status: &str) {
        self.client.put("/api/v1/agents/me/status", &json!({"status": status}));
    }

    /// What its panel shows.
    #[track_caller]
    pub fn panel(&self) -> Value {
        self.client.get("/api/v1/agents/me")
    }

    /// Waits until its contact is in this state (`incoming`, `connected`, `acw` …) and gives the contact's snapshot.
    #[track_caller]
    pub fn expect_contact(&self, state: &str) -> Value {
        let mut seen = Value::Null;
        let start = super::wait::now();
        loop {
            let panel = self.panel();
            let contact = panel["contacts"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
            if contact["state"] == state {
                return contact;
            }
            if contact != seen {
                seen = contact;
            }
            assert!(start.elapsed().as_secs() < 10, "{}'s contact is not {state}, but {seen:#}", self.name);
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// Waits until the contact shows a connection for which this holds, and gives it.
    #[track_caller]
    pub fn expect_connection(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        until_some(&format!("{} to see {what}", self.name), 10.0, || {
            let panel = self.panel();
            let contact = panel["contacts"].as_array()?.last()?.clone();
            contact["connections"].as_array()?.iter().rev().find(|connection| holds(connection)).cloned()
        })
    }

    /// Presses a button of the contact: `hold`, `swap`, `join`, `leave`, `clear` …
    #[track_caller]
    pub fn press(&self, button: &str) -> Value {
        let contact = self.contact_id();
        self.client.post(&format!("/api/v1/contacts/{contact}/{button}"), &Value::Null)
    }

    /// Presses a button, which may be refused.
    #[track_caller]
    pub fn try_press(&self, button: &str) -> Answer {
        let contact = self.contact_id();
        self.client.ask("POST", &format!("/api/v1/contacts/{contact}/{button}"), &Value::Null)
    }

    /// Brings somebody in: `{"quickConnectId": …}`, `{"phoneNumber": …}`, `{"agent": …}`, with a `mode`.
    #[track_caller]
    pub fn add(&self, target: &Value) -> Value {
        let contact = self.contact_id();
        self.client.post(&format!("/api/v1/contacts/{contact}/connections"), target)
    }

    /// Presses a button of one party: `hold`, `resume`, `mute`, `unmute`, `drop`.
    #[track_caller]
    pub fn press_for(&self, connection: &Value, button: &str) -> Value {
        let contact = self.contact_id();
        let connection = &connection["connectionId"];
        self.client.post(&format!("/api/v1/contacts/{contact}/connections/{connection}/{button}"), &Value::Null)
    }

    /// Dials out: its own phone rings first.
    #[track_caller]
    pub fn dial(&self, target: &Value) -> Value {
        self.client.post("/api/v1/contacts", target)
    }

    /// Waits until nothing of a contact is left on its panel.
    #[track_caller]
    pub fn expect_free(&self) {
        until(&format!("{} to have no contact", self.name), 10.0, || {
            self.panel()["contacts"].as_array().is_some_and(Vec::is_empty)
        });
    }

    /// Its client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    #[track_caller]
    fn contact_id(&self) -> String {
        let panel = self.panel();
        let contact = panel["contacts"].as_array().and_then(|all| all.last());
        let contact = contact.unwrap_or_else(|| panic!("{} has no contact: {panel:#}", self.name));
        contact["contactId"].as_str().expect("an id").to_owned()
    }
}

/// The tone of agent 1, 2 or 3.
pub fn tone_of(agent: usize) -> u32 {
    *TONES_HZ.get(agent - 1).expect("agents are numbered 1 to 3")
}

fn password(agent: usize) -> String {
    format!("agent{agent}-secret")
}

/// Agents 1 and 2 serve Support, agent 3 the second line.
fn business() -> String {
    let mut text = BUSINESS.to_owned();
    for (agent, profile) in [(1, "Support"), (2, "Support"), (3, "Second line")] {
        let password = password(agent);
        text.push_str(&format!(
            "
[[users]]
username = \"agent{agent}\"
name = \"Agent {agent}\"
password = \"{password}\"
routingProfile = \"{profile}\"
extension = \"100{agent}\"
phones = [{{ username = \"agent{agent}\", password = \"{password}\" }}]
"
        ));
    }
    text
}
