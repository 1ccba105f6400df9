//! Dialogs that are over, remembered for a short while: a Replaces that names one is answered 603, not 481 (R5, RFC 3891 §3).

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::dialog::Dialog;
use crate::interface::SessionId;

/// Most dialogs remembered.
const DIALOGS_MAX: usize = 4_096;
/// How long, in microseconds.
const REMEMBERED_US: u64 = 32_000_000;

/// The names of one dialog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Names {
    call_id: String,
    local_tag: String,
    remote_tag: String,
}

/// The dialogs that ended last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recent {
    order: VecDeque<(u64, SessionId)>,
    names: BTreeMap<SessionId, Names>,
}

impl Recent {
    /// Remembers a dialog, and forgets those whose time is up.
    pub(crate) fn remember(&mut self, now_us: u64, session: SessionId, dialog: Dialog) {
        while let Some((until_us, oldest)) = self.order.front().copied() {
            if until_us > now_us && self.order.len() < DIALOGS_MAX {
                break;
            }
            self.order.pop_front();
            self.names.remove(&oldest);
        }
        self.order.push_back((now_us.saturating_add(REMEMBERED_US), session));
        let Dialog { call_id, local_tag, remote_tag, .. } = dialog;
        self.names.insert(session, Names { call_id, local_tag, remote_tag });
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether a dialog with these names ended lately.
    pub(crate) fn holds(&self, session: SessionId, call_id: &str, local_tag: &str, remote_tag: &str) -> bool {
        self.names.get(&session).is_some_and(|names| {
            names.call_id == call_id && names.local_tag == local_tag && names.remote_tag == remote_tag
        })
    }
}
