//! Which session a Replaces (RFC 3891 §3, R5) or a Target-Dialog (RFC 4538 §5) names: Call-ID and both tags, in either
//! orientation.

use crate::endpoint::Endpoint;
use crate::interface::{ReplacesTarget, SessionId};
use crate::random::read_marked;
use crate::session::{Phase, Session};
use crate::wire::{Message, Replaces};

impl Endpoint {
    /// The session that an INVITE's Replaces names, or the status that refuses the INVITE.
    pub(crate) fn replaced_by(&self, request: &Message) -> Result<Option<SessionId>, u16> {
        let Some(replaces) = request.replaces().map_err(|_| 400u16)? else { return Ok(None) };
        let Some(session) = self.named_by(&replaces) else {
            return Err(if self.is_recent(&replaces) { 603 } else { 481 });
        };
        if session.ending.is_some() {
            return Err(603);
        }
        match session.phase {
            Phase::Ending | Phase::Over => Err(603),
            Phase::Established if replaces.early_only => Err(486),
            Phase::Established | Phase::Calling(_) => Ok(Some(session.id)),
            // RFC 3891 §3: an early dialog that was not begun here cannot be replaced here.
            Phase::Incoming(_) => Err(481),
        }
    }

    /// What a REFER's embedded Replaces names.
    pub(crate) fn replaces_target(&self, refer: &Message) -> Option<ReplacesTarget> {
        let replaces = refer.refer_to().ok().flatten()?.replaces?;
        Some(match self.named_by(&replaces) {
            Some(session) if replaces.early_only && session.phase == Phase::Established => {
                ReplacesTarget::Answered(session.id)
            }
            Some(session) => ReplacesTarget::Session(session.id),
            None => ReplacesTarget::Elsewhere(replaces.to_string()),
        })
    }

    fn named_by(&self, replaces: &Replaces) -> Option<&Session> {
        self.with_either(&replaces.call_id, &replaces.to_tag, &replaces.from_tag)
    }

    /// The session that is up and that a request's Target-Dialog names: its sender knows what only its two ends know.
    pub(crate) fn target_dialog(&self, request: &Message) -> Option<SessionId> {
        let target = request.target_dialog().ok().flatten()?;
        let session = self.with_either(&target.call_id, &target.local_tag, &target.remote_tag)?;
        (session.phase == Phase::Established && session.ending.is_none()).then_some(session.id)
    }

    fn with_either(&self, call_id: &str, one_tag: &str, other_tag: &str) -> Option<&Session> {
        self.with_tags(call_id, one_tag, other_tag).or_else(|| self.with_tags(call_id, other_tag, one_tag))
    }

    fn with_tags(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Option<&Session> {
        let session = self.session_of_tag(local_tag)?;
        // An RFC 2543 peer's missing tag is written as `0` (RFC 3891 §6.1).
        let remote_tag = if remote_tag == "0" && session.dialog.remote_tag.is_empty() { "" } else { remote_tag };
        session.is_of_dialog(call_id, Some(remote_tag).filter(|tag| !tag.is_empty())).then_some(session)
    }

    fn is_recent(&self, replaces: &Replaces) -> bool {
        let holds = |local: &str, remote: &str| {
            read_marked(local)
                .is_some_and(|(number, _)| self.recent.holds(SessionId(number), &replaces.call_id, local, remote))
        };
        holds(&replaces.to_tag, &replaces.from_tag) || holds(&replaces.from_tag, &replaces.to_tag)
    }
}
