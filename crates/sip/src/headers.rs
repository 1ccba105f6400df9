//! The headers that every message of a dialog carries alike (R8): phones that miss `replaces` in one of them silently
//! downgrade an attended transfer to a blind one.

use crate::interface::{Flow, Transport};
use crate::wire::{Builder, HeaderName, Message, NameAddr, Print, Uri};

/// What we take, in every Allow.
pub(crate) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY, INFO, UPDATE, PRACK, SUBSCRIBE";
/// What we can, in every Supported.
pub(crate) const SUPPORTED: &str = "100rel, replaces, norefersub, tdialog, timer";
/// The option tags that a Require may ask of us (RFC 3261 §8.2.2.3).
pub(crate) const KNOWN_OPTIONS: &[&str] = &["100rel", "replaces", "norefersub", "tdialog", "timer"];
/// What a session description is.
pub(crate) const SDP: &str = "application/sdp";
/// The bodies that a request with a session description may have (RFC 5621 §8.3: who reads multipart says so).
pub(crate) const ACCEPT: &str = "application/sdp, multipart/mixed, multipart/alternative, multipart/related";
/// What a transfer's progress is reported in (RFC 3420).
pub(crate) const SIPFRAG: &str = "message/sipfrag;version=2.0";

/// Allow and Supported.
pub(crate) fn capabilities(builder: &mut Builder) {
    builder.header(HeaderName::Allow, ALLOW);
    builder.header(HeaderName::Supported, SUPPORTED);
}

/// Allow and Supported of an INVITE without an offer: a reliable response to it would carry one, to be answered in the
/// PRACK (RFC 3262 §5), and the contact answers in the ACK.
pub(crate) fn capabilities_without_offer(builder: &mut Builder) {
    builder.header(HeaderName::Allow, ALLOW);
    builder.header(HeaderName::Supported, SUPPORTED.trim_start_matches("100rel, "));
}

/// RFC 6086 §5.2: which Info Packages we take. None, which the empty list says; digits come without one.
pub(crate) fn info_packages(builder: &mut Builder) {
    builder.header(HeaderName::RecvInfo, "");
}

/// Our Contact for a flow. The user part is for people who read traces; the dialog is found by its tags.
/// With `secure` it is a `sips` URI where the flow is encrypted (RFC 3261 §8.1.1.8, §12.1.1); RFC 5630 §5.1 lets such
/// a URI name TCP, which is what TLS runs over.
pub(crate) fn contact(user: &str, flow: &Flow, advertised: std::net::SocketAddr, secure: bool) -> String {
    let at = if user.is_empty() { "" } else { "@" };
    let secure = secure && flow.transport.is_secure();
    let scheme = if secure { "<sips:" } else { "<sip:" };
    let advertised = advertised.printed();
    match flow.transport {
        Transport::Udp => [scheme, user, at, &advertised, ">"].concat(),
        transport => {
            let transport = if secure && transport == Transport::Tls { Transport::Tcp } else { transport };
            [scheme, user, at, &advertised, ";transport=", transport.uri_parameter(), ">"].concat()
        }
    }
}

/// Whether a peer that sent this request must find `sips` in our Contact (RFC 3261 §12.1.1): the Request-URI or the topmost
/// Record-Route is one, or the Contact where there is no Record-Route.
pub(crate) fn wants_sips(request: &Message) -> bool {
    let is_sips = |uri: &Uri| uri.scheme() == "sips";
    let hop = match request.values(HeaderName::RecordRoute).next() {
        Some(route) => NameAddr::parse(route).ok().map(|route| route.uri),
        None => request.contact().ok().flatten().map(|contact| contact.uri),
    };
    Uri::parse(request.request_uri()).is_ok_and(|uri| is_sips(&uri)) || hop.is_some_and(|uri| is_sips(&uri))
}
