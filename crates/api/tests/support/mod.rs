//! A server with a fake core, store and directory, and one helper that asks it.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use baton_api::{
    ApiConfig, CallError, Calls, DirectoryChange, DirectoryChangeKind, DirectoryDiff, DirectoryFailure, DirectoryStore,
    EventHub, Records, RecordsError, RecordsPage, Services, password, router,
};
use baton_contact::command::{Command, Query, Refusal, RefusalKind, Reply};
use baton_contact::directory::{Directory, DirectoryError, Phone, Queue, QuickConnectType, Route, Trunk, User};
use baton_contact::event::{ContactEvent, EventKind, InitiationMethod};
use baton_contact::snapshot::{
    AgentActivity, AgentSnapshot, BanView, CallSummary, ConferenceView, ConnectionSnapshot, ConnectionState,
    ConnectionType, ContactSnapshot, ContactState, GatewayView, QueueView, QuickConnectView, RegistrationView,
    SubscriptionView, TrunkView,
};
use baton_contact::{ConnectionId, ContactId};
use futures_util::future::BoxFuture;
use serde_json::Value;
use serde_json::value::RawValue;
use tower::ServiceExt;

pub const OPERATOR: &str = "the-operator-token";
pub const PASSWORD: &str = "correct horse battery staple";
/// Anna's contact.
pub const CONTACT: &str = "00000000-0000-0000-0000-000000000001";
/// Ben's contact.
pub const OTHER: &str = "00000000-0000-0000-0000-000000000002";

// The API takes its clock as a plain function; every test binary has one clock, each test its own thread of it.
thread_local! {
    static NOW_MS: AtomicU64 = const { AtomicU64::new(1_000_000) };
}

pub fn now_ms() -> u64 {
    NOW_MS.with(|now| now.load(Ordering::Relaxed))
}

pub fn advance_ms(by: u64) {
    NOW_MS.with(|now| now.fetch_add(by, Ordering::Relaxed));
}

/// Answers every command in its kind, and remembers it.
#[derive(Default)]
pub struct FakeCalls {
    pub commands: Mutex<Vec<Command>>,
    pub refuse: Mutex<Option<CallError>>,
    pub hang: Mutex<bool>,
    /// Ends the hanging of those that hang now.
    pub go_on: Arc<tokio::sync::Notify>,
}

impl Calls for FakeCalls {
    fn command(&self, command: Command) -> BoxFuture<'static, Result<Reply, CallError>> {
        self.commands.lock().unwrap().push(command.clone());
        let refused = self.refuse.lock().unwrap().clone();
        let hang = *self.hang.lock().unwrap();
        let go_on = Arc::clone(&self.go_on);
        Box::pin(async move {
            if hang {
                go_on.notified().await;
            }
            match refused {
                Some(error) => Err(error),
                None => Ok(reply(&command)),
            }
        })
    }
}

fn reply(command: &Command) -> Reply {
    match command {
        Command::Control { contact, .. } | Command::Query(Query::Contact(contact)) => {
            Reply::Contact(Box::new(contact_snapshot(*contact)))
        }
        Command::Dial { .. } | Command::Supervise { .. } => Reply::Contact(Box::new(contact_snapshot(ContactId(9)))),
        Command::SetStatus { agent, status } => {
            Reply::Agent(Box::new(AgentSnapshot { status: status.clone(), ..agent_snapshot(agent) }))
        }
        Command::Query(Query::Agent(agent)) => Reply::Agent(Box::new(agent_snapshot(agent))),
        Command::Query(Query::Agents) => Reply::Agents(vec![agent_snapshot("anna"), agent_snapshot("ben")]),
        Command::Query(Query::Calls) => Reply::Calls(vec![CallSummary {
            contact_id: ContactId(1),
            conference: None,
            since_ms: 5,
            connections: vec![connection(ContactId(1), "anna")],
        }]),
        Command::Conference { room, .. } | Command::Query(Query::Conference { room, .. }) => {
            Reply::Conference(Box::new(conference_view(room)))
        }
        Command::Query(Query::Conferences(_)) => Reply::Conferences(vec![conference_view("room")]),
        Command::Query(Query::Queues) => Reply::Queues(vec![queue_view()]),
        Command::Query(Query::Registrations) => Reply::Registrations(vec![registration()]),
        Command::Query(Query::Subscriptions { after, limit }) => {
            let later = [1, 3].into_iter().filter(|id| id > after).take(usize::from(*limit));
            Reply::Subscriptions(later.map(subscription).collect())
        }
        Command::Query(Query::Bans) => Reply::Bans(vec![ban_view()]),
        Command::Query(Query::Trunks) => Reply::Trunks(vec![trunk_view()]),
        Command::Query(Query::QuickConnects(_)) => Reply::QuickConnects(vec![quick_connect_view()]),
        Command::Unregister { .. }
        | Command::LiftBan { .. }
        | Command::SetDirectory(_)
        | Command::Drain
        | Command::EndAll => Reply::Done,
    }
}

