//! A contact's events as text for people.

use std::fmt::Write;

use baton_contact::ContactId;
use baton_contact::event::ContactEvent;
use serde_json::Value;

/// One line an event: seconds since the first one, the event, what it carries.
pub(crate) fn text(contact: ContactId, events: &[ContactEvent]) -> String {
    let mut text = format!("contact {contact}\n");
    let begun_ms = events.first().map_or(0, |event| event.at_ms);
    for event in events {
        let since_ms = event.at_ms.saturating_sub(begun_ms);
        let (name, facts) = name_and_facts(event);
        // Writing into a text does not fail.
        let _ = write!(text, "{:>8}.{:03} s  {name:<20}", since_ms / 1_000, since_ms % 1_000);
        for (key, value) in facts {
            let _ = write!(text, " {key}={value}");
        }
        let end = text.trim_end().len();
        text.truncate(end);
        text.push('\n');
    }
    text
}

fn name_and_facts(event: &ContactEvent) -> (String, Vec<(String, Value)>) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(&event.kind) else { return Default::default() };
    let name = fields.remove("eventType").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    (name, fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

#[cfg(test)]
mod tests {
    use baton_contact::ConnectionId;
    use baton_contact::event::{EventKind, PartyRole};

    use super::*;

    #[test]
    fn a_ladder_reads_like_one() {
        let contact_id = ContactId(1);
        let event = |at_ms, kind| ContactEvent { contact_id, root_contact_id: contact_id, sequence: 1, at_ms, kind };
        let events = [
            event(10_000, EventKind::Offered { agent: "anna".to_owned() }),
            event(12_345, EventKind::Held { connection_id: ConnectionId(7), role: PartyRole::Customer }),
            event(12_346, EventKind::Completed),
        ];
        let expected = "contact 00000000-0000-0000-0000-000000000001\n\
                        \x20      0.000 s  OFFERED              agent=\"anna\"\n\
                        \x20      2.345 s  HELD                 connectionId=7 role=\"CUSTOMER\"\n\
                        \x20      2.346 s  COMPLETED\n";
        assert_eq!(text(contact_id, &events), expected);
    }
}
