//! The small typed values, and the views on a message that read them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    BadValue, Challenge, DigestCredentials, HeaderName, Message, Method, NameAddr, Params, ReferTo,
    Replaces, Via,
};

/// CSeq (RFC 3261 §20.16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CSeq {
    /// The number, below 2³¹ in what we send.
    pub number: u32,
    /// The method.
    pub method: Method,
}

/// The Contact headers of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Contacts {
    /// `Contact: *` (RFC 3261 §10.2.2).
    Star,
    /// All values, in order; empty when there is no Contact.
    List(Vec<NameAddr>),
}

/// One Reason value (RFC 3326).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `SIP`, `Q.850` …
    pub protocol: String,
    /// The cause.
    pub cause: Option<u16>,
    /// The text, unquoted.
    pub text: Option<String>,
}

/// Who refreshes the session (RFC 4028).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refresher {
    /// The sender of the request.
    Uac,
    /// Its receiver.
    Uas,
}

/// Session-Expires (RFC 4028 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionExpires {
    /// The interval in seconds.
    pub interval_s: u32,
    /// The refresher, when named.
    pub refresher: Option<Refresher>,
}

/// Event (RFC 6665 §8.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventPackage {
    /// The package, as written.
    pub package: String,
    /// The `id` parameter.
    pub id: Option<String>,
}

/// Subscription-State (RFC 6665 §8.2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionState {
    /// `active`, `pending`, `terminated` or another token, in lower case.
    pub state: String,
    /// `expires`, seconds.
    pub expires_s: Option<u32>,
    /// `reason`.
    pub reason: Option<String>,
    /// `retry-after`, seconds.
    pub retry_after_s: Option<u32>,
}

/// RAck (RFC 3262 §7.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RAck {
    /// The RSeq that is acknowledged.
    pub response_number: u32,
    /// The CSeq of the response.
    pub cseq: CSeq,
}

impl CSeq {
    /// Reads `4711 INVITE`; the number is below 2³² (RFC 3261 §8.1.1.5 asks for 2³¹, some peers send more).
    pub fn parse(_text: &str) -> Result<CSeq, BadValue> {
        unimplemented!()
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.number, self.method)
    }
}

impl Reason {
    /// Reads one value.
    pub fn parse(_text: &str) -> Result<Reason, BadValue> {
        unimplemented!()
    }
}

impl Message {
    /// The topmost Via.
    pub fn via(&self) -> Via {
        unimplemented!()
    }

    /// All Via values, topmost first.
    pub fn vias(&self) -> Result<Vec<Via>, BadValue> {
        unimplemented!()
    }

    /// The topmost Via's branch; empty when there is none.
    pub fn branch(&self) -> &str {
        unimplemented!()
    }

    /// From.
    pub fn from(&self) -> NameAddr {
        unimplemented!()
    }

    /// To.
    pub fn to(&self) -> NameAddr {
        unimplemented!()
    }

    /// The From tag.
    pub fn from_tag(&self) -> Option<&str> {
        unimplemented!()
    }

    /// The To tag.
    pub fn to_tag(&self) -> Option<&str> {
        unimplemented!()
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        unimplemented!()
    }

    /// CSeq.
    pub fn cseq(&self) -> CSeq {
        unimplemented!()
    }

    /// Contact.
    pub fn contacts(&self) -> Result<Contacts, BadValue> {
        unimplemented!()
    }

    /// The first Contact that is an address.
    pub fn contact(&self) -> Result<Option<NameAddr>, BadValue> {
        unimplemented!()
    }

    /// All values of a header that holds addresses: Route, Record-Route, Path, P-Asserted-Identity …
    pub fn name_addrs(&self, _name: HeaderName<'_>) -> Result<Vec<NameAddr>, BadValue> {
        unimplemented!()
    }

    /// Max-Forwards, 0–255.
    pub fn max_forwards(&self) -> Result<Option<u8>, BadValue> {
        unimplemented!()
    }

    /// Expires, in seconds; a number above 2³²−1 reads as 2³²−1 (RFC 3261 §20.19).
    pub fn expires_s(&self) -> Result<Option<u32>, BadValue> {
        unimplemented!()
    }

    /// Min-Expires, in seconds.
    pub fn min_expires_s(&self) -> Result<Option<u32>, BadValue> {
        unimplemented!()
    }

    /// Session-Expires.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, BadValue> {
        unimplemented!()
    }

    /// Min-SE, in seconds.
    pub fn min_se_s(&self) -> Result<Option<u32>, BadValue> {
        unimplemented!()
    }

    /// Retry-After, in seconds.
    pub fn retry_after_s(&self) -> Option<u32> {
        unimplemented!()
    }

    /// All Reason values; unreadable ones are left out.
    pub fn reasons(&self) -> Vec<Reason> {
        unimplemented!()
    }

    /// The Q.850 cause of a Reason header.
    pub fn q850(&self) -> Option<u16> {
        unimplemented!()
    }

    /// Replaces; two of them are an error (RFC 3891 §3).
    pub fn replaces(&self) -> Result<Option<Replaces>, BadValue> {
        unimplemented!()
    }

    /// Refer-To; `Ok(None)` when absent, an error when there are two (RFC 3515 §2.4.2).
    pub fn refer_to(&self) -> Result<Option<ReferTo>, BadValue> {
        unimplemented!()
    }

    /// Refer-Sub (RFC 4488); `None` when absent.
    pub fn refer_sub(&self) -> Option<bool> {
        unimplemented!()
    }

    /// Event.
    pub fn event(&self) -> Option<EventPackage> {
        unimplemented!()
    }

    /// Subscription-State.
    pub fn subscription_state(&self) -> Option<SubscriptionState> {
        unimplemented!()
    }

    /// RAck.
    pub fn rack(&self) -> Result<Option<RAck>, BadValue> {
        unimplemented!()
    }

    /// RSeq.
    pub fn rseq(&self) -> Result<Option<u32>, BadValue> {
        unimplemented!()
    }

    /// P-Asserted-Identity, or Remote-Party-ID where that is absent: the first readable value.
    pub fn identity(&self) -> Option<NameAddr> {
        unimplemented!()
    }

    /// Whether a list header (Supported, Require, Allow …) holds a token, in any case; for Allow in that case only.
    pub fn has_token(&self, _name: HeaderName<'_>, _token: &str) -> bool {
        unimplemented!()
    }

    /// The option tags of Require that are not in `known`: the value of a 420's Unsupported.
    pub fn unknown_requirements(&self, _known: &[&str]) -> Vec<String> {
        unimplemented!()
    }

    /// Content-Type without its parameters, in lower case.
    pub fn content_type(&self) -> Option<String> {
        unimplemented!()
    }

    /// Digest credentials of Authorization or Proxy-Authorization; other schemes are left out.
    pub fn credentials(&self, _name: HeaderName<'_>) -> Vec<DigestCredentials> {
        unimplemented!()
    }

    /// Digest challenges of WWW-Authenticate or Proxy-Authenticate; other schemes are left out.
    pub fn challenges(&self, _name: HeaderName<'_>) -> Vec<Challenge> {
        unimplemented!()
    }
}

#[allow(dead_code)]
fn _unused(_: Params) {}
