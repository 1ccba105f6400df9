//! What makes feature codes valid: each can be told from any other as soon as its last key is pressed.

use super::{Findings, Place};
use crate::directory::FeatureCodes;

/// Most keys of a code.
const KEYS_MAX: usize = 6;

impl Findings {
    pub(super) fn feature_codes(&mut self, codes: &FeatureCodes) {
        let place = Place { table: "featureCodes", entry: "" };
        self.range(place, "numberSeconds", u64::from(codes.number_seconds), 1, 30);
        // What a phone dials has a meaning of its own, and no code in a call has another one.
        let agents = codes.of_agents().map(|(key, code, _)| (key, code));
        let agents: Vec<_> = agents.into_iter().chain([("supervise", codes.supervise.as_str())]).collect();
        let supervisors: Vec<_> = codes.of_supervisors().map(|(key, code, _)| (key, code)).into_iter().collect();
        for group in [agents, supervisors] {
            let used: Vec<_> = group.into_iter().filter(|(_, code)| !code.is_empty()).collect();
            for (at, (key, code)) in used.iter().enumerate() {
                let keys = code.bytes().all(|key| key.is_ascii_digit() || matches!(key, b'*' | b'#'));
                if !keys || !code.starts_with(['*', '#']) || !(2..=KEYS_MAX).contains(&code.len()) {
                    let message = format!("\"{code}\" is not * or # and 1 to 5 of 0-9 * # behind it");
                    self.add(place, key, message, None);
                }
                let clash = used[..at].iter().find(|(_, other)| other.starts_with(code) || code.starts_with(other));
                if let Some((other, _)) = clash {
                    self.add(place, key, format!("\"{code}\" cannot be told from the code of `{other}`"), None);
                }
            }
        }
    }
}
