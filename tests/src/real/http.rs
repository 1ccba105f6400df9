//! A client for the server's HTTP interface: JSON over one connection a request, with nothing but the standard library.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer should take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client with its token.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    token: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The head, as it came.
    pub head: String,
    /// The body; `Null` when there is none, a string when it is no JSON.
    pub body: Value,
}

impl Client {
    /// A client that shows this token, if any.
    pub fn new(address: SocketAddr, token: Option<String>) -> Client {
        Client { address, token }
    }

    /// GETs a path, which has to exist.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, &Value::Null).expect_success()
    }

    /// POSTs, which has to succeed.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", path, body).expect_success()
    }

    /// PUTs, which has to succeed.
    #[track_caller]
    pub fn put(&self, path: &str, body: &Value) -> Value {
        self.ask("PUT", path, body).expect_success()
    }

    /// Asks anything. The test fails when there is no HTTP answer.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.try_ask(method, path, body).unwrap_or_else(|error| panic!("{method} {path} at {}: {error}", self.address))
    }

    /// Asks anything.
    ///
    /// # Errors
    /// When there is no HTTP answer.
    pub fn try_ask(&self, method: &str, path: &str, body: &Value) -> Result<Answer, String> {
        let failed = |error: std::io::Error| error.to_string();
        let mut stream = TcpStream::connect_timeout(&self.address, TIMEOUT).map_err(failed)?;
        stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
        stream.write_all(self.request(method, path, body).as_bytes()).map_err(failed)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map_err(failed)?;
        parse(&bytes).ok_or_else(|| format!("no HTTP answer: {}", String::from_utf8_lossy(&bytes)))
    }

    fn request(&self, method: &str, path: &str, body: &Value) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        if let Some(token) = &self.token {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if body.is_null() {
            return format!("{head}Content-Length: 0\r\n\r\n");
        }
        let body = body.to_string();
        format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }
}

impl Answer {
    /// The body of an answer that has to be a success.
    #[track_caller]
    pub fn expect_success(self) -> Value {
        assert!((200..300).contains(&self.status), "HTTP {}: {}", self.status, self.body);
        self.body
    }
}

/// Reads an answer that ended with its connection.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?.to_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let rest = bytes.get(end + 4..)?;
    let body =
        if head.to_ascii_lowercase().contains("transfer-encoding: chunked") { unchunk(rest)? } else { rest.to_vec() };
    let body = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(_) if body.is_empty() => Value::Null,
        Err(_) => Value::String(String::from_utf8_lossy(&body).into_owned()),
    };
    Some(Answer { status, head, body })
}

fn unchunk(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = bytes.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(bytes.get(..end)?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend(bytes.get(end + 2..end + 2 + size)?);
        bytes = bytes.get(end + 4 + size..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_plain_and_chunked_bodies() {
        let plain = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}").unwrap();
        let chunked =
            parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n")
                .unwrap();
        assert_eq!((plain.status, &plain.body), (200, &serde_json::json!({"a": 1})));
        assert_eq!(chunked.body, plain.body);
        assert_eq!(parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().body, Value::Null);
        assert_eq!(parse(b"nonsense"), None);
    }
}
