//! Answers to challenges (RFC 3261 §22.2, §22.3): credentials once per nonce, again when the old nonce was stale.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Session;
use crate::digest;
use crate::interface::{Credentials, Flow};
use crate::random::Random;
use crate::stack::Stack;
use crate::transaction::{Owner, TransactionId};
use crate::wire::{Challenge, DigestCredentials, HeaderName, Message, Method};

/// What a session answers challenges with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Authorization {
    credentials: Credentials,
    challenge: Option<Challenge>,
    from_proxy: bool,
    count: u32,
}

impl Authorization {
    /// Not challenged yet.
    pub(crate) fn new(credentials: Credentials) -> Self {
        Authorization { credentials, challenge: None, from_proxy: false, count: 0 }
    }

    /// Credentials for the nonce that was good before, so that later requests of the dialog are not challenged again.
    pub(crate) fn again(
        &mut self,
        random: &mut Random,
        method: &Method,
        uri: &str,
        body: &[u8],
    ) -> Option<(HeaderName<'static>, String)> {
        let challenge = self.challenge.as_ref()?;
        self.count += 1;
        let cnonce = random.token();
        let answer = digest::answer(challenge, &self.credentials, method, uri, body, &cnonce, self.count)?;
        let name = if self.from_proxy { HeaderName::ProxyAuthorization } else { HeaderName::Authorization };
        Some((name, answer.to_string()))
    }

    /// Takes a challenge; false when it repeats one that our credentials did not satisfy.
    pub(crate) fn take(&mut self, response: &Message, request: &Message) -> bool {
        let from_proxy = response.status() == 407;
        let (asks, answers) = if from_proxy {
            (HeaderName::ProxyAuthenticate, HeaderName::ProxyAuthorization)
        } else {
            (HeaderName::WwwAuthenticate, HeaderName::Authorization)
        };
        let challenges = response.challenges(asks);
        let Some(challenge) = digest::choose(&challenges) else { return false };
        let tried = request.credentials(answers);
        // A second challenge to credentials that were made for the first one is a refusal, unless the server says that the
        // nonce was old. Those with a nonce that an earlier request used already were a guess: many servers take a nonce
        // once and never say `stale`.
        let refused = |credentials: &DigestCredentials| {
            let count = credentials.nc.as_deref().and_then(|nc| u32::from_str_radix(nc, 16).ok()).unwrap_or(self.count);
            credentials.nonce == challenge.nonce || (count <= 1 && !challenge.stale)
        };
        if tried.iter().any(refused) {
            return false;
        }
        self.challenge = Some(challenge.clone());
        self.from_proxy = from_proxy;
        self.count = 0;
        true
    }
}

impl Session {
    /// Sends a challenged request again with credentials. `None` when it cannot be, and the 401 or 407 is final.
    pub(super) fn answer_challenge(
        &mut self,
        stack: &mut Stack,
        response: &Message,
        request: Bytes,
        owner: Owner,
        flow: Flow,
    ) -> Option<TransactionId> {
        let original = Message::parse(request).ok()?;
        let own = self.authorization.as_mut()?;
        if !own.take(response, &original) {
            return None;
        }
        let credentials = own.again(&mut stack.random, original.method(), original.request_uri(), &original.body())?;
        let cseq = self.dialog.next_cseq();
        stack.request_again(self.dialog.along(flow), &original, cseq, Some(owner), Some(credentials)).ok()
    }
}
