//! The typed views on a message. Those on headers that `parse` has checked cannot fail; the others can.

use std::net::SocketAddr;

use super::message::Message;
use super::text::{number, seconds, trim};
use super::via::ViaSlices;
use super::{
    BadValue, CSeq, Challenge, Contacts, DigestCredentials, EventPackage, HeaderName, Host, Method, NameAddr, Params,
    RAck, Reason, ReferTo, Replaces, SessionExpires, SubscriptionState, TargetDialog, Uri, Via,
};

impl Message {
    /// The topmost Via.
    pub fn via(&self) -> Via {
        let unreadable = || Via {
            transport: "UDP".into(),
            host: Host::Name("invalid.invalid".into()),
            port: None,
            params: Params::default(),
        };
        self.values(HeaderName::Via).next().and_then(|value| Via::parse(value).ok()).unwrap_or_else(unreadable)
    }

    /// The topmost Via's sent-by: host as it is written, and port.
    pub fn sent_by(&self) -> (&str, Option<u16>) {
        self.topmost_via().map_or(("invalid.invalid", None), |via| via.sent_by())
    }

    /// Where a UDP response goes (RFC 3261 §18.2.2, RFC 3581 §4), the request having come from `source`. `maddr` is
    /// not followed: it would let a sender aim our responses at somebody else.
    pub fn response_address(&self, source: SocketAddr) -> SocketAddr {
        self.topmost_via().map_or(source, |via| via.response_address(source))
    }

