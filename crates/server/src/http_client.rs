//! Asks the HTTP API of a running server: one request, one connection. Enough for the command line, and no more.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may take: longer than its own limit for a directory, in which every new password is hashed.
const TIMEOUT: Duration = Duration::from_secs(150);
/// How long an answer without an end may be silent; the server sends an empty line every 15 seconds.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest head, and the longest problem document in place of an answer without an end.
const HEAD_BYTES_MAX: u64 = 64 * 1024;
/// The longest line of an answer without an end.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
/// The largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A server's API and the operator's token.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// All addresses of the name, in the order in which they are tried.
    addresses: Vec<SocketAddr>,
    token: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

impl Client {
    /// A client. `address` is `host:port`, with or without `http://` in front.
    ///
    /// # Errors
    /// One sentence, when the name has no address.
    pub(crate) fn new(address: &str, token: String) -> Result<Client, String> {
        let bare = address.strip_prefix("http://").unwrap_or(address).trim_end_matches('/');
        let addresses: Vec<SocketAddr> = bare.to_socket_addrs().map(Iterator::collect).unwrap_or_default();
        if addresses.is_empty() {
            return Err(format!("{address} is no address of an API such as 127.0.0.1:8080"));
        }
        Ok(Client { addresses, token })
    }

    /// Asks, and gives the body of a success.
    ///
    /// # Errors
    /// One sentence; of a problem document its own.
    pub(crate) fn get(&self, path: &str) -> Result<String, String> {
        let answer = self.request("GET", path, None)?;
        if answer.status == 200 { Ok(answer.body) } else { Err(answer.problem()) }
    }

    /// Sends a request, and gives the answer whatever it is.
    ///
    /// # Errors
    /// One sentence, when there is no answer.
    pub(crate) fn request(&self, method: &str, path: &str, body: Option<&str>) -> Result<Answer, String> {
        let (address, mut stream) = self.connect()?;
        let failed = |error: std::io::Error| no_answer(address, &error);
        stream
            .set_read_timeout(Some(TIMEOUT))
            .and_then(|()| stream.set_write_timeout(Some(TIMEOUT)))
            .map_err(failed)?;
        let body = body.unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\
             Accept: application/json\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            address,
            self.token,
            body.len()
        );
        stream.write_all(request.as_bytes()).map_err(failed)?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).map_err(failed)?;
        read_answer(&answer).ok_or_else(|| format!("what answers at {address} is no baton API"))
    }

    /// Asks for an answer that does not end, and gives each line of it to `take` until `take` is false. Empty lines are left
    /// out.
    ///
    /// # Errors
    /// One sentence; of a problem document its own.
    pub(crate) fn follow(&self, path: &str, mut take: impl FnMut(&str) -> bool) -> Result<(), String> {
        let (address, mut stream) = self.connect()?;
        let failed = |error: std::io::Error| no_answer(address, &error);
        stream.set_read_timeout(Some(FOLLOW_TIMEOUT)).map_err(failed)?;
        // HTTP/1.0: the body is not chunked and ends with the connection (RFC 9112 §6.3).
        let request = format!(
            "GET {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nAccept: application/x-ndjson\r\n\r\n",
            self.token
        );
        stream.write_all(request.as_bytes()).map_err(failed)?;
        let mut lines = BufReader::new(stream);
        let head = read_head(&mut lines).map_err(failed)?;
        let status = head.get(9..12).and_then(|status| status.parse::<u16>().ok());
        let Some(status) = status.filter(|_| head.starts_with("HTTP/1.")) else {
            return Err(format!("what answers at {address} is no baton API"));
        };
        if status != 200 {
            let mut body = String::new();
            lines.take(HEAD_BYTES_MAX).read_to_string(&mut body).map_err(failed)?;
            return Err(Answer { status, body }.problem());
        }
        let mut line = String::new();
        loop {
            line.clear();
            let ended = |error: std::io::Error| format!("the server's answer has ended: {error}");
            if (&mut lines).take(LINE_BYTES_MAX).read_line(&mut line).map_err(ended)? == 0 {
                return Ok(());
            }
            if !line.trim().is_empty() && !take(line.trim()) {
                return Ok(());
            }
        }
    }

    /// Opens a connection to the first address that takes one.
    fn connect(&self) -> Result<(SocketAddr, TcpStream), String> {
        let mut sentence = String::new();
        for address in &self.addresses {
            match TcpStream::connect_timeout(address, CONNECT_TIMEOUT) {
                Ok(stream) => return Ok((*address, stream)),
                Err(error) if sentence.is_empty() => sentence = no_answer(*address, &error),
                Err(_) => {}
            }
        }
        Err(sentence)
    }
}

/// The head of an answer, up to its empty line.
fn read_head(lines: &mut impl BufRead) -> std::io::Result<String> {
    let (mut head, mut rest) = (String::new(), lines.take(HEAD_BYTES_MAX));
    while rest.read_line(&mut head)? > 2 {}
    Ok(head)
}

fn no_answer(address: SocketAddr, error: &std::io::Error) -> String {
    format!("no server answers at {address}: {error}; start one with `baton run`, or name it with --api")
}

impl Answer {
    /// The sentence of a problem document, or what else is known.
    pub(crate) fn problem(&self) -> String {
        let problem = serde_json::from_str::<serde_json::Value>(&self.body).unwrap_or_default();
        let text = |key: &str| problem.get(key).and_then(|value| value.as_str()).map(str::to_owned);
        let detail = text("detail").or_else(|| text("title"));
        match (self.status, detail) {
            (401, _) => "the server does not know the operator's token; name its data directory with --data".to_owned(),
            (_, Some(detail)) => detail,
            (status, None) => format!("the server answered with HTTP status {status}"),
        }
    }
}

fn read_answer(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let rest = bytes.get(end + 4..)?;
    let mut lines = head.lines();
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let chunked = lines.any(|line| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        name.eq_ignore_ascii_case("transfer-encoding") && value.trim().eq_ignore_ascii_case("chunked")
    });
    let body = if chunked { unchunk(rest)? } else { rest.to_vec() };
    Some(Answer { status, body: String::from_utf8(body).ok()? })
}

/// The body of a chunked answer (RFC 9112 §7.1).
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_end = rest.windows(2).position(|window| window == b"\r\n")?;
        let line = std::str::from_utf8(rest.get(..line_end)?).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let start = line_end + 2;
        body.extend_from_slice(rest.get(start..start.checked_add(size)?)?);
        rest = rest.get(start + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_plain_and_chunked() {
        let plain = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(read_answer(plain), Some(Answer { status: 200, body: "{}".into() }));
        let chunked =
            b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n3;x\r\na\":\r\n0\r\n\r\n";
        assert_eq!(read_answer(chunked), Some(Answer { status: 404, body: "{\"a\":".into() }));
        for broken in [
            &b""[..],
            b"HTTP/1.1 200",
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nx",
        ] {
            assert_eq!(read_answer(broken), None);
        }
    }

    #[test]
    fn each_address_of_a_name_is_tried() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let client = Client { addresses: vec![unused, open], token: String::new() };
        assert_eq!(client.connect().unwrap().0, open);
        let client = Client { addresses: vec![unused], token: String::new() };
        assert!(client.connect().unwrap_err().contains(&unused.to_string()));
    }

    #[test]
    fn a_problem_document_speaks_for_itself() {
        let answer = Answer { status: 409, body: r#"{"detail":"read it again"}"#.into() };
        assert_eq!(answer.problem(), "read it again");
        assert_eq!(Answer { status: 502, body: "oops".into() }.problem(), "the server answered with HTTP status 502");
    }
}
