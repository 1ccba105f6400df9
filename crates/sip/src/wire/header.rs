//! Header names: one table of long and compact forms (RFC 3261 §20, §7.3.3).

use std::fmt;

macro_rules! headers {
    ($($variant:ident $long:literal $compact:literal,)*) => {
        /// A header's name. Known ones compare by number, others by text without regard to case.
        #[derive(Debug, Clone, Copy)]
        pub enum HeaderName<'a> {
            $(#[doc = $long] $variant,)*
            /// Any other name.
            Other(&'a str),
        }

        impl<'a> HeaderName<'a> {
            /// The name with its usual capitals, long form.
            pub fn as_str(&self) -> &'a str {
                match self {
                    $(HeaderName::$variant => $long,)*
                    HeaderName::Other(name) => name,
                }
            }

            fn known(name: &str) -> Option<HeaderName<'static>> {
                match name.len() {
                    $(l if l == $long.len() && name.eq_ignore_ascii_case($long) => Some(HeaderName::$variant),)*
                    1 => HeaderName::compact(name),
                    _ => None,
                }
            }

            fn compact(name: &str) -> Option<HeaderName<'static>> {
                match name {
                    $(n if !$compact.is_empty() && n.eq_ignore_ascii_case($compact) => Some(HeaderName::$variant),)*
                    _ => None,
                }
            }

            /// The number in the table; `u8::MAX` for others.
            pub(super) fn id(&self) -> u8 {
                let mut id = 0u8;
                $(
                    if matches!(self, HeaderName::$variant) {
                        return id;
                    }
                    id += 1;
                )*
                let _ = id;
                u8::MAX
            }
        }
    };
}

headers! {
    Via "Via" "v",
    From "From" "f",
    To "To" "t",
    CallId "Call-ID" "i",
    CSeq "CSeq" "",
    Contact "Contact" "m",
    MaxForwards "Max-Forwards" "",
    ContentLength "Content-Length" "l",
    ContentType "Content-Type" "c",
    Route "Route" "",
    RecordRoute "Record-Route" "",
    Allow "Allow" "",
    Supported "Supported" "k",
    Require "Require" "",
    Unsupported "Unsupported" "",
    ProxyRequire "Proxy-Require" "",
    UserAgent "User-Agent" "",
    Server "Server" "",
    Authorization "Authorization" "",
    ProxyAuthorization "Proxy-Authorization" "",
    WwwAuthenticate "WWW-Authenticate" "",
    ProxyAuthenticate "Proxy-Authenticate" "",
    AuthenticationInfo "Authentication-Info" "",
    Expires "Expires" "",
    MinExpires "Min-Expires" "",
    SessionExpires "Session-Expires" "x",
    MinSe "Min-SE" "",
    ReferTo "Refer-To" "r",
    ReferredBy "Referred-By" "b",
    ReferSub "Refer-Sub" "",
    Replaces "Replaces" "",
    TargetDialog "Target-Dialog" "",
    Event "Event" "o",
    SubscriptionState "Subscription-State" "",
    AllowEvents "Allow-Events" "u",
    RSeq "RSeq" "",
    RAck "RAck" "",
    Reason "Reason" "",
    RetryAfter "Retry-After" "",
    Accept "Accept" "",
    AcceptEncoding "Accept-Encoding" "",
    AcceptLanguage "Accept-Language" "",
    ContentEncoding "Content-Encoding" "e",
    ContentDisposition "Content-Disposition" "",
    ContentLanguage "Content-Language" "",
    MimeVersion "MIME-Version" "",
    Subject "Subject" "s",
    Date "Date" "",
    Timestamp "Timestamp" "",
    Organization "Organization" "",
    Priority "Priority" "",
    AlertInfo "Alert-Info" "",
    CallInfo "Call-Info" "",
    InReplyTo "In-Reply-To" "",
    ReplyTo "Reply-To" "",
    ErrorInfo "Error-Info" "",
    Warning "Warning" "",
    Path "Path" "",
    ServiceRoute "Service-Route" "",
    PAssertedIdentity "P-Asserted-Identity" "",
    PPreferredIdentity "P-Preferred-Identity" "",
    RemotePartyId "Remote-Party-ID" "",
    Privacy "Privacy" "",
    Diversion "Diversion" "",
    HistoryInfo "History-Info" "",
    Identity "Identity" "y",
    RequestDisposition "Request-Disposition" "d",
    AcceptContact "Accept-Contact" "a",
    RejectContact "Reject-Contact" "j",
    Join "Join" "",
}

impl<'a> HeaderName<'a> {
    /// Recognises a name in any case, long or compact.
    pub fn of(name: &'a str) -> HeaderName<'a> {
        HeaderName::known(name).unwrap_or(HeaderName::Other(name))
    }
}

impl PartialEq for HeaderName<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (HeaderName::Other(one), HeaderName::Other(two)) => one.eq_ignore_ascii_case(two),
            _ => self.id() == other.id(),
        }
    }
}

impl Eq for HeaderName<'_> {}

impl fmt::Display for HeaderName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