    fn topmost_via(&self) -> Option<ViaSlices<'_>> {
        self.values(HeaderName::Via).next().and_then(|value| ViaSlices::parse(value).ok())
    }

    /// All Via values, topmost first.
    pub fn vias(&self) -> Result<Vec<Via>, BadValue> {
        self.values(HeaderName::Via).map(Via::parse).collect()
    }

    /// From.
    pub fn from(&self) -> NameAddr {
        self.address(HeaderName::From)
    }

    /// To.
    pub fn to(&self) -> NameAddr {
        self.address(HeaderName::To)
    }

    fn address(&self, name: HeaderName<'_>) -> NameAddr {
        let unreadable = || NameAddr::of(Uri::Opaque("invalid:".into()));
        self.header(name).and_then(|value| NameAddr::parse(value).ok()).unwrap_or_else(unreadable)
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        self.header(HeaderName::CallId).unwrap_or("")
    }

    /// CSeq.
    pub fn cseq(&self) -> CSeq {
        CSeq { number: self.cseq_number(), method: self.method().clone() }
    }

    /// Contact.
    pub fn contacts(&self) -> Result<Contacts, BadValue> {
        let values: Vec<&str> = self.values(HeaderName::Contact).collect();
        match values.as_slice() {
            ["*"] => Ok(Contacts::Star),
            // `*` beside others is an error (RFC 3261 §10.3 step 6): it does not read as an address.
            list => list.iter().map(|value| NameAddr::parse(value)).collect::<Result<_, _>>().map(Contacts::List),
        }
    }

    /// The first Contact that is an address.
    pub fn contact(&self) -> Result<Option<NameAddr>, BadValue> {
        match self.values(HeaderName::Contact).next() {
            Some("*") | None => Ok(None),
            Some(value) => NameAddr::parse(value).map(Some),
        }
    }

    /// All values of a header that holds addresses: Route, Record-Route, Path, P-Asserted-Identity …
    pub fn name_addrs(&self, name: HeaderName<'_>) -> Result<Vec<NameAddr>, BadValue> {
        self.values(name).map(NameAddr::parse).collect()
    }

    /// Max-Forwards, 0–255.
    pub fn max_forwards(&self) -> Result<Option<u8>, BadValue> {
        self.read(HeaderName::MaxForwards, number)
    }

    /// Expires, in seconds; a number above 2³²−1 reads as 2³²−1 (RFC 3261 §20.19).
    pub fn expires_s(&self) -> Result<Option<u32>, BadValue> {
        self.read(HeaderName::Expires, seconds)
    }

    /// Min-Expires, in seconds.
    pub fn min_expires_s(&self) -> Result<Option<u32>, BadValue> {
        self.read(HeaderName::MinExpires, seconds)
    }

    /// Session-Expires.
    pub fn session_expires(&self) -> Result<Option<SessionExpires>, BadValue> {
        self.read(HeaderName::SessionExpires, |value| SessionExpires::parse(value).ok())
    }

    /// Min-SE, in seconds.
    pub fn min_se_s(&self) -> Result<Option<u32>, BadValue> {
        self.read(HeaderName::MinSe, |value| seconds(trim(value.split(';').next().unwrap_or(""))))
    }

    /// Retry-After, in seconds; its comment and parameters are left out.
    pub fn retry_after_s(&self) -> Option<u32> {
        let value = self.header(HeaderName::RetryAfter)?;
        seconds(trim(value.split([';', '(']).next().unwrap_or("")))
    }

    /// All Reason values; unreadable ones are left out.
    pub fn reasons(&self) -> Vec<Reason> {
        self.values(HeaderName::Reason).filter_map(|value| Reason::parse(value).ok()).collect()
    }

    /// The Q.850 cause of a Reason header.
    pub fn q850(&self) -> Option<u16> {
        self.reasons().into_iter().find(|reason| reason.protocol.eq_ignore_ascii_case("Q.850"))?.cause
    }

    /// Replaces; two of them are an error (RFC 3891 §3).
    pub fn replaces(&self) -> Result<Option<Replaces>, BadValue> {
        self.read_only(HeaderName::Replaces, Replaces::parse)
    }

    /// Refer-To; `Ok(None)` when absent, an error when there are two (RFC 3515 §2.4.2).
    pub fn refer_to(&self) -> Result<Option<ReferTo>, BadValue> {
        self.read_only(HeaderName::ReferTo, ReferTo::parse)
    }

    /// Target-Dialog; two of them are an error (RFC 4538 §7).
    pub fn target_dialog(&self) -> Result<Option<TargetDialog>, BadValue> {
        self.read_only(HeaderName::TargetDialog, TargetDialog::parse)
    }

    /// Max-Breadth (RFC 5393 §5.1); one that does not read counts as absent.
    pub fn max_breadth(&self) -> Option<u32> {
        number(trim(self.header(HeaderName::MaxBreadth)?))
    }

    /// Refer-Sub (RFC 4488); `None` when absent.
    pub fn refer_sub(&self) -> Option<bool> {
        let value = self.header(HeaderName::ReferSub)?;
        Some(!trim(value.split(';').next().unwrap_or("")).eq_ignore_ascii_case("false"))
    }

    /// Event.
    pub fn event(&self) -> Option<EventPackage> {
        EventPackage::parse(self.header(HeaderName::Event)?).ok()
    }

    /// Subscription-State.
    pub fn subscription_state(&self) -> Option<SubscriptionState> {
        SubscriptionState::parse(self.header(HeaderName::SubscriptionState)?).ok()
    }

    /// RAck.
    pub fn rack(&self) -> Result<Option<RAck>, BadValue> {
        self.read(HeaderName::RAck, |value| RAck::parse(value).ok())
    }

    /// RSeq.
    pub fn rseq(&self) -> Result<Option<u32>, BadValue> {
        self.read(HeaderName::RSeq, number)
    }

    /// P-Asserted-Identity, or Remote-Party-ID where that is absent: the first readable value.
    pub fn identity(&self) -> Option<NameAddr> {
        [HeaderName::PAssertedIdentity, HeaderName::RemotePartyId]
            .into_iter()
            .find_map(|name| self.values(name).find_map(|value| NameAddr::parse(value).ok()))
    }

    /// Whether a list header (Supported, Require, Allow …) holds a token, in any case; for Allow in that case only.
    pub fn has_token(&self, name: HeaderName<'_>, token: &str) -> bool {
        let exact = name == HeaderName::Allow;
        self.values(name).any(|value| value == token || !exact && value.eq_ignore_ascii_case(token))
    }

    /// Whether Allow names a method; `None` when there is no Allow.
    pub fn allows(&self, method: &Method) -> Option<bool> {
        self.header(HeaderName::Allow)?;
        Some(self.has_token(HeaderName::Allow, method.as_str()))
    }

    /// The option tags of Require that are not in `known`: the value of a 420's Unsupported.
    pub fn unknown_requirements(&self, known: &[&str]) -> Vec<String> {
        self.values(HeaderName::Require)
            .filter(|tag| !known.iter().any(|known| known.eq_ignore_ascii_case(tag)))
            .map(str::to_owned)
            .collect()
    }

    /// Content-Type without its parameters, in lower case.
    pub fn content_type(&self) -> Option<String> {
        let value = self.header(HeaderName::ContentType)?;
        Some(trim(value.split(';').next().unwrap_or("")).to_ascii_lowercase())
    }

    /// Digest credentials of Authorization or Proxy-Authorization; other schemes are left out.
    pub fn credentials(&self, name: HeaderName<'_>) -> Vec<DigestCredentials> {
        self.headers(name).filter_map(|value| DigestCredentials::parse(value).ok()).collect()
    }

    /// Digest challenges of WWW-Authenticate or Proxy-Authenticate; other schemes are left out.
    pub fn challenges(&self, name: HeaderName<'_>) -> Vec<Challenge> {
        self.headers(name).filter_map(|value| Challenge::parse(value).ok()).collect()
    }

    fn read<T>(&self, name: HeaderName<'_>, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, BadValue> {
        self.header(name).map(|value| read(value).ok_or(BadValue)).transpose()
    }

    /// For headers that may stand only once.
    fn read_only<T>(
        &self,
        name: HeaderName<'_>,
        read: impl Fn(&str) -> Result<T, BadValue>,
    ) -> Result<Option<T>, BadValue> {
        let mut lines = self.headers(name);
        match (lines.next(), lines.next()) {
            (Some(_), Some(_)) => Err(BadValue),
            (Some(value), None) => read(value).map(Some),
            (None, _) => Ok(None),
        }
    }
}
