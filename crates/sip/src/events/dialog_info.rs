//! The dialog package's document (RFC 4235): which calls somebody has.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::xml::Document;

/// Most dialogs of one document: who watches wants to know whether somebody is busy, not how often.
const DIALOGS_MAX: usize = 16;

/// Somebody's calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DialogInfo {
    /// The URI of who is watched, as the subscription names it.
    pub entity: String,
    /// The calls, the oldest first. One that is missing has ended.
    pub dialogs: Vec<WatchedDialog>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedDialog {
    /// Its name, the same as long as it lasts.
    pub id: String,
    /// Whether who is watched has called.
    pub initiator: bool,
    /// How far it is.
    pub phase: DialogPhase,
    /// It is up, and nothing is heard in it.
    pub held: bool,
}

/// How far a call is (RFC 4235 §3.7.1). Its end is told by its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DialogPhase {
    /// Called, nothing rings.
    Trying,
    /// Rings.
    Early,
    /// Talks.
    Confirmed,
}

impl DialogPhase {
    fn name(self) -> &'static str {
        match self {
            DialogPhase::Trying => "trying",
            DialogPhase::Early => "early",
            DialogPhase::Confirmed => "confirmed",
        }
    }
}

impl DialogInfo {
    /// The document. Calls of `told` that are over now come last, as terminated: some phones put a lamp out for nothing else.
    pub(super) fn document(&self, version: u32, told: Option<&DialogInfo>) -> Bytes {
        let version = version.to_string();
        let mut document = Document::new(
            "dialog-info",
            &[
                ("xmlns", "urn:ietf:params:xml:ns:dialog-info"),
                ("version", &version),
                ("state", "full"),
                ("entity", &self.entity),
            ],
        );
        for dialog in self.dialogs.iter().take(DIALOGS_MAX) {
            self.write(&mut document, dialog, dialog.phase.name());
        }
        let is_over = |dialog: &&WatchedDialog| !self.dialogs.iter().any(|each| each.id == dialog.id);
        let over = told.into_iter().flat_map(|told| &told.dialogs).take(DIALOGS_MAX).filter(is_over);
        for dialog in over {
            self.write(&mut document, dialog, "terminated");
        }
        document.finish()
    }

    fn write(&self, document: &mut Document, dialog: &WatchedDialog, state: &str) {
        let direction = if dialog.initiator { "initiator" } else { "recipient" };
        document.open("dialog", &[("id", &dialog.id), ("direction", direction)]);
        document.text("state", &[], state);
        document.open("local", &[]);
        if dialog.held && dialog.phase == DialogPhase::Confirmed {
            // RFC 4235 §4.1.6.2, RFC 3840: nothing is rendered, which phones show as a held call.
            document.open("target", &[("uri", &self.entity)]);
            document.empty("param", &[("pname", "+sip.rendering"), ("pval", "no")]);
            document.close();
        } else {
            document.empty("target", &[("uri", &self.entity)]);
        }
        document.close();
        document.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialog(id: &str, phase: DialogPhase, held: bool) -> WatchedDialog {
        WatchedDialog { id: id.into(), initiator: id == "2", phase, held }
    }

    fn info(dialogs: &[WatchedDialog]) -> DialogInfo {
        DialogInfo { entity: "sip:101@192.0.2.1".into(), dialogs: dialogs.to_vec() }
    }

    #[test]
    fn a_document_has_every_call_and_once_those_that_have_ended() {
        let before = info(&[dialog("1", DialogPhase::Early, false), dialog("2", DialogPhase::Confirmed, true)]);
        let text = String::from_utf8(before.document(0, None).to_vec()).unwrap();
        let wanted = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"0\" state=\"full\" \
             entity=\"sip:101@192.0.2.1\">\
             <dialog id=\"1\" direction=\"recipient\"><state>early</state>\
             <local><target uri=\"sip:101@192.0.2.1\"/></local></dialog>\
             <dialog id=\"2\" direction=\"initiator\"><state>confirmed</state>\
             <local><target uri=\"sip:101@192.0.2.1\"><param pname=\"+sip.rendering\" pval=\"no\"/></target></local>\
             </dialog></dialog-info>\n";
        assert_eq!(text, wanted);
        let after = info(&[dialog("2", DialogPhase::Confirmed, false)]);
        let text = String::from_utf8(after.document(1, Some(&before)).to_vec()).unwrap();
        assert!(text.contains("<dialog id=\"1\" direction=\"recipient\"><state>terminated</state>"), "{text}");
        assert!(text.find("confirmed") < text.find("terminated"), "{text}");
        let text = String::from_utf8(after.document(2, Some(&after)).to_vec()).unwrap();
        assert!(!text.contains("terminated"), "{text}");
    }

    #[test]
    fn a_document_stays_small_however_many_calls_there_are() {
        let many: Vec<WatchedDialog> =
            (0..1_000).map(|id| dialog(&format!("d{id}"), DialogPhase::Early, false)).collect();
        let text = String::from_utf8(info(&[]).document(9, Some(&info(&many))).to_vec()).unwrap();
        assert_eq!(text.matches("<dialog ").count(), DIALOGS_MAX);
        let text = String::from_utf8(info(&many).document(9, None).to_vec()).unwrap();
        assert_eq!(text.matches("<dialog ").count(), DIALOGS_MAX);
    }
}
