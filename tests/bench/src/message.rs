//! Just enough of SIP to judge: reading what matters for a load, and templates. Nothing of it is baton's own code.

/// A message, as text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    /// The request or status line.
    pub(crate) first: &'a str,
    headers: &'a str,
    /// The body.
    pub(crate) body: &'a str,
}

impl<'a> Message<'a> {
    /// Splits `datagram`; `None` for keep-alives and what is not SIP.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(datagram).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let (first, headers) = head.split_once("\r\n")?;
        first.contains("SIP/2.0").then_some(Self { first, headers, body })
    }

    /// The status code of a response.
    pub(crate) fn status(&self) -> Option<u16> {
        self.first.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// The method of a request.
    pub(crate) fn method(&self) -> &'a str {
        self.first.split(' ').next().unwrap_or_default()
    }

    /// The method in CSeq: to what a response belongs.
    pub(crate) fn cseq_method(&self) -> &'a str {
        self.header("CSeq", "").and_then(|cseq| cseq.rsplit(' ').next()).unwrap_or_default()
    }

    /// The user part of a request's URI.
    pub(crate) fn request_user(&self) -> &'a str {
        let uri = self.first.split(' ').nth(1).unwrap_or_default();
        let user = uri.strip_prefix("sip:").unwrap_or(uri);
        user.split(['@', ';']).next().unwrap_or_default()
    }

    /// The user part of the caller's address.
    pub(crate) fn caller_user(&self) -> &'a str {
        let from = self.header("From", "f").unwrap_or_default();
        let (_, uri) = from.split_once("sip:").unwrap_or_default();
        uri.split(['@', ';', '>']).next().unwrap_or_default()
    }

    /// The first header of this name, or of its compact form.
    pub(crate) fn header(&self, name: &'a str, compact: &'a str) -> Option<&'a str> {
        self.all(name, compact).next()
    }

    /// All headers of this name.
    pub(crate) fn all(&self, name: &'a str, compact: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.split("\r\n").filter_map(move |line| {
            let (found, value) = line.split_once(':')?;
            let found = found.trim_end();
            let wanted =
                found.eq_ignore_ascii_case(name) || (!compact.is_empty() && found.eq_ignore_ascii_case(compact));
            wanted.then_some(value.trim())
        })
    }

    /// The URI of the Contact.
    pub(crate) fn contact(&self) -> Option<&'a str> {
        let value = self.header("Contact", "m")?;
        match value.split_once('<') {
            Some((_, rest)) => rest.split('>').next(),
            None => value.split(';').next(),
        }
    }

    /// Where the description in the body wants its RTP: address and port.
    pub(crate) fn media(&self) -> Option<std::net::SocketAddr> {
        let address = self.body.lines().find_map(|line| line.strip_prefix("c=IN IP4 "))?;
        let audio = self.body.lines().find_map(|line| line.strip_prefix("m=audio "))?;
        let port: u16 = audio.split(' ').next()?.parse().ok()?;
        Some(std::net::SocketAddr::new(address.trim().parse().ok()?, port))
    }

    /// The response to this request: its Vias, From, To, Call-ID and CSeq, and `rest` (headers and body).
    pub(crate) fn response(&self, status: &str, to_tag: &str, rest: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for via in self.all("Via", "v") {
            text.push_str(&format!("Via: {via}\r\n"));
        }
        let to = self.header("To", "t").unwrap_or_default();
        let tag = if to_tag.is_empty() || to.contains(";tag=") { String::new() } else { format!(";tag={to_tag}") };
        text.push_str(&format!(
            "From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{rest}",
            self.header("From", "f").unwrap_or_default(),
            self.header("Call-ID", "i").unwrap_or_default(),
            self.header("CSeq", "").unwrap_or_default(),
        ));
        text
    }
}

/// The end of a message without a body.
pub(crate) const NO_BODY: &str = "Content-Length: 0\r\n\r\n";

/// The end of a message with `description` as its body.
pub(crate) fn body(description: &str) -> String {
    format!("Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{description}", description.len())
}

/// G.711 µ-law at `port` of `address`; RTCP goes to a port of its own, so that it needs no socket a leg.
pub(crate) fn description(address: std::net::IpAddr, port: u16, rtcp_port: u16, mux: bool) -> String {
    let mux = if mux { "a=rtcp-mux\r\n" } else { "" };
    format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\na=ptime:20\r\na=rtcp:{rtcp_port}\r\n{mux}a=sendrecv\r\n"
    )
}
