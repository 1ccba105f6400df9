//! One INVITE of ours may reach several phones (RFC 3261 §13.2.2.4): early dialogs beside each other, and 2xx that come
//! after the first.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::dialog::Dialog;
use crate::interface::Flow;
use crate::stack::Stack;
use crate::subject::Subject;
use crate::transaction::{Owner, TransactionId};
use crate::wire::{CSeq, HeaderName, Message, Method};

/// Most early dialogs of one INVITE that are told apart.
pub(crate) const EARLY_DIALOGS_MAX: usize = 8;

/// One early dialog of an INVITE of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fork {
    /// The peer's tag.
    pub(crate) remote_tag: String,
    /// Its last description, for a 2xx that leaves it out.
    pub(crate) sdp: Bytes,
    /// The RSeq of its last reliable response (RFC 3262 §4).
    pub(crate) rseq: Option<u32>,
    /// Its answer came reliably: no description that comes later in a response counts (RFC 3261 §13.2.1).
    pub(crate) is_agreed: bool,
    /// It has sent BYE before its 2xx came: the two crossed on the way.
    pub(crate) hung_up: bool,
}

impl Fork {
    /// A fork that has sent nothing but its tag.
    pub(crate) fn new(remote_tag: &str) -> Self {
        Fork { remote_tag: remote_tag.to_owned(), sdp: Bytes::new(), rseq: None, is_agreed: false, hung_up: false }
    }
}

/// Acknowledges a 2xx that nobody wants and ends its dialog at once (RFC 3261 §13.2.2.4, D1). All that is needed stands in
/// the response. The BYE's answer is reported to `owner`, if there is one.
pub(crate) fn decline_success(
    stack: &mut Stack,
    response: &Message,
    invite: TransactionId,
    flow: Flow,
    owner: Option<Owner>,
    reason: Option<&str>,
) -> bool {
    let Some(mut dialog) = dialog_of_success(response, flow) else { return false };
    if let Some(client) = stack.transactions.client(invite) {
        (dialog.subject, dialog.along_flow) = (client.subject.clone(), client.is_only);
    }
    let flow = stack.way_of(&mut dialog);
    let way = dialog.along(flow);
    let cseq = response.cseq().number;
    let (uri, routes) = dialog.addressing();
    let user_agent = stack.config.user_agent.clone();
    let common = |builder: &mut crate::wire::Builder, number: u32, method: Method| {
        for route in &routes {
            builder.header(HeaderName::Route, route);
        }
        builder.header(HeaderName::MaxForwards, 70);
        builder.header(HeaderName::From, &dialog.local);
        builder.header(HeaderName::To, &dialog.remote);
        builder.header(HeaderName::CallId, &dialog.call_id);
        builder.header(HeaderName::CSeq, CSeq { number, method });
        builder.header(HeaderName::UserAgent, &user_agent);
    };
    let _ = stack
        .acknowledge_success(way.flow, &uri, invite, &dialog.remote_tag, |builder| common(builder, cseq, Method::Ack));
    stack
        .request(way, Method::Bye, &uri, owner, |builder| {
            common(builder, cseq.wrapping_add(1), Method::Bye);
            if let Some(reason) = reason {
                builder.header(HeaderName::Reason, reason);
            }
        })
        .is_ok()
}

fn dialog_of_success(response: &Message, flow: Flow) -> Option<Dialog> {
    let from = response.from();
    let mut dialog = Dialog {
        call_id: response.call_id().to_owned(),
        local_tag: from.tag().unwrap_or("").to_owned(),
        remote_tag: String::new(),
        local: from.to_string(),
        remote: String::new(),
        target: response.to().uri.to_string(),
        routes: Vec::new(),
        local_cseq: response.cseq().number,
        remote_cseq: None,
        contact: String::new(),
        call_id_is_ours: true,
        flow,
        along_flow: false,
        subject: Subject::default(),
    };
    dialog.join_response(response).ok()?;
    Some(dialog)
}