pub fn connection(contact_id: ContactId, agent: &str) -> ConnectionSnapshot {
    ConnectionSnapshot {
        connection_id: ConnectionId(7),
        contact_id,
        kind: ConnectionType::Agent,
        initial: false,
        state: ConnectionState::Connected,
        muted: false,
        address: "anna-1".into(),
        name: "Anna".into(),
        agent: Some(agent.into()),
        outcome: Some("busy".into()),
        sip_status: Some(486),
        whispers_to: None,
        since_ms: 5,
    }
}

pub fn contact_snapshot(contact_id: ContactId) -> ContactSnapshot {
    let agent = if contact_id == ContactId(2) { "ben" } else { "anna" };
    ContactSnapshot {
        contact_id,
        initial_contact_id: Some(ContactId(3)),
        previous_contact_id: None,
        next_contact_id: None,
        revision: 4,
        initiation_method: InitiationMethod::Inbound,
        state: ContactState::Connected,
        since_ms: 5,
        agent: Some(agent.into()),
        queue: Some("Support".into()),
        customer: Some("+4930123456".into()),
        recall: None,
        connections: vec![connection(contact_id, agent)],
        controls: vec!["hold".into()],
        attributes: BTreeMap::from([("ticket".into(), "4711".into())]),
    }
}

pub fn agent_snapshot(username: &str) -> AgentSnapshot {
    AgentSnapshot {
        username: username.into(),
        name: username.to_uppercase(),
        revision: 3,
        status: "Available".into(),
        next_status: None,
        activity: AgentActivity::OnContact,
        routable: false,
        since_ms: 5,
        devices: 1,
        contacts: vec![contact_snapshot(ContactId(if username == "ben" { 2 } else { 1 }))],
    }
}

pub fn conference_view(name: &str) -> ConferenceView {
    ConferenceView {
        name: name.to_owned(),
        numbers: vec!["800".to_owned()],
        max_parties: 16,
        ad_hoc: false,
        parties: 1,
        connections: contact_snapshot(ContactId(9)).connections,
    }
}

fn queue_view() -> QueueView {
    QueueView {
        name: "Support".into(),
        waiting: 2,
        longest_wait_ms: 3,
        estimated_wait_ms: 4,
        agents_free: 5,
        agents_staffed: 6,
    }
}

pub fn registration() -> RegistrationView {
    RegistrationView {
        phone: "anna-1".into(),
        agent: Some("anna".into()),
        contact: "sip:anna-1@192.0.2.1".into(),
        flow: "udp:192.0.2.1:5060".into(),
        transport: "udp".into(),
        instance: Some("<urn:uuid:1>".into()),
        reg_id: Some(1),
        path: vec!["<sip:edge.example;lr>".into()],
        expires_at_ms: 9,
        user_agent: None,
    }
}

pub fn subscription(subscription_id: u64) -> SubscriptionView {
    SubscriptionView {
        subscription_id,
        phone: "anna-1".into(),
        agent: Some("anna".into()),
        event: "dialog".into(),
        watched: "sip:102@192.0.2.9".into(),
        flow: "udp:192.0.2.1:5060".into(),
        expires_at_ms: 1,
    }
}

pub fn ban_view() -> BanView {
    BanView {
        address: "203.0.113.5".into(),
        prefix: 32,
        reason: "scanner".into(),
        since_ms: 1,
        until_ms: 300_001,
        count: 1,
    }
}

pub fn trunk_view() -> TrunkView {
    let address = "192.0.2.9:5060".into();
    let gateway =
        GatewayView { address, priority: 0, weight: 1, up: true, monitored: true, last_status: Some(200), since_ms: 1 };
    let (name, gateways) = ("pbx".into(), vec![gateway]);
    TrunkView {
        name,
        calls: 1,
        calls_in: 1,
        calls_out: 0,
        max_calls: 10,
        handed_back: 0,
        bridged_instead: 0,
        trombones: 0,
        gateways,
        registration: None,
    }
}

