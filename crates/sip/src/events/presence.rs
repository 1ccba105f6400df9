//! The presence package's document (RFC 3863): whether somebody can be reached, and why not.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::xml::Document;

/// Whether somebody can be reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Presence {
    /// The URI of who is watched, as the subscription names it.
    pub entity: String,
    /// A call would be taken now.
    pub open: bool,
    /// What people read beside it.
    pub note: String,
    /// What the person is doing, if anything is known (RFC 4480 §3.2).
    pub activity: Option<Activity>,
}

/// What a person is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activity {
    /// Talking on the phone, or being called.
    OnThePhone,
    /// Doing other work.
    Busy,
    /// Not at the desk.
    Away,
}

impl Presence {
    /// The document. RPID's activity stands in a person of its own (RFC 4479 §3.2), which others overlook.
    pub(super) fn document(&self) -> Bytes {
        let mut document = Document::new(
            "presence",
            &[
                ("xmlns", "urn:ietf:params:xml:ns:pidf"),
                ("xmlns:dm", "urn:ietf:params:xml:ns:pidf:data-model"),
                ("xmlns:rpid", "urn:ietf:params:xml:ns:pidf:rpid"),
                ("entity", &self.entity),
            ],
        );
        document.open("tuple", &[("id", "phone")]);
        document.open("status", &[]);
        document.text("basic", &[], if self.open { "open" } else { "closed" });
        document.close();
        document.text("contact", &[], &self.entity);
        document.text("note", &[], &self.note);
        document.close();
        if let Some(activity) = self.activity {
            document.open("dm:person", &[("id", "person")]);
            document.open("rpid:activities", &[]);
            let name = match activity {
                Activity::OnThePhone => "rpid:on-the-phone",
                Activity::Busy => "rpid:busy",
                Activity::Away => "rpid:away",
            };
            document.empty(name, &[]);
            document.close();
            document.close();
        }
        document.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_tells_whether_and_why() {
        let presence = Presence {
            entity: "sip:102@192.0.2.1".into(),
            open: false,
            note: "Lunch & <more>".into(),
            activity: Some(Activity::Away),
        };
        let text = String::from_utf8(presence.document().to_vec()).unwrap();
        let wanted = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
             xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"sip:102@192.0.2.1\">\
             <tuple id=\"phone\"><status><basic>closed</basic></status><contact>sip:102@192.0.2.1</contact>\
             <note>Lunch &amp; &lt;more&gt;</note></tuple>\
             <dm:person id=\"person\"><rpid:activities><rpid:away/></rpid:activities></dm:person></presence>\n";
        assert_eq!(text, wanted);
        let text = Presence { open: true, activity: None, ..presence }.document();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.contains("<basic>open</basic>") && !text.contains("dm:person "), "{text}");
    }
}
