//! The dialog (RFC 3261 §12): who the two sides are, which numbers their requests carry, and which way requests go.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::interface::{Flow, Transport};
use crate::outgoing::{BRANCH_START, Way};
use crate::subject::Subject;
use crate::wire::{BadValue, HeaderName, Host, Message, NameAddr, Print, Uri};

/// One dialog, early or confirmed. While `remote_tag` is empty the peer has not made its half.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Dialog {
    /// Call-ID.
    pub(crate) call_id: String,
    /// Our tag.
    pub(crate) local_tag: String,
    /// The peer's tag.
    pub(crate) remote_tag: String,
    /// Our From value in requests, tag included.
    pub(crate) local: String,
    /// Our To value in requests, tag included once it is known.
    pub(crate) remote: String,
    /// The remote target (RFC 3261 §12.1): the Request-URI of our requests.
    pub(crate) target: String,
    /// The route set, topmost first.
    pub(crate) routes: Vec<String>,
    /// The CSeq number of our last request.
    pub(crate) local_cseq: u32,
    /// The CSeq number of the peer's last request.
    pub(crate) remote_cseq: Option<u32>,
    /// Our Contact value.
    pub(crate) contact: String,
    /// Whether the Call-ID is ours: it decides the back-off after a glare (RFC 3261 §14.1).
    pub(crate) call_id_is_ours: bool,
    /// The way that requests go when the remote target says nothing better.
    pub(crate) flow: Flow,
    /// A phone's dialog: requests go along the flow, whatever the phone's Contact claims (P7).
    pub(crate) along_flow: bool,
    /// Whom a TLS peer's certificate must name.
    pub(crate) subject: Subject,
}

/// What a request's CSeq number means for a dialog (RFC 3261 §12.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// Higher than the last one.
    Next,
    /// Not higher: out of order, 500.
    Old,
}

/// How many Record-Route values are taken; a longer list is cut by no honest proxy and refused by us.
pub(crate) const ROUTES_MAX: usize = 16;

impl Dialog {
    /// The server's half, made from an INVITE (RFC 3261 §12.1.1).
    pub(crate) fn of_request(
        request: &Message,
        local_tag: String,
        contact: String,
        flow: Flow,
        along_flow: bool,
    ) -> Result<Self, BadValue> {
        let from = request.from();
        // RFC 2543 let an INVITE go without Contact; its From is then where it can be reached (RFC 4475 §3.4.1).
        let is_old = !request.branch().starts_with(BRANCH_START);
        let reached = request.contact()?.or_else(|| is_old.then(|| from.clone())).ok_or(BadValue)?;
        let target = reached.uri.printed();
        Ok(Dialog {
            call_id: request.call_id().to_owned(),
            remote_tag: from.tag().unwrap_or("").to_owned(),
            local: request.to().with_tag(&local_tag).printed(),
            remote: from.printed(),
            local_tag,
            target,
            routes: routes_of(request)?,
            local_cseq: 0,
            remote_cseq: Some(request.cseq().number),
            contact,
            call_id_is_ours: false,
            flow,
            along_flow,
            subject: Subject::default(),
        })
    }

    /// The client's half becomes whole with a response that carries a To tag (RFC 3261 §12.1.2). A second response of
    /// the same dialog moves the remote target only.
    pub(crate) fn join_response(&mut self, response: &Message) -> Result<(), BadValue> {
        let to = response.to();
        let tag = to.tag().unwrap_or("");
        if self.remote_tag != tag || self.routes.is_empty() {
            let mut routes = routes_of(response)?;
            routes.reverse();
            self.routes = routes;
        }
        self.remote_tag = tag.to_owned();
        self.remote = to.printed();
        self.refresh_target(response)
    }

    /// A target refresh request or its 2xx moves the remote target (RFC 3261 §12.2.1.2, §12.2.2); the route set stays.
    pub(crate) fn refresh_target(&mut self, message: &Message) -> Result<(), BadValue> {
        if let Some(contact) = message.contact()? {
            self.target = contact.uri.printed();
        }
        Ok(())
    }

