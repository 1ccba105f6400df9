//! NOTIFY of a transfer's progress, ours and the peer's (RFC 3515 §2.4.4, RFC 6665 §4.2).

use bytes::Bytes;

use super::Session;
use crate::headers::SIPFRAG;
use crate::stack::Stack;
use crate::transaction::{Purpose, TransactionId};
use crate::wire::{HeaderName, Message, Method};

/// How long the subscription is said to last while the target has not answered, in seconds.
const SUBSCRIPTION_S: u32 = 180;

impl Session {
    /// Sends the next report once the last one was answered, so that they arrive in order on UDP too.
    pub(super) fn pump_notify(&mut self, stack: &mut Stack) {
        if matches!(self.phase, super::Phase::Ending | super::Phase::Over) {
            return;
        }
        let Some(transfer) = &mut self.transfer else { return };
        if transfer.outstanding.is_some() || transfer.undecided.is_some() {
            return;
        }
        let Some((status, reason)) = transfer.reports.pop_front() else {
            if transfer.is_final {
                self.transfer = None;
            }
            return;
        };
        let event_id = transfer.event_id;
        let body = Bytes::from(format!("SIP/2.0 {status} {reason}\r\n"));
        // A REFER from outside is told along its own dialog, which stands in for the session's meanwhile.
        let mut own = transfer.dialog.take();
        if let Some(own) = own.as_deref_mut() {
            std::mem::swap(own, &mut self.dialog);
        }
        let sent = self.send(stack, Method::Notify, Purpose::Notify, Some((SIPFRAG, body)), |builder| {
            match event_id {
                Some(id) => builder.header(HeaderName::Event, format_args!("refer;id={id}")),
                None => builder.header(HeaderName::Event, "refer"),
            };
            if status >= 200 {
                builder.header(HeaderName::SubscriptionState, "terminated;reason=noresource");
            } else {
                builder.header(HeaderName::SubscriptionState, format_args!("active;expires={SUBSCRIPTION_S}"));
            }
        });
        if let Some(own) = own.as_deref_mut() {
            std::mem::swap(own, &mut self.dialog);
        }
        if let Some(transfer) = &mut self.transfer {
            transfer.dialog = own;
        }
        match (sent, &mut self.transfer) {
            (Some(transaction), Some(transfer)) => transfer.outstanding = Some(transaction),
            (None, Some(transfer)) => transfer.reports.clear(),
            (_, None) => {}
        }
    }

    /// The transferor answered a NOTIFY, or never will (`None`). A refusal ends the subscription (RFC 6665 §4.2.2): what is
    /// left to report is dropped, the transfer itself goes on.
    pub(super) fn notify_done(&mut self, transaction: TransactionId, status: Option<u16>) {
        let Some(transfer) = &mut self.transfer else { return };
        if transfer.outstanding != Some(transaction) {
            return;
        }
        transfer.outstanding = None;
        if !status.is_some_and(|status| (200..=299).contains(&status)) {
            transfer.reports.clear();
            transfer.subscription = false;
        }
        if transfer.is_final && transfer.reports.is_empty() {
            self.transfer = None;
        }
    }

    /// A challenged NOTIFY went out again.
    pub(super) fn notify_again(&mut self, before: TransactionId, now: TransactionId) {
        if let Some(transfer) = self.transfer.as_mut().filter(|transfer| transfer.outstanding == Some(before)) {
            transfer.outstanding = Some(now);
        }
    }

    /// The peer's NOTIFY of our REFER's progress.
    pub(super) fn take_notify(&mut self, stack: &mut Stack, transaction: TransactionId, notify: &Message) {
        if !notify.event().is_some_and(|event| event.package.eq_ignore_ascii_case("refer")) {
            self.respond_with(stack, transaction, 489, |builder| {
                builder.header(HeaderName::AllowEvents, "refer");
            });
            return;
        }
        if self.referral.is_none() {
            // RFC 6665 §4.1.3: no such subscription.
            return self.respond(stack, transaction, 481);
        }
        let Some(state) = notify.subscription_state() else { return self.respond(stack, transaction, 400) };
        self.respond(stack, transaction, 200);
        if let Some(status) = read_sipfrag(&notify.body()) {
            self.referral_progress(stack, status);
        }
        if state.state == "terminated" {
            self.referral = None;
        }
    }
}

/// The status of a sipfrag's status line (RFC 3420).
fn read_sipfrag(body: &[u8]) -> Option<u16> {
    let line = body.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let text = std::str::from_utf8(line).ok()?;
    let status = text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()?;
    (100..=699).contains(&status).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::read_sipfrag;

    #[test]
    fn a_sipfrag_reads_as_its_status_and_rubbish_as_nothing() {
        let cases: &[(&[u8], Option<u16>)] = &[
            (b"SIP/2.0 100 Trying\r\n", Some(100)),
            (b"SIP/2.0 486 Busy Here", Some(486)),
            (b"SIP/2.0 200\r\nContact: <sip:a@b>\r\n", Some(200)),
            (b"SIP/2.0 99 x", None),
            (b"SIP/2.0 700 x", None),
            (b"HTTP/1.1 200 OK", None),
            (b"", None),
            (b"SIP/2.0 2", None),
            (&[0xff, 0xfe], None),
        ];
        for (body, status) in cases {
            assert_eq!(read_sipfrag(body), *status, "{body:?}");
        }
    }
}
