//! The side that is called: trunk B, and what comes within any dialog.

use std::cmp::Reverse;

use crate::call::Kind;
use crate::leg::{ALLOW, State};
use crate::load::{Load, MILLISECOND, Timer};
use crate::message::{Message, NO_BODY, body};
use crate::system;

impl Load {
    pub(crate) fn take_request(&mut self, side: usize, message: &Message, at: u64) {
        let call_id = message.header("Call-ID", "i").unwrap_or_default();
        let leg = self.by_call_id[side].get(call_id).copied();
        match (message.method(), leg) {
            ("INVITE", None) => self.take_invite(side, message, at),
            ("INVITE", Some(leg)) => self.take_invite_again(leg, message),
            ("ACK", Some(leg)) => self.take_ack(leg),
            ("ACK", None) => {}
            ("BYE", Some(leg)) => {
                self.reply(side, message, "200 OK", NO_BODY);
                self.over(leg);
            }
            ("NOTIFY", Some(leg)) => {
                self.reply(side, message, "200 OK", NO_BODY);
                let status = message.body.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
                let call = self.legs[leg].call;
                self.calls[call].notified = status.unwrap_or(self.calls[call].notified);
            }
            ("UPDATE", Some(leg)) if !message.body.is_empty() => self.take_offer(leg, message),
            ("OPTIONS", _) | (_, Some(_)) => self.reply(side, message, "200 OK", NO_BODY),
            (_, None) => self.reply(side, message, "481 Call/Transaction Does Not Exist", NO_BODY),
        }
    }

    pub(crate) fn reply(&mut self, side: usize, message: &Message, status: &str, rest: &str) {
        let text = message.response(status, "bench", rest);
        self.send(side, &text);
    }

    /// A new call: its number names the call of the load (9…: callee, 8…: target of a transfer); an agent's phone is told the
    /// customer's number, which does too.
    pub(crate) fn take_invite(&mut self, side: usize, message: &Message, at: u64) {
        let user = message.request_user();
        let agent = user.strip_prefix('p').and_then(|agent| agent.parse::<usize>().ok());
        let named = if agent.is_some() { message.caller_user() } else { user };
        let call = named.get(1..).and_then(|number| number.parse::<usize>().ok());
        let Some(call) = call.filter(|call| *call < self.calls.len()) else {
            self.reply(side, message, "404 Not Found", NO_BODY);
            return;
        };
        let call_id = message.header("Call-ID", "i").unwrap_or_default();
        let leg = self.add_leg(side, call, State::Answering, call_id);
        if user.starts_with('8') {
            self.calls[call].target = Some(leg);
            self.calls[call].target_invited = at;
        } else {
            self.calls[call].callee = Some(leg);
            self.calls[call].invited = at;
            self.calls[call].agent = agent;
        }
        let Ok(sdp) = self.describe(leg) else {
            self.reply(side, message, "503 Service Unavailable", NO_BODY);
            return;
        };
        let tag = format!("b{leg}");
        self.legs[leg].ours = format!("{};tag={tag}", message.header("To", "t").unwrap_or_default());
        self.legs[leg].theirs = message.header("From", "f").unwrap_or_default().to_owned();
        self.legs[leg].remote = message.contact().unwrap_or_default().to_owned();
        let contact = format!("Contact: <sip:{user}@{}>\r\n", self.sides[side].address);
        let trying = message.response("100 Trying", "", NO_BODY);
        let ringing = message.response("180 Ringing", &tag, &format!("{contact}{NO_BODY}"));
        let answer = message.response("200 OK", &tag, &format!("{contact}{ALLOW}{}", body(&sdp)));
        self.send(side, &trying);
        self.send(side, &ringing);
        self.send_until_answered(leg, answer);
        self.start_media(leg, message);
    }

    /// A retransmission, or a re-INVITE.
    pub(crate) fn take_invite_again(&mut self, leg: usize, message: &Message) {
        if self.legs[leg].state == State::Answering {
            let text = self.legs[leg].pending.clone();
            self.send(self.legs[leg].side, &text);
        } else {
            self.take_offer(leg, message);
        }
    }

    pub(crate) fn take_offer(&mut self, leg: usize, message: &Message) {
        let Ok(sdp) = self.describe(leg) else { return };
        let side = self.legs[leg].side;
        let contact = format!("Contact: <sip:bench@{}>\r\n", self.sides[side].address);
        self.reply(side, message, "200 OK", &format!("{contact}{}", body(&sdp)));
        self.start_media(leg, message);
    }

    pub(crate) fn take_ack(&mut self, leg: usize) {
        if self.legs[leg].state != State::Answering {
            return;
        }
        self.answered(leg);
        self.legs[leg].state = State::Up;
        let call = self.legs[leg].call;
        if self.shapes[call].kind == Kind::Desk {
            return self.take_desk_ack(leg);
        }
        if self.calls[call].callee != Some(leg) {
            return;
        }
        let (delay, timer) = match self.shapes[call].kind {
            Kind::Transfer(delay) => (delay, Timer::Refer { call }),
            Kind::Attended(delay) => (delay, Timer::Consult { call }),
            _ => return,
        };
        self.timers.push(Reverse((system::now() + delay * MILLISECOND, timer)));
    }
}