    /// Takes the number of a request of the peer's.
    pub(crate) fn take_remote_cseq(&mut self, number: u32) -> Sequence {
        if self.remote_cseq.is_some_and(|last| number <= last) {
            return Sequence::Old;
        }
        self.remote_cseq = Some(number);
        Sequence::Next
    }

    /// The number of our next request.
    pub(crate) fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.wrapping_add(1);
        self.local_cseq
    }

    /// Whether a message of the peer's with these names belongs here. An RFC 2543 peer has no tag.
    pub(crate) fn is_of_peer(&self, call_id: &str, remote_tag: Option<&str>) -> bool {
        self.call_id == call_id && self.remote_tag == remote_tag.unwrap_or("")
    }

    /// Request-URI and Route values (RFC 3261 §12.2.1.1), strict routers included.
    pub(crate) fn addressing(&self) -> (String, Vec<String>) {
        let Some(first) = self.routes.first().and_then(|route| NameAddr::parse(route).ok()) else {
            return (self.target.clone(), self.routes.clone());
        };
        let loose = first.uri.as_sip().is_some_and(|uri| uri.params.has("lr"));
        if loose {
            return (self.target.clone(), self.routes.clone());
        }
        let mut routes: Vec<String> = self.routes.iter().skip(1).cloned().collect();
        routes.push(format!("<{}>", self.target));
        (first.uri.to_string(), routes)
    }

    /// The way of a request of this dialog along a flow.
    pub(crate) fn along(&self, flow: Flow) -> Way<'_> {
        Way { flow, is_only: self.along_flow, subject: &self.subject }
    }

    /// The host and port of the topmost route, else of the remote target.
    pub(crate) fn named_next_hop(&self) -> Option<(Host, Option<u16>)> {
        let uri = self.next_uri()?;
        let uri = uri.as_sip()?;
        Some((uri.host.clone(), uri.port))
    }

    /// Where a request goes: the topmost route, else the remote target, if that is an address. A phone's requests go
    /// along its flow (P7); so do those to a host name, for the dialog's first request found its way along it, and those by a
    /// stream to the host of a connection, while that `is_up`. A host that was reached encrypted is reached so again, whatever
    /// its address names.
    pub(crate) fn next_hop(&self, is_up: bool) -> Option<(Transport, SocketAddr)> {
        if self.along_flow {
            return None;
        }
        let uri = self.next_uri()?;
        let uri = uri.as_sip()?;
        let host = uri.host.ip()?;
        let same_host = host == self.flow.remote.ip();
        let transport = match uri.transport().as_deref() {
            Some("ws") => return None,
            // RFC 3261 §26.2.2, RFC 5630 §5.1: `sips` over any transport means TLS.
            _ if uri.secure => Transport::Tls,
            Some("udp" | "tcp") if same_host && self.flow.transport.is_secure() => self.flow.transport,
            Some("udp") => Transport::Udp,
            Some("tcp") => Transport::Tcp,
            Some("tls") => Transport::Tls,
            // RFC 3263 §4.1 says UDP; a peer that came by TCP or TLS and names no transport means that.
            _ if same_host => self.flow.transport,
            _ => Transport::Udp,
        };
        // A connection to the same host is kept.
        if is_up && same_host && transport.is_reliable() && self.flow.connection.is_some() {
            return None;
        }
        Some((transport, SocketAddr::new(host, uri.port.unwrap_or(transport.standard_port()))))
    }

    fn next_uri(&self) -> Option<Uri> {
        match self.routes.first() {
            Some(route) => Some(NameAddr::parse(route).ok()?.uri),
            None => Uri::parse(&self.target).ok(),
        }
    }
}

/// The route set that a message records, topmost first.
fn routes_of(message: &Message) -> Result<Vec<String>, BadValue> {
    let routes: Vec<String> = message.values(HeaderName::RecordRoute).map(str::to_owned).collect();
    if routes.len() > ROUTES_MAX {
        return Err(BadValue);
    }
    Ok(routes)
}
