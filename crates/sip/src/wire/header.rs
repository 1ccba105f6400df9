//! Header names: one table of long and compact forms (RFC 3261 §20, §7.3.3).

use std::fmt;

macro_rules! headers {
    ($($variant:ident $long:literal $compact:literal,)*) => {
        /// A header's name. Names compare without regard to case and to the compact form.
        #[derive(Debug, Clone, Copy)]
        pub enum HeaderName<'a> {
            $(#[doc = $long] $variant,)*
            /// Any other name.
            Other(&'a str),
        }

        #[derive(Clone, Copy)]
        enum Number {
            $($variant,)*
        }

        /// Long form, compact form, by number.
        const NAMES: &[(&str, &str, HeaderName<'static>)] = &[$(($long, $compact, HeaderName::$variant),)*];

        impl<'a> HeaderName<'a> {
            /// The name with its usual capitals, long form.
            pub fn as_str(&self) -> &'a str {
                match self {
                    $(HeaderName::$variant => $long,)*
                    HeaderName::Other(name) => name,
                }
            }

            /// The number in the table; [`OTHER`] for others.
            pub(super) fn id(&self) -> u8 {
                match self {
                    $(HeaderName::$variant => Number::$variant as u8,)*
                    HeaderName::Other(name) => find(name.as_bytes()),
                }
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
    SessionId "Session-ID" "",
    UserToUser "User-to-User" "",
    MaxBreadth "Max-Breadth" "",
    InfoPackage "Info-Package" "",
    RecvInfo "Recv-Info" "",
    FlowTimer "Flow-Timer" "",
}

/// The number of every name that is not in the table.
pub(super) const OTHER: u8 = u8::MAX;

impl<'a> HeaderName<'a> {
    /// Recognises a name in any case, long or compact.
    pub fn of(name: &'a str) -> HeaderName<'a> {
        HeaderName::by_id(find(name.as_bytes()), name)
    }

    pub(super) fn by_id(id: u8, name: &'a str) -> HeaderName<'a> {
        NAMES.get(usize::from(id)).map_or(HeaderName::Other(name), |(_, _, known)| *known)
    }
}

impl PartialEq for HeaderName<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.id(), other.id()) {
            (OTHER, OTHER) => self.as_str().eq_ignore_ascii_case(other.as_str()),
            (one, two) => one == two,
        }
    }
}

impl Eq for HeaderName<'_> {}

impl fmt::Display for HeaderName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The number of a name: one probe or two of a table made at compile time.
pub(super) fn find(name: &[u8]) -> u8 {
    let mut slot = hash(name);
    loop {
        let entry = SLOTS[slot];
        if entry == 0 {
            return OTHER;
        }
        let id = (entry >> 1) - 1;
        let (long, compact, _) = NAMES[usize::from(id)];
        let known = if entry & 1 == 0 { long } else { compact };
        if known.as_bytes() == name || known.as_bytes().eq_ignore_ascii_case(name) {
            return id;
        }
        slot = (slot + 1) % SLOTS_COUNT;
    }
}

const SLOTS_COUNT: usize = 512;

/// `(id + 1) << 1 | compact`; zero is an empty slot.
const SLOTS: [u8; SLOTS_COUNT] = slots();

const fn hash(name: &[u8]) -> usize {
    if name.is_empty() {
        return 0;
    }
    let first = (name[0] | 0x20) as usize;
    let last = (name[name.len() - 1] | 0x20) as usize;
    let middle = (name[name.len() / 2] | 0x20) as usize;
    (name.len() * 37 + first * 5 + middle * 17 + last * 67) % SLOTS_COUNT
}

const fn slots() -> [u8; SLOTS_COUNT] {
    let mut slots = [0u8; SLOTS_COUNT];
    let mut id = 0;
    while id < NAMES.len() {
        let (long, compact, _) = NAMES[id];
        slots = put(slots, long.as_bytes(), (id as u8 + 1) << 1);
        if !compact.is_empty() {
            slots = put(slots, compact.as_bytes(), (id as u8 + 1) << 1 | 1);
        }
        id += 1;
    }
    slots
}

const fn put(mut slots: [u8; SLOTS_COUNT], name: &[u8], entry: u8) -> [u8; SLOTS_COUNT] {
    let mut slot = hash(name);
    while slots[slot] != 0 {
        slot = (slot + 1) % SLOTS_COUNT;
    }
    slots[slot] = entry;
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_long_and_compact() {
        for (long, compact, known) in NAMES {
            assert_eq!(HeaderName::of(long), *known);
            assert_eq!(HeaderName::of(&long.to_ascii_uppercase()), *known);
            assert_eq!(HeaderName::of(&long.to_ascii_lowercase()).as_str(), *long);
            if !compact.is_empty() {
                assert_eq!(HeaderName::of(compact), *known);
                assert_eq!(HeaderName::of(&compact.to_ascii_uppercase()), *known);
            }
        }
        assert!(NAMES.len() < 127, "an entry keeps one bit for the compact form");
    }

    #[test]
    fn other_names_compare_without_case() {
        assert_eq!(HeaderName::of("x-Foo"), HeaderName::Other("X-FOO"));
        assert_ne!(HeaderName::of("X-Foo"), HeaderName::Other("X-Fo"));
        assert_eq!(HeaderName::Other("v"), HeaderName::Via);
        assert_eq!(HeaderName::of(""), HeaderName::Other(""));
        assert_eq!(HeaderName::of("Viv").as_str(), "Viv");
    }
}
