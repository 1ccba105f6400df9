//! The RTP ports of this node: handed out oldest first, so that a port rests as long as possible before a new call
//! can inherit a stranger's late packets.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Free even ports, the longest rested in front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ports {
    free: VecDeque<u16>,
    total: usize,
}

impl Ports {
    /// All even ports from `first` whose odd neighbour is at most `last`.
    pub(crate) fn new(first: u16, last: u16) -> Self {
        let first = first.saturating_add(first % 2);
        let free: VecDeque<u16> = (first..last).step_by(2).collect();
        let total = free.len();
        Ports { free, total }
    }

    pub(crate) fn take(&mut self) -> Option<u16> {
        self.free.pop_front()
    }

    pub(crate) fn give_back(&mut self, port: u16) {
        self.free.push_back(port);
    }

    /// Whether none is left.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.free.is_empty()
    }

    /// How many are in use.
    pub(crate) fn used(&self) -> usize {
        self.total.saturating_sub(self.free.len())
    }
}
