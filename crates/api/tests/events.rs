//! The WebSocket, over loopback.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use baton_api::Happening;
use baton_contact::event::{ContactEvent, EventKind};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use support::{Api, OPERATOR, advance_ms, agent_snapshot, event};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Long enough for loopback on a busy machine; only failures wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn serve(api: &Api) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = api.router.clone().into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    address
}

async fn connect(address: SocketAddr, query: &str, header: (&'static str, String)) -> Result<Socket, Error> {
    let mut request = format!("ws://{address}/api/v1/events{query}").into_client_request().unwrap();
    request.headers_mut().insert(header.0, header.1.parse().unwrap());
    tokio_tungstenite::connect_async(request).await.map(|(socket, _)| socket)
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

async fn next(socket: &mut Socket) -> Message {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time").expect("open").unwrap();
        if !message.is_ping() {
            return message;
        }
    }
}

async fn json(socket: &mut Socket) -> Value {
    let message = next(socket).await;
    serde_json::from_str(message.to_text().unwrap()).unwrap_or_else(|_| panic!("{message:?}"))
}

async fn close_code(socket: &mut Socket) -> u16 {
    match next(socket).await {
        Message::Close(Some(frame)) => frame.code.into(),
        other => panic!("{other:?}"),
    }
}

fn offered(agent: &str) -> EventKind {
    EventKind::Offered { agent: agent.into() }
}

fn tell(api: &Api, event: ContactEvent) {
    api.hub.push([Happening::Event(Box::new(event))]);
}

#[tokio::test]
async fn an_agent_gets_its_snapshot_then_its_own_events() {
    let api = Api::new();
    let address = serve(&api).await;
    let token = api.log_in("anna").await;
    let protocols = ("sec-websocket-protocol", format!("baton.v1, bearer.{token}"));
    let mut socket = connect(address, "", protocols).await.unwrap();
    let snapshot = json(&mut socket).await;
    assert_eq!((&snapshot["type"], &snapshot["cursor"]), (&"snapshot".into(), &1_000.into()));
    assert_eq!(
        (&snapshot["agents"][0]["username"], snapshot["agents"].as_array().map(Vec::len)),
        (&"anna".into(), Some(1))
    );
    tell(&api, event(2, 1, offered("ben")));
    tell(&api, event(1, 1, offered("anna")));
    api.hub.push([Happening::Agent(Box::new(agent_snapshot("ben")))]);
    api.hub.push([Happening::Agent(Box::new(agent_snapshot("anna")))]);
    let first = json(&mut socket).await;
    assert_eq!(
        (&first["type"], &first["cursor"], &first["event"]["agent"]),
        (&"event".into(), &1_002.into(), &"anna".into())
    );
    let second = json(&mut socket).await;
    assert_eq!((&second["type"], &second["cursor"]), (&"agent".into(), &1_004.into()));
    assert_eq!(second["agent"]["username"], "anna");
}

#[tokio::test]
async fn an_administrator_gets_all() {
    let api = Api::new();
    let address = serve(&api).await;
    let mut socket = connect(address, "", bearer(OPERATOR)).await.unwrap();
    assert_eq!(json(&mut socket).await["agents"].as_array().map(Vec::len), Some(2));
    for n in 0..200 {
        tell(&api, event(n % 2 + 1, 1, EventKind::Swapped));
    }
    for n in 1..=200 {
        assert_eq!(json(&mut socket).await["cursor"], 1_000 + n);
    }
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing() {
    let api = Api::new();
    let address = serve(&api).await;
    for n in 1..=3 {
        tell(&api, event(1, n, EventKind::Swapped));
    }
    let mut socket = connect(address, "?after=1001", bearer(OPERATOR)).await.unwrap();
    assert_eq!(json(&mut socket).await["cursor"], 1_002);
    assert_eq!(json(&mut socket).await["cursor"], 1_003);
    tell(&api, event(1, 4, EventKind::Joined));
    assert_eq!(json(&mut socket).await["cursor"], 1_004);
}

#[tokio::test]
async fn a_client_that_was_away_too_long_begins_anew() {
    let api = Api::new();
    let address = serve(&api).await;
    tell(&api, event(1, 1, EventKind::Swapped));
    for after in ["999", "1002", "0"] {
        let mut socket = connect(address, &format!("?after={after}"), bearer(OPERATOR)).await.unwrap();
        assert_eq!(json(&mut socket).await, serde_json::json!({"type": "reset"}));
        let snapshot = json(&mut socket).await;
        assert_eq!((&snapshot["type"], &snapshot["cursor"]), (&"snapshot".into(), &1_001.into()));
    }
}

#[tokio::test]
async fn who_may_not_is_told_before_the_upgrade() {
    let api = Api::with(|config| {
        config.limits.sockets_per_user_max = 1;
        config.limits.sockets_max = 2;
    });
    let address = serve(&api).await;
    let refused = async |query: &str, header| match connect(address, query, header).await {
        Err(Error::Http(response)) => response.status().as_u16(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused("", bearer("wrong")).await, 401);
    assert_eq!(refused("", ("sec-websocket-protocol", "baton.v1".into())).await, 401);
    assert_eq!(refused(&format!("?token={OPERATOR}"), bearer(OPERATOR)).await, 400);
    assert_eq!(refused("?after=x", bearer(OPERATOR)).await, 400);
    let _first = connect(address, "", bearer(OPERATOR)).await.unwrap();
    assert_eq!(refused("", bearer(OPERATOR)).await, 429);
    let (anna, ben) = (api.log_in("anna").await, api.log_in("ben").await);
    let mut second = connect(address, "", bearer(&anna)).await.unwrap();
    assert_eq!(refused("", bearer(&ben)).await, 503);
    second.close(None).await.unwrap();
    while second.next().await.is_some() {}
    tokio::time::timeout(PATIENCE, async {
        while connect(address, "", bearer(&ben)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the place is given back");
    assert_eq!(api.get("/api/v1/events", OPERATOR).await.problem(), (426, "upgrade-required"));
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let api = Api::with(|config| config.limits.ping_interval = Duration::from_millis(20));
    let address = serve(&api).await;
    let token = api.log_in("anna").await;
    let mut socket = connect(address, "", bearer(&token)).await.unwrap();
    json(&mut socket).await;
    advance_ms(13 * 3_600_000);
    assert_eq!(close_code(&mut socket).await, 4_401);
}

#[tokio::test]
async fn a_client_that_speaks_is_sent_away() {
    let api = Api::new();
    let address = serve(&api).await;
    let mut socket = connect(address, "", bearer(OPERATOR)).await.unwrap();
    json(&mut socket).await;
    socket.send(Message::text("hold!")).await.unwrap();
    assert_eq!(close_code(&mut socket).await, 1_008);
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_dropped() {
    let api = Api::with(|config| config.limits.ping_interval = Duration::from_millis(50));
    let address = serve(&api).await;
    let mut socket = connect(address, "", bearer(OPERATOR)).await.unwrap();
    json(&mut socket).await;
    // The client library answers pings only when it is read from.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(close_code(&mut socket).await, 4_408);
}

#[tokio::test]
async fn a_client_that_answers_pings_stays() {
    let api = Api::with(|config| config.limits.ping_interval = Duration::from_millis(100));
    let address = serve(&api).await;
    let mut socket = connect(address, "", bearer(OPERATOR)).await.unwrap();
    json(&mut socket).await;
    let silent = tokio::time::timeout(Duration::from_millis(600), next(&mut socket)).await;
    assert!(silent.is_err(), "{silent:?}");
}

#[tokio::test]
async fn a_client_that_reads_too_slowly_is_dropped_and_harms_nobody() {
    let api = Api::with(|config| config.limits.send_timeout = Duration::from_millis(100));
    let address = serve(&api).await;
    let mut slow = connect(address, "", bearer(OPERATOR)).await.unwrap();
    let attributes = [("key".to_owned(), "x".repeat(1_000_000))];
    for n in 0..30 {
        tell(&api, event(1, n, EventKind::ContactDataUpdated { attributes: attributes.clone().into() }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut taken = 0;
    let end = loop {
        match tokio::time::timeout(PATIENCE, slow.next()).await.expect("in time") {
            Some(Ok(Message::Text(_))) => taken += 1,
            other => break other,
        }
    };
    assert!(taken < 31, "it got all: {end:?}");
    let mut quick = connect(address, "", bearer(OPERATOR)).await.unwrap();
    assert_eq!(json(&mut quick).await["type"], "snapshot");
}

#[tokio::test]
async fn all_are_sent_away_when_the_server_stops() {
    let api = Api::new();
    let address = serve(&api).await;
    let mut socket = connect(address, "", bearer(OPERATOR)).await.unwrap();
    json(&mut socket).await;
    api.hub.close();
    assert_eq!(close_code(&mut socket).await, 1_001);
    let mut late = connect(address, "", bearer(OPERATOR)).await.unwrap();
    json(&mut late).await;
    assert_eq!(close_code(&mut late).await, 1_001);
}
