//! The small typed values that headers carry.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use super::params::cut_params;
use super::print::Print;
use super::text::{is_token, number, seconds, trim};
use super::{BadValue, Method, NameAddr, Params};

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
    pub fn parse(text: &str) -> Result<CSeq, BadValue> {
        let (number_text, method) = cseq_slices(text)?;
        Ok(CSeq { number: number_text, method: Method::parse(method).ok_or(BadValue)? })
    }
}

/// Number and method, the method not yet read.
pub(super) fn cseq_slices(text: &str) -> Result<(u32, &str), BadValue> {
    let (sequence, method) = trim(text).split_once([' ', '\t']).ok_or(BadValue)?;
    Ok((number(sequence).ok_or(BadValue)?, trim(method)))
}

impl Print for CSeq {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        self.number.print(out)?;
        out.write_str(" ")?;
        out.write_str(self.method.as_str())
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter)
    }
}

impl Reason {
    /// Reads one value.
    pub fn parse(text: &str) -> Result<Reason, BadValue> {
        let (protocol, params) = head_and_params(text)?;
        Ok(Reason { protocol, cause: params.get("cause").and_then(number), text: params.unquoted("text") })
    }
}

impl SessionExpires {
    /// Reads `1800;refresher=uac`.
    pub fn parse(text: &str) -> Result<SessionExpires, BadValue> {
        let (interval, params) = head_and_params(text)?;
        let refresher = match params.get("refresher").map(str::to_ascii_lowercase).as_deref() {
            Some("uac") => Some(Refresher::Uac),
            Some("uas") => Some(Refresher::Uas),
            Some(_) => return Err(BadValue),
            None => None,
        };
        Ok(SessionExpires { interval_s: seconds(&interval).ok_or(BadValue)?, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresher = match self.refresher {
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
            None => "",
        };
        write!(formatter, "{}{refresher}", self.interval_s)
    }
}

impl EventPackage {
    /// Reads `refer;id=93809824`.
    pub fn parse(text: &str) -> Result<EventPackage, BadValue> {
        let (package, params) = head_and_params(text)?;
        Ok(EventPackage { package, id: params.get("id").map(str::to_owned) })
    }
}

impl fmt::Display for EventPackage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.package)?;
        match &self.id {
            Some(id) => write!(formatter, ";id={id}"),
            None => Ok(()),
        }
    }
}

impl SubscriptionState {
    /// Reads `terminated;reason=noresource`.
    pub fn parse(text: &str) -> Result<SubscriptionState, BadValue> {
        let (state, params) = head_and_params(text)?;
        Ok(SubscriptionState {
            state: state.to_ascii_lowercase(),
            expires_s: params.get("expires").and_then(seconds),
            reason: params.get("reason").map(str::to_owned),
            retry_after_s: params.get("retry-after").and_then(seconds),
        })
    }
}

impl RAck {
    /// Reads `776656 1 INVITE`.
    pub fn parse(text: &str) -> Result<RAck, BadValue> {
        let (response, cseq) = trim(text).split_once([' ', '\t']).ok_or(BadValue)?;
        Ok(RAck { response_number: number(response).ok_or(BadValue)?, cseq: CSeq::parse(cseq)? })
    }
}

impl Print for RAck {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        self.response_number.print(out)?;
        out.write_str(" ")?;
        self.cseq.print(out)
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter)
    }
}

/// `token;params`: the token is not empty and has no blanks.
fn head_and_params(text: &str) -> Result<(String, Params), BadValue> {
    let (head, params) = cut_params(text);
    let head = trim(head);
    if !is_token(head) {
        return Err(BadValue);
    }
    Ok((head.to_owned(), Params::parse(params)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cseqs_have_a_number_and_a_method() {
        assert_eq!(CSeq::parse("0009   INVITE"), Ok(CSeq { number: 9, method: Method::Invite }));
        assert_eq!(CSeq::parse("4294967295 x"), Ok(CSeq { number: u32::MAX, method: Method::Other("x".into()) }));
        for text in
            ["", "1", "INVITE", "1 ", "-1 INVITE", "4294967296 INVITE", "36893488147419103232 REGISTER", "1 A B"]
        {
            assert_eq!(CSeq::parse(text), Err(BadValue), "{text}");
        }
    }

    #[test]
    fn reasons_tell_cause_and_text() {
        let wanted = Reason { protocol: "Q.850".into(), cause: Some(16), text: Some("Normal, \"clearing\"".into()) };
        assert_eq!(Reason::parse(r#"Q.850 ;cause=16 ;text="Normal, \"clearing\"""#), Ok(wanted));
        assert_eq!(Reason::parse("SIP;cause=99999").unwrap().cause, None);
        assert_eq!(Reason::parse(";cause=1"), Err(BadValue));
    }

    #[test]
    fn session_timers_read_and_print() {
        for text in ["1800", "90;refresher=uas", "4000;refresher=uac"] {
            assert_eq!(SessionExpires::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "x", "-5", "90;refresher=both"] {
            assert_eq!(SessionExpires::parse(text), Err(BadValue), "{text}");
        }
    }

    #[test]
    fn subscriptions_and_packages_read() {
        let state = SubscriptionState::parse("Terminated ; reason=noresource;retry-after=5").unwrap();
        assert_eq!(
            (state.state.as_str(), state.reason.as_deref(), state.retry_after_s),
            ("terminated", Some("noresource"), Some(5))
        );
        assert_eq!(SubscriptionState::parse("active;expires=60").unwrap().expires_s, Some(60));
        assert_eq!(EventPackage::parse("refer;id=7").unwrap().to_string(), "refer;id=7");
        assert_eq!(EventPackage::parse("a b"), Err(BadValue));
    }

    #[test]
    fn racks_read_and_print() {
        assert_eq!(RAck::parse("776656 1 INVITE").unwrap().to_string(), "776656 1 INVITE");
        for text in ["", "1", "1 2", "x 1 INVITE"] {
            assert_eq!(RAck::parse(text), Err(BadValue), "{text}");
        }
    }
}
