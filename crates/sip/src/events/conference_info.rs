//! The conference package's document (RFC 4575): who is in a conference, and who is heard.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::xml::Document;

/// A conference.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConferenceInfo {
    /// Its URI, as the subscription names it.
    pub entity: String,
    /// What people call it; empty when it has no name.
    pub name: String,
    /// Most parties.
    pub users_max: u32,
    /// Who is in it, in the order of their coming.
    pub users: Vec<Attendee>,
}

/// Somebody in a conference, with one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendee {
    /// The device's name, the same as long as it is there.
    pub id: String,
    /// The URI of the person.
    pub entity: String,
    /// The name that is shown; empty when there is none.
    pub name: String,
    /// How far the device is.
    pub status: AttendeeStatus,
    /// How it came.
    pub joining: JoiningMethod,
    /// It is heard by the others.
    pub is_heard: bool,
    /// It hears the others.
    pub hears: bool,
}

/// How far a device of a conference is (RFC 4575 §5.7.1). Its end is told by its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttendeeStatus {
    /// It called, and is not answered yet.
    DialingIn,
    /// It is called, nothing rings yet.
    DialingOut,
    /// It rings.
    Alerting,
    /// It is in the conference.
    Connected,
    /// It is in the conference, and held.
    OnHold,
    /// It is in the conference, and muted by us.
    MutedViaFocus,
}

/// How a device came into a conference (RFC 4575 §5.7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JoiningMethod {
    /// It called.
    DialedIn,
    /// It was called.
    DialedOut,
}

impl AttendeeStatus {
    fn name(self) -> &'static str {
        match self {
            AttendeeStatus::DialingIn => "dialing-in",
            AttendeeStatus::DialingOut => "dialing-out",
            AttendeeStatus::Alerting => "alerting",
            AttendeeStatus::Connected => "connected",
            AttendeeStatus::OnHold => "on-hold",
            AttendeeStatus::MutedViaFocus => "muted-via-focus",
        }
    }

    fn is_in(self) -> bool {
        matches!(self, AttendeeStatus::Connected | AttendeeStatus::OnHold | AttendeeStatus::MutedViaFocus)
    }
}

impl ConferenceInfo {
    /// The document.
    pub(super) fn document(&self, version: u32) -> Bytes {
        let version = version.to_string();
        let mut document = Document::new(
            "conference-info",
            &[
                ("xmlns", "urn:ietf:params:xml:ns:conference-info"),
                ("entity", &self.entity),
                ("state", "full"),
                ("version", &version),
            ],
        );
        document.open("conference-description", &[]);
        if !self.name.is_empty() {
            document.text("display-text", &[], &self.name);
        }
        document.text("maximum-user-count", &[], &self.users_max.to_string());
        document.close();
        let present = self.users.iter().filter(|user| user.status.is_in()).count();
        document.open("conference-state", &[]);
        document.text("user-count", &[], &present.to_string());
        document.text("active", &[], if present > 0 { "true" } else { "false" });
        document.close();
        document.open("users", &[]);
        for user in &self.users {
            user.write(&mut document);
        }
        document.finish()
    }
}

impl Attendee {
    fn write(&self, document: &mut Document) {
        document.open("user", &[("entity", &self.entity), ("state", "full")]);
        if !self.name.is_empty() {
            document.text("display-text", &[], &self.name);
        }
        document.open("endpoint", &[("entity", &self.id), ("state", "full")]);
        document.text("status", &[], self.status.name());
        let joining = match self.joining {
            JoiningMethod::DialedIn => "dialed-in",
            JoiningMethod::DialedOut => "dialed-out",
        };
        document.text("joining-method", &[], joining);
        if self.status.is_in() {
            document.open("media", &[("id", "1")]);
            document.text("type", &[], "audio");
            // As the device sees it (RFC 4575 §5.8.5).
            let status = match (self.is_heard, self.hears) {
                (true, true) => "sendrecv",
                (true, false) => "sendonly",
                (false, true) => "recvonly",
                (false, false) => "inactive",
            };
            document.text("status", &[], status);
            document.close();
        }
        document.close();
        document.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_tells_who_is_there_and_who_is_heard() {
        let attendee = |id: &str, status, is_heard| Attendee {
            id: id.into(),
            entity: format!("sip:{id}@192.0.2.1"),
            name: if id == "1" { "Anna".into() } else { String::new() },
            status,
            joining: if id == "1" { JoiningMethod::DialedIn } else { JoiningMethod::DialedOut },
            is_heard,
            hears: true,
        };
        let info = ConferenceInfo {
            entity: "sip:800@192.0.2.1".into(),
            name: "room".into(),
            users_max: 6,
            users: vec![
                attendee("1", AttendeeStatus::MutedViaFocus, false),
                attendee("2", AttendeeStatus::Alerting, false),
            ],
        };
        let text = String::from_utf8(info.document(3).to_vec()).unwrap();
        let wanted = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <conference-info xmlns=\"urn:ietf:params:xml:ns:conference-info\" entity=\"sip:800@192.0.2.1\" \
             state=\"full\" version=\"3\">\
             <conference-description><display-text>room</display-text><maximum-user-count>6</maximum-user-count>\
             </conference-description>\
             <conference-state><user-count>1</user-count><active>true</active></conference-state>\
             <users><user entity=\"sip:1@192.0.2.1\" state=\"full\"><display-text>Anna</display-text>\
             <endpoint entity=\"1\" state=\"full\"><status>muted-via-focus</status>\
             <joining-method>dialed-in</joining-method>\
             <media id=\"1\"><type>audio</type><status>recvonly</status></media></endpoint></user>\
             <user entity=\"sip:2@192.0.2.1\" state=\"full\"><endpoint entity=\"2\" state=\"full\">\
             <status>alerting</status><joining-method>dialed-out</joining-method></endpoint></user></users>\
             </conference-info>\n";
        assert_eq!(text, wanted);
    }
}
