//! An agent's call: the customer is consulted about, joined with the target, and left with it.

use std::cmp::Reverse;

use crate::leg::State;
use crate::load::{Load, MILLISECOND, Timer};
use crate::panels::{Button, Pressed};
use crate::system;

/// How long people talk before the next button.
const TALK: u64 = 400 * MILLISECOND;

impl Load {
    /// The agent's phone, or the target's, is through.
    pub(crate) fn take_desk_ack(&mut self, leg: usize) {
        let call = self.legs[leg].call;
        let button = if self.calls[call].target == Some(leg) { Button::Join } else { Button::Consult };
        self.press_later(call, button);
    }

    fn press_later(&mut self, call: usize, button: Button) {
        self.timers.push(Reverse((system::now() + TALK, Timer::Press { call, button })));
    }

    pub(crate) fn press(&mut self, call: usize, button: Button) {
        if button == Button::Leave {
            self.note_mixed(call);
        }
        if button == Button::Clear {
            let customer = self.caller_stream(call);
            self.calls[call].left = customer.map(|stream| self.media.watched(stream));
            // The agent has left some time ago; the customer may go too.
            let caller = self.calls[call].caller;
            if self.legs[caller].state == State::Up {
                self.bye(caller);
            }
        } else {
            for stream in self.desk_streams(call).into_iter().flatten() {
                self.media.watch(stream);
            }
        }
        if let (Some(panels), Some(agent)) = (&self.panels, self.calls[call].agent) {
            panels.press(agent, call, button);
        }
    }

    /// The streams of the customer and of the target.
    fn desk_streams(&self, call: usize) -> [Option<u32>; 2] {
        let target = self.calls[call].target.and_then(|leg| self.legs[leg].stream);
        [self.caller_stream(call), target]
    }

    /// When both the customer and the target had heard two tones in one frame.
    fn note_mixed(&mut self, call: usize) {
        let heard =
            self.desk_streams(call).map(|stream| stream.map_or(0, |stream| self.media.watched(stream).both_heard));
        if heard.iter().all(|at| *at != 0) {
            self.calls[call].mixed = heard[0].max(heard[1]);
        }
    }

    /// What the panels have done since.
    pub(crate) fn take_pressed(&mut self) {
        while let Some(Pressed { call, button, at, status }) = self.panels.as_ref().and_then(|panels| panels.pressed())
        {
            self.calls[call].pressed = status;
            if !(200..300).contains(&status) {
                self.fail(call, status);
                continue;
            }
            match button {
                // The target's ACK goes on from there.
                Button::Consult | Button::Clear => {}
                Button::Join => {
                    self.calls[call].joined = at;
                    self.press_later(call, Button::Leave);
                }
                Button::Leave => self.press_later(call, Button::Clear),
            }
        }
    }
}
