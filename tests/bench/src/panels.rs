//! The agents' panels: a thread that presses their buttons over the HTTP interface, so that the load never waits for one.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::system;

/// Where the server's interface listens by default.
const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 8080);

const TIMEOUT: Duration = Duration::from_secs(10);

/// A button of an agent on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Button {
    /// Calls the target, the customer on hold.
    Consult,
    Join,
    Leave,
    Clear,
}

#[derive(Debug)]
struct Order {
    agent: usize,
    call: usize,
    button: Button,
}

/// A button was pressed.
#[derive(Debug)]
pub(crate) struct Pressed {
    pub(crate) call: usize,
    pub(crate) button: Button,
    /// When the request went out.
    pub(crate) at: u64,
    /// The HTTP status; 0 for none.
    pub(crate) status: u16,
}

/// All panels.
#[derive(Debug)]
pub(crate) struct Panels {
    orders: Sender<Order>,
    pressed: Receiver<Pressed>,
}

/// Queue, routing profile and agents in TOML, beside the users and phones of [`crate::registrations::directory`]'s shape.
pub(crate) fn directory(count: usize) -> String {
    let mut text = String::from(
        "\n[[queues]]\nname = \"desk\"\nextension = \"7700\"\n\n[[routingProfiles]]\nname = \"desk\"\n\
         defaultOutboundQueue = \"desk\"\nqueues = [{ queue = \"desk\" }]\n\n[[numbers]]\nnumber = \"7800\"\nqueue = \"desk\"\n",
    );
    for agent in 0..count {
        text.push_str(&format!(
            "\n[[users]]\nusername = \"u{agent}\"\npassword = \"panel-{agent}\"\nroutingProfile = \"desk\"\n\
             phones = [{{ username = \"p{agent}\", password = \"secret-{agent}\" }}]\n"
        ));
    }
    text
}

impl Panels {
    /// Logs all agents in, and makes them available.
    pub(crate) fn open(count: usize) -> io::Result<Self> {
        let mut tokens = Vec::with_capacity(count);
        for agent in 0..count {
            let who = json!({ "username": format!("u{agent}"), "password": format!("panel-{agent}") });
            let (status, answer) = ask("", "POST", "/sessions", &who)?;
            let token = answer["token"].as_str().map(str::to_owned);
            let token = token.ok_or_else(|| io::Error::other(format!("log-in of u{agent}: {status} {answer}")))?;
            let (status, answer) = ask(&token, "PUT", "/agents/me/status", &json!({ "status": "Available" }))?;
            if status >= 300 {
                return Err(io::Error::other(format!("u{agent} does not become available: {status} {answer}")));
            }
            tokens.push(token);
        }
        let (orders, taken) = channel::<Order>();
        let (told, pressed) = channel();
        thread::spawn(move || {
            let mut contacts = HashMap::new();
            for Order { agent, call, button } in taken {
                let (at, status) = press(&tokens[agent], call, button, &mut contacts).unwrap_or((system::now(), 0));
                if told.send(Pressed { call, button, at, status }).is_err() {
                    return;
                }
            }
        });
        Ok(Self { orders, pressed })
    }

    /// Has a button pressed; [`Panels::pressed`] tells when that was.
    pub(crate) fn press(&self, agent: usize, call: usize, button: Button) {
        // The thread lives as long as its panels.
        let _ = self.orders.send(Order { agent, call, button });
    }

    /// The next button that was pressed, if any.
    pub(crate) fn pressed(&self) -> Option<Pressed> {
        self.pressed.try_recv().ok()
    }
}

/// Presses one button: when the request went out, and the status of its answer.
fn press(token: &str, call: usize, button: Button, contacts: &mut HashMap<usize, String>) -> io::Result<(u64, u16)> {
    if button == Button::Consult {
        let (_, me) = ask(token, "GET", "/agents/me", &Value::Null)?;
        let contact = me["contacts"].as_array().and_then(|all| all.last()).and_then(|last| last["contactId"].as_str());
        contacts.insert(call, contact.unwrap_or_default().to_owned());
    }
    let contact = contacts.get(&call).map(String::as_str).unwrap_or_default();
    let (path, body) = match button {
        Button::Consult => ("connections", json!({ "phoneNumber": format!("8{call:06}"), "mode": "consult" })),
        Button::Join => ("join", Value::Null),
        Button::Leave => ("leave", Value::Null),
        Button::Clear => ("clear", Value::Null),
    };
    let at = system::now();
    let (status, answer) = ask(token, "POST", &format!("/contacts/{contact}/{path}"), &body)?;
    if status >= 300 {
        eprintln!("call {call}: {button:?} got {status} {answer}");
    }
    Ok((at, status))
}

fn ask(token: &str, method: &str, path: &str, body: &Value) -> io::Result<(u16, Value)> {
    let address = SocketAddr::from(ADDRESS);
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let authorization = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    let request = format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{authorization}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| io::Error::other("no HTTP answer"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}
