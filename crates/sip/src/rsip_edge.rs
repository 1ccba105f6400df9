//! `rsip`'s types as the vocabulary at the crate's edge: filled and printed by our code, never parsed or printed by
//! theirs (their parser refuses valid messages, and their printer destroys bodies and phrases).

use bytes::Bytes;
use rsip::headers::UntypedHeader;
use rsip::{Header, SipMessage};

use crate::wire::{BadText, Builder, HeaderName, Message, Method, SipUri, Uri};

/// The headers for which `rsip` has a type of its own; all others are its `Other`.
macro_rules! known_headers {
    ($($name:ident)*) => {
        fn header_to_rsip(name: HeaderName<'_>, value: &str) -> Header {
            match name {
                $(HeaderName::$name => Header::$name(rsip::headers::$name::new(value)),)*
                other => Header::Other(other.as_str().to_owned(), value.to_owned()),
            }
        }

        fn header_from_rsip(header: &Header) -> (HeaderName<'_>, &str) {
            match header {
                $(Header::$name(value) => (HeaderName::$name, value.value()),)*
                Header::Other(name, value) => (HeaderName::of(name), value),
            }
        }
    };
}

known_headers! {
    Accept AcceptEncoding AcceptLanguage AlertInfo Allow AuthenticationInfo Authorization CSeq CallId CallInfo Contact
    ContentDisposition ContentEncoding ContentLanguage ContentLength ContentType Date ErrorInfo Event Expires From
    InReplyTo MaxForwards MimeVersion MinExpires Organization Priority ProxyAuthenticate ProxyAuthorization ProxyRequire
    RecordRoute ReplyTo Require RetryAfter Route Server Subject SubscriptionState Supported Timestamp To Unsupported
    UserAgent Via Warning WwwAuthenticate
}

impl Message {
    /// The message as `rsip`'s type, for tools and tests; `None` when `rsip` has no word for its method or
    /// Request-URI. Its phrase and the headers inside a URI are lost: `rsip` has no place for them.
    pub fn to_rsip(&self) -> Option<SipMessage> {
        let mut headers = rsip::Headers::default();
        self.all_headers().for_each(|(name, value)| headers.push(header_to_rsip(name, value)));
        let version = rsip::Version::V2;
        let body = self.body().to_vec();
        if !self.is_request() {
            let status_code = rsip::StatusCode::from(self.status());
            return Some(SipMessage::Response(rsip::Response { status_code, version, headers, body }));
        }
        let method = method_to_rsip(self.method())?;
        let uri = uri_to_rsip(&Uri::parse(self.request_uri()).ok()?)?;
        Some(SipMessage::Request(rsip::Request { method, uri, version, headers, body }))
    }

    /// Writes a message that was built of `rsip`'s types, as [`Message::parse`] takes it. `uri` is the Request-URI of
    /// a request, since `rsip`'s own does not hold every one. Content-Length is computed.
    pub fn write_rsip(message: &SipMessage, uri: &str) -> Result<Bytes, BadText> {
        let (mut builder, headers, body) = match message {
            SipMessage::Request(request) => {
                (Builder::request(&method_from_rsip(request.method), uri), &request.headers, &request.body)
            }
            SipMessage::Response(response) => {
                (Builder::response(response.status_code.code(), ""), &response.headers, &response.body)
            }
        };
        for header in headers.iter() {
            let (name, value) = header_from_rsip(header);
            builder.header(name, value);
        }
        builder.raw_body(Bytes::copy_from_slice(body)).finish()
    }
}

fn uri_to_rsip(uri: &Uri) -> Option<rsip::Uri> {
    match uri {
        Uri::Sip(sip) => Some(sip_uri_to_rsip(sip)),
        _ => None,
    }
}

fn sip_uri_to_rsip(uri: &SipUri) -> rsip::Uri {
    let scheme = if uri.secure { rsip::Scheme::Sips } else { rsip::Scheme::Sip };
    let auth = uri.user.clone().map(|user| rsip::Auth { user, password: uri.password.clone() });
    // As text: `rsip` prints IPv6 without its brackets.
    let host = rsip::Host::Domain(uri.host.to_string().into());
    let params =
        uri.params.0.iter().map(|(name, value)| rsip::Param::Other(name.clone().into(), value.clone().map(Into::into)));
    rsip::Uri {
        scheme: Some(scheme),
        auth,
        host_with_port: rsip::HostWithPort { host, port: uri.port.map(Into::into) },
        params: params.collect(),
        headers: Vec::new(),
    }
}

macro_rules! methods {
    ($($ours:ident $theirs:ident,)*) => {
        /// `rsip`'s method; `None` for one it does not know.
        fn method_to_rsip(method: &Method) -> Option<rsip::Method> {
            match method {
                $(Method::$ours => Some(rsip::Method::$theirs),)*
                Method::Other(_) => None,
            }
        }

        fn method_from_rsip(method: rsip::Method) -> Method {
            match method {
                $(rsip::Method::$theirs => Method::$ours,)*
            }
        }
    };
}

methods! {
    Invite Invite, Ack Ack, Bye Bye, Cancel Cancel, Register Register, Options Options, Refer Refer, Notify Notify,
    Subscribe Subscribe, Info Info, Update Update, Prack PRack, Message Message, Publish Publish,
}

impl From<rsip::Method> for Method {
    fn from(method: rsip::Method) -> Method {
        method_from_rsip(method)
    }
}

impl TryFrom<&Method> for rsip::Method {
    type Error = BadText;

    fn try_from(method: &Method) -> Result<rsip::Method, BadText> {
        method_to_rsip(method).ok_or(BadText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:bob.jones@[2001:db8::9]:5070;transport=tcp SIP/2.0\r\n\
        v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
        From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\
        P-Asserted-Identity: <tel:+1555>\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\n\r\nv=\0\n";

    fn parse(text: &str) -> Message {
        Message::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
    }

    #[test]
    fn a_message_goes_to_rsip_and_back() {
        let message = parse(INVITE);
        let Some(SipMessage::Request(request)) = message.to_rsip() else { panic!() };
        assert_eq!(request.method, rsip::Method::Invite);
        assert_eq!(request.uri.user(), Some("bob.jones"));
        assert_eq!(request.body, b"v=\0\n");
        let written = Message::write_rsip(&SipMessage::Request(request), message.request_uri()).unwrap();
        let again = Message::parse(written).unwrap();
        assert!(again.all_headers().eq(message.all_headers()));
        assert_eq!((again.request_uri(), again.body()), (message.request_uri(), message.body()));
    }

    #[test]
    fn what_rsip_has_no_word_for_is_none() {
        for (from, to) in [("INVITE", "NEWMETHOD"), ("sip:bob.jones@[2001:db8::9]:5070;transport=tcp", "tel:+1555")] {
            assert_eq!(parse(&INVITE.replace(from, to)).to_rsip(), None, "{to}");
        }
        let response =
            INVITE.replacen("INVITE sip:bob.jones@[2001:db8::9]:5070;transport=tcp SIP/2.0", "SIP/2.0 486 No", 1);
        let Some(SipMessage::Response(response)) = parse(&response).to_rsip() else { panic!() };
        assert_eq!(response.status_code.code(), 486);
    }
}
