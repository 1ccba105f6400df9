//! The listener: how many connections, and for how long.
#![allow(clippy::unwrap_used, reason = "helpers of tests, as tests")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use baton_api::{ApiConfig, ApiLimits, serve};
use support::Api;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

const PATIENCE: Duration = Duration::from_secs(20);
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

async fn served(limits: ApiLimits) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let config = ApiConfig { limits, ..ApiConfig::default() };
    let stopped = async move { drop(stopped.await) };
    (address, stop, tokio::spawn(serve(listener, Api::new().services, config, stopped)))
}

/// All that comes on a connection until it is closed; `None` when it stays open.
async fn rest(stream: &mut TcpStream, patience: Duration) -> Option<String> {
    let mut text = String::new();
    let read = tokio::time::timeout(patience, stream.read_to_string(&mut text)).await;
    read.ok().map(|_| text)
}

#[tokio::test]
async fn it_serves_until_it_is_stopped() {
    let (address, stop, task) = served(ApiLimits::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(HEALTH).await.unwrap();
    assert!(rest(&mut stream, PATIENCE).await.unwrap().starts_with("HTTP/1.1 200 OK"));
    stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, task).await.expect("it ends").unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_on_which_nothing_comes_is_closed() {
    let limits = ApiLimits { idle_timeout: Duration::from_millis(50), ..ApiLimits::default() };
    let (address, _stop, _task) = served(limits).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(rest(&mut silent, PATIENCE).await.as_deref(), Some(""));
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET /healthz HT").await.unwrap();
    assert!(rest(&mut half, PATIENCE).await.is_some());
}

#[tokio::test]
async fn above_the_limit_connections_wait_their_turn() {
    let (address, _stop, _task) = served(ApiLimits { connections_max: 1, ..ApiLimits::default() }).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(&HEALTH[..10]).await.unwrap();
    // Its first byte is read before the second connection comes.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(HEALTH).await.unwrap();
    assert_eq!(rest(&mut second, Duration::from_millis(100)).await, None, "it waits");
    drop(first);
    assert!(rest(&mut second, PATIENCE).await.unwrap().starts_with("HTTP/1.1 200 OK"));
}