pub fn quick_connect_view() -> QuickConnectView {
    QuickConnectView {
        quick_connect_id: "Second line".into(),
        name: "Second line".into(),
        description: String::new(),
        kind: QuickConnectType::Queue,
        phone_number: None,
        activity: None,
        available: true,
        queue: Some(queue_view()),
    }
}

pub fn event(contact: u128, sequence: u64, kind: EventKind) -> ContactEvent {
    let contact_id = ContactId(contact);
    ContactEvent { contact_id, root_contact_id: contact_id, sequence, at_ms: 10_000 + sequence, kind }
}

/// Contact 1 is Anna's, contact 2 Ben's; there are no others.
pub struct FakeRecords;

fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).unwrap()
}

fn record(contact: ContactId) -> Option<Box<RawValue>> {
    let agent = match contact.0 {
        1 => "anna",
        2 => "ben",
        _ => return None,
    };
    Some(raw(format!(r#"{{"ContactId":"{contact}","Agent":{{"Username":"{agent}"}},"Baton":{{"Revision":1}}}}"#)))
}

impl Records for FakeRecords {
    fn record(&self, contact: ContactId) -> Result<Option<Box<RawValue>>, RecordsError> {
        if contact.0 == 66 {
            return Err(RecordsError("the disk is gone".into()));
        }
        Ok(record(contact))
    }

    fn records_after(&self, cursor: u64, limit: usize) -> Result<RecordsPage, RecordsError> {
        let all = [(10, 1), (20, 2)];
        let page: Vec<_> = all.into_iter().filter(|(at, _)| *at > cursor).take(limit).collect();
        let next_cursor = page.last().map_or(cursor, |(at, _)| *at);
        Ok(RecordsPage { records: page.into_iter().filter_map(|(_, id)| record(ContactId(id))).collect(), next_cursor })
    }

    fn conversation(&self, root: ContactId) -> Result<Vec<Box<RawValue>>, RecordsError> {
        if root.0 != 1 {
            return Ok(Vec::new());
        }
        Ok([1, 2].into_iter().filter_map(|id| record(ContactId(id))).collect())
    }

    fn summary(&self, _: ContactId) -> Result<Option<Box<RawValue>>, RecordsError> {
        Ok(Some(raw(r#"{"Outcome":"COMPLETED"}"#.into())))
    }

    fn events(&self, contact: ContactId) -> Result<Vec<ContactEvent>, RecordsError> {
        let agent = match contact.0 {
            1 => "anna",
            2 => "ben",
            _ => return Ok(Vec::new()),
        };
        let connected = EventKind::ConnectedToAgent { agent: agent.into(), routing_profile: None };
        Ok(vec![event(contact.0, 1, EventKind::ConnectedToSystem), event(contact.0, 2, connected)])
    }
}

/// Keeps a directory; refuses users of unknown routing profiles.
pub struct FakeDirectory {
    pub state: Mutex<(u64, Arc<Directory>)>,
    /// How many changes somebody else makes just before ours.
    pub quicker: Mutex<u32>,
}

impl DirectoryStore for FakeDirectory {
    fn current(&self) -> (u64, Arc<Directory>) {
        self.state.lock().unwrap().clone()
    }

    fn apply(
        &self,
        directory: Directory,
        base: Option<u64>,
        dry_run: bool,
    ) -> BoxFuture<'static, Result<DirectoryDiff, DirectoryFailure>> {
        let mut state = self.state.lock().unwrap();
        let mut quicker = self.quicker.lock().unwrap();
        if *quicker > 0 {
            *quicker -= 1;
            state.0 += 1;
        }
        let outcome = apply(&mut state, directory, base, dry_run);
        Box::pin(async move { outcome })
    }
}

fn apply(
    state: &mut (u64, Arc<Directory>),
    directory: Directory,
    base: Option<u64>,
    dry_run: bool,
) -> Result<DirectoryDiff, DirectoryFailure> {
    if base.is_some_and(|base| base != state.0) {
        return Err(DirectoryFailure::Conflict);
    }
    let unknown = |user: &&User| user.routing_profile.is_some();
    if let Some(user) = directory.users.iter().find(unknown) {
        return Err(DirectoryFailure::Invalid(vec![DirectoryError {
            table: "users".into(),
            entry: user.username.clone(),
            key: "routingProfile".into(),
            message: "there is no such routing profile".into(),
            hint: None,
        }]));
    }
    let mut changes = Vec::new();
    for queue in &directory.queues {
        if state.1.queue(&queue.name).is_none() {
            let (table, entry) = ("queues".to_owned(), queue.name.clone());
            changes.push(DirectoryChange { table, entry, change: DirectoryChangeKind::Added, keys: Vec::new() });
        }
    }
    if !dry_run {
        *state = (state.0 + 1, Arc::new(directory));
    }
    Ok(DirectoryDiff { revision: state.0, changes })
}

pub fn directory() -> Directory {
    static HASH: OnceLock<String> = OnceLock::new();
    let hash = HASH.get_or_init(|| password::hash(PASSWORD, [3; 16]).unwrap());
    let user = |username: &str, admin| User {
        username: username.into(),
        name: username.to_uppercase(),
        password_hash: Some(hash.clone()),
        admin,
        ..User::default()
    };
    let phone = Phone { username: "anna-1".into(), ha1_md5: Some("ha1-of-anna".into()), ..Phone::default() };
    let mut anna = user("anna", false);
    anna.phones.push(phone);
    Directory {
        users: vec![anna, user("ben", false), user("boss", true)],
        queues: vec![Queue { name: "Support".into(), ..Queue::default() }],
        trunks: vec![Trunk { name: "pbx".into(), password: Some("trunk-secret".into()), ..Trunk::default() }],
        routes: vec![Route { trunk: "pbx".into(), ..Route::default() }],
        ..Directory::default()
    }
}

/// The server under test.
pub struct Api {
    pub router: Router,
    pub calls: Arc<FakeCalls>,
    pub directory: Arc<FakeDirectory>,
    pub hub: Arc<EventHub>,
    pub services: Services,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub json: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Status and the last part of the problem's type.
    pub fn problem(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        assert_eq!(self.json["status"], self.status.as_u16());
        assert!(!self.json["detail"].as_str().unwrap().is_empty());
        let kind = self.json["type"].as_str().unwrap();
        (self.status.as_u16(), kind.strip_prefix("urn:baton:problem:").unwrap())
    }
}

impl Api {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        let calls = Arc::new(FakeCalls::default());
        let directory =
            Arc::new(FakeDirectory { state: Mutex::new((1, Arc::new(directory()))), quicker: Mutex::default() });
        let hub = Arc::new(EventHub::new(1));
        let services = Services {
            calls: Arc::<FakeCalls>::clone(&calls),
            reader: Arc::new(FakeRecords),
            directory: Arc::<FakeDirectory>::clone(&directory),
            hub: Arc::clone(&hub),
            trace: Arc::default(),
            metrics: Arc::new(|| "baton_calls 3\n".to_owned()),
            ready: Arc::new(|| Ok(())),
            now_ms,
        };
        let mut config =
            ApiConfig { operator_token_hash: Some(password::token_hash(OPERATOR)), ..ApiConfig::default() };
        change(&mut config);
        Api { router: router(services.clone(), config), calls, directory, hub, services }
    }

    /// The same services behind a new router, as after a restart.
    pub fn restarted(&self) -> Router {
        let config = ApiConfig { seed: [9; 32], ..ApiConfig::default() };
        router(self.services.clone(), config)
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    pub async fn ask(&self, method: &str, path: &str, token: &str, body: &str) -> Answer {
        self.send(request(method, path, token, body, &[])).await
    }

    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask("GET", path, token, "").await
    }

    pub async fn keyed(&self, key: &str, method: &str, path: &str, token: &str, body: &str) -> Answer {
        self.send(request(method, path, token, body, &[("idempotency-key", key)])).await
    }

    /// Logs in and gives the token.
    pub async fn log_in(&self, username: &str) -> String {
        let answer = self.try_log_in(username, PASSWORD).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json["token"].as_str().unwrap().to_owned()
    }

    pub async fn try_log_in(&self, username: &str, password: &str) -> Answer {
        let body = serde_json::json!({"username": username, "password": password}).to_string();
        self.ask("POST", "/api/v1/sessions", "", &body).await
    }

    pub fn commands(&self) -> Vec<Command> {
        std::mem::take(&mut *self.calls.commands.lock().unwrap())
    }

    pub fn refuse(&self, kind: RefusalKind) {
        let snapshot = Some(Box::new(contact_snapshot(ContactId(1))));
        let refusal = Refusal { kind, detail: "because".into(), snapshot };
        *self.calls.refuse.lock().unwrap() = Some(refusal.into());
    }
}

pub fn request(method: &str, path: &str, token: &str, body: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, text, json }
}
