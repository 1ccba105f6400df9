//! `baton trace`: live SIP messages of the running server.

use std::io::Write;

use baton_contact::ContactId;
use baton_contact::trace::TraceMessage;
use serde::Deserialize;

use crate::http_client::Client;

/// What is wanted: messages that fit all that is given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Only those of this trunk.
    pub(crate) trunk: Option<String>,
    /// Only those of this phone.
    pub(crate) phone: Option<String>,
    /// Only those of the conversation that this contact belongs to.
    pub(crate) contact: Option<ContactId>,
}

/// A line of the server's answer.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Lost { lost: u64 },
    Message(Box<TraceMessage>),
}

/// Prints messages until the server ends or nobody reads any more.
///
/// # Errors
/// One sentence.
pub(crate) fn print(client: &Client, wanted: &Wanted, json: bool) -> Result<(), String> {
    let mut failure = None;
    client.follow(&wanted.path(), |line| {
        let text = if json { Ok(format!("{line}\n")) } else { shown(line) };
        let mut output = std::io::stdout().lock();
        let written = text.and_then(|text| {
            output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|error| match error.kind() {
                // Whoever read has read enough (`baton trace | head`).
                std::io::ErrorKind::BrokenPipe => String::new(),
                _ => error.to_string(),
            })
        });
        failure = written.err();
        failure.is_none()
    })?;
    failure.filter(|why| !why.is_empty()).map_or(Ok(()), Err)
}

impl Wanted {
    fn path(&self) -> String {
        let contact = self.contact.map(|contact| contact.to_string());
        let given = [("trunk", &self.trunk), ("phone", &self.phone), ("contact", &contact)];
        let pairs = given.into_iter().filter_map(|(key, value)| Some(format!("{key}={}", escaped(value.as_deref()?))));
        let query = pairs.collect::<Vec<_>>().join("&");
        if query.is_empty() { "/api/v1/trace".to_owned() } else { format!("/api/v1/trace?{query}") }
    }
}

/// A value of a query (RFC 3986 §2.1).
fn escaped(value: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(escape).collect()
}

fn shown(line: &str) -> Result<String, String> {
    let line = serde_json::from_str(line).map_err(|error| format!("the server's answer is not understood: {error}"))?;
    let message = match line {
        Line::Lost { lost } => return Ok(format!("-- {lost} messages are missing here: they came too fast --\n\n")),
        Line::Message(message) => message,
    };
    let seconds = message.at_us / 1_000_000;
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let arrow = if message.received { "<-" } else { "->" };
    let whose = [("trunk", &message.trunk), ("phone", &message.phone)];
    let whose: String = whose.iter().filter_map(|(what, name)| Some(format!(" {what} {}", name.as_deref()?))).collect();
    let contact = message.contact_ids.first().map(|contact| format!(" contact {contact}")).unwrap_or_default();
    let micros = message.at_us % 1_000_000;
    let text = message.message.replace("\r\n", "\n");
    Ok(format!(
        "{hour:02}:{minute:02}:{second:02}.{micros:06} {arrow} {}:{}{whose}{contact}\n{}\n\n",
        message.transport,
        message.remote,
        text.trim_end()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_shown_with_whose_it_is() {
        let line = "{\"atUs\":1700000000000042,\"received\":true,\"transport\":\"udp\",\"remote\":\"192.0.2.1:5060\",\
                    \"trunk\":\"pbx\",\"phone\":null,\"contactIds\":[\"00000000-0000-0000-0000-000000000001\"],\
                    \"callId\":\"x\",\"message\":\"BYE sip:a SIP/2.0\\r\\nCall-ID: x\\r\\n\\r\\n\"}";
        let expected = "22:13:20.000042 <- udp:192.0.2.1:5060 trunk pbx contact 00000000-0000-0000-0000-000000000001\n\
                        BYE sip:a SIP/2.0\nCall-ID: x\n\n";
        assert_eq!(shown(line).as_deref(), Ok(expected));
        assert_eq!(shown("{\"lost\":3}").unwrap(), "-- 3 messages are missing here: they came too fast --\n\n");
        assert!(shown("{}").is_err());
    }

    #[test]
    fn what_is_wanted_is_asked_for() {
        let wanted = Wanted { trunk: Some("a b&c".into()), phone: None, contact: Some(ContactId(1)) };
        assert_eq!(wanted.path(), "/api/v1/trace?trunk=a%20b%26c&contact=00000000-0000-0000-0000-000000000001");
        assert_eq!(Wanted::default().path(), "/api/v1/trace");
    }
}
