//! The side that calls: trunk A, and the callee that consults.

use std::cmp::Reverse;
use std::io;

use crate::call::{Call, Kind, Shape};
use crate::leg::{State, acknowledgement, replaces, request};
use crate::load::{Load, MILLISECOND, SECOND, Side, Timer};
use crate::message::{Message, NO_BODY, body};
use crate::system;

impl Load {
    /// Starts `count` calls at `rate` a second, on schedule whatever happens, and returns after the last.
    pub(crate) fn start(&mut self, rate: f64, count: usize, shape: Shape) -> io::Result<()> {
        let begin = system::now();
        for index in 0..count {
            let at = begin + (index as f64 / rate * SECOND as f64) as u64;
            self.run_until(at)?;
            self.lateness = self.lateness.max(system::now().saturating_sub(at));
            self.invite(shape)?;
        }
        Ok(())
    }

    /// Hangs up all calls, at 200 a second.
    pub(crate) fn hang_up_all(&mut self) -> io::Result<()> {
        for call in 0..self.calls.len() {
            let leg = self.calls[call].caller;
            if self.legs[leg].state == State::Up {
                self.bye(leg);
                self.run_until(system::now() + 5 * MILLISECOND)?;
            }
        }
        self.run_until(system::now() + 300 * MILLISECOND)
    }

    pub(crate) fn invite(&mut self, shape: Shape) -> io::Result<()> {
        let call = self.calls.len();
        let call_id = format!("a{call}-{}", self.run);
        let caller = self.add_leg(0, call, State::Calling, &call_id);
        self.calls.push(Call { caller, ..Call::default() });
        self.shapes.push(shape);
        let number = match shape.kind {
            Kind::Room(room, _) => format!("70{room:02}"),
            Kind::Desk => "7800".to_owned(),
            _ => format!("9{call:06}"),
        };
        self.calls[call].started = system::now();
        self.send_invite(caller, &number)
    }

    /// The callee calls the target of its attended transfer.
    pub(crate) fn consult(&mut self, call: usize) -> io::Result<()> {
        let call_id = format!("c{call}-{}", self.run);
        let leg = self.add_leg(1, call, State::Calling, &call_id);
        self.calls[call].consult = Some(leg);
        self.send_invite(leg, &format!("8{call:06}"))
    }

    pub(crate) fn send_invite(&mut self, leg: usize, number: &str) -> io::Result<()> {
        let Side { address, server, .. } = self.sides[self.legs[leg].side];
        let end = body(&self.describe(leg)?);
        let leg_state = &mut self.legs[leg];
        leg_state.ours = format!("<sip:5{:06}@{address}>;tag={}", leg_state.call, leg_state.call_id);
        leg_state.theirs = format!("<sip:{number}@{server}>");
        leg_state.remote = format!("sip:{number}@{server}");
        let text = request(leg_state, "INVITE", address, &end);
        self.send_until_answered(leg, text);
        Ok(())
    }

    pub(crate) fn bye(&mut self, leg: usize) {
        self.legs[leg].state = State::Closing;
        let text = self.in_dialog(leg, "BYE", NO_BODY);
        self.send_until_answered(leg, text);
    }

    pub(crate) fn refer(&mut self, call: usize) {
        let Some(leg) = self.calls[call].callee else { return };
        if self.legs[leg].state != State::Up {
            return;
        }
        let server = self.sides[1].server;
        let replaces = self.calls[call].consult.map(|consult| replaces(&self.legs[consult])).unwrap_or_default();
        let rest = format!(
            "Refer-To: <sip:8{call:06}@{server}{replaces}>\r\nReferred-By: <sip:9{call:06}@{server}>\r\n{NO_BODY}"
        );
        let text = self.in_dialog(leg, "REFER", &rest);
        self.calls[call].referred = system::now();
        self.send_until_answered(leg, text);
    }

    pub(crate) fn take_response(&mut self, side: usize, message: &Message, status: u16, at: u64) {
        let call_id = message.header("Call-ID", "i").unwrap_or_default();
        if call_id.starts_with("options-") {
            self.server_answers = true;
        }
        let Some(leg) = self.by_call_id[side].get(call_id).copied() else { return };
        match message.cseq_method() {
            "INVITE" => self.take_invite_response(leg, message, status, at),
            "BYE" if status >= 200 => self.over(leg),
            "REFER" if status >= 200 => {
                self.answered(leg);
                let call = self.legs[leg].call;
                self.calls[call].refer_status = status;
                if status >= 300 {
                    self.fail(call, status);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn take_invite_response(&mut self, leg: usize, message: &Message, status: u16, at: u64) {
        let is_new = matches!(self.legs[leg].state, State::Calling | State::Ringing);
        if status < 200 {
            if is_new {
                self.answered(leg);
                self.legs[leg].state = State::Ringing;
            }
            return;
        }
        let side = self.legs[leg].side;
        let address = self.sides[side].address;
        let branch_of_invite = self.legs[leg].sequence;
        if let Some(to) = message.header("To", "t")
            && is_new
        {
            self.legs[leg].theirs = to.to_owned();
        }
        if status >= 300 {
            let ack = acknowledgement(&self.legs[leg], address, branch_of_invite, true);
            self.send(side, &ack);
            let call = self.legs[leg].call;
            self.fail(call, status);
            self.over(leg);
            return;
        }
        if let Some(contact) = message.contact()
            && is_new
        {
            self.legs[leg].remote = contact.to_owned();
        }
        let ack = acknowledgement(&self.legs[leg], address, 1, false);
        self.send(side, &ack);
        if is_new {
            self.answered(leg);
            self.legs[leg].state = State::Up;
            self.start_media(leg, message);
            self.take_answer(leg, at);
        }
    }

    pub(crate) fn take_answer(&mut self, leg: usize, at: u64) {
        let call = self.legs[leg].call;
        if self.calls[call].consult == Some(leg) {
            // Some talk, as people would, before the two calls are joined.
            self.timers.push(Reverse((at + 200 * MILLISECOND, Timer::Refer { call })));
            return;
        }
        self.calls[call].answered = at;
        if let Some(hold) = self.shapes[call].hold {
            self.timers.push(Reverse((system::now() + hold, Timer::HangUp { leg })));
        }
    }
}
