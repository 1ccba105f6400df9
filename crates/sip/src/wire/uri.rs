//! URIs (RFC 3261 §19.1, RFC 3966).

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::escape::{escape_user, escapes_are_whole, unescape};
use super::params::{ParamSlices, cut_params};
use super::phone;
use super::print::{Print, print_port};
use super::text::{cut, number};
use super::{BadValue, Params};

/// A URI of any scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// `tel:` (RFC 3966).
    Tel(TelUri),
    /// Another scheme, whole, as written.
    Opaque(String),
}

/// A host: a name, or an address (IPv6 printed in brackets).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Host {
    /// A host name, as written.
    Name(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, without brackets.
    V6(Ipv6Addr),
}

/// A `sip:` or `sips:` URI. User, password, parameters and headers are kept as written, escapes included.
/// `==` is textual; [`Uri::equivalent`] is RFC 3261 §19.1.4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipUri {
    /// `sips:`.
    pub secure: bool,
    /// The user part, escaped.
    pub user: Option<String>,
    /// The password, escaped.
    pub password: Option<String>,
    /// The host.
    pub host: Host,
    /// The port.
    pub port: Option<u16>,
    /// URI parameters.
    pub params: Params,
    /// URI headers, escaped, in order.
    pub headers: Vec<(String, String)>,
}

/// A `tel:` URI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelUri {
    /// The number with its visual separators, as written.
    pub number: String,
    /// Parameters such as `phone-context`.
    pub params: Params,
}

impl Uri {
    /// Reads a whole URI, without angle brackets.
    pub fn parse(text: &str) -> Result<Uri, BadValue> {
        match UriSlices::parse(text)? {
            UriSlices::Sip(slices) => Ok(Uri::Sip(slices.to_owned()?)),
            UriSlices::Tel { number, params } => {
                Ok(Uri::Tel(TelUri { number: number.to_owned(), params: Params::parse(params)? }))
            }
            UriSlices::Opaque(whole) => Ok(Uri::Opaque(whole.to_owned())),
        }
    }

    /// The scheme, in lower case for those that are read.
    pub fn scheme(&self) -> &str {
        match self {
            Uri::Sip(sip) if sip.secure => "sips",
            Uri::Sip(_) => "sip",
            Uri::Tel(_) => "tel",
            Uri::Opaque(whole) => whole.split(':').next().unwrap_or(""),
        }
    }

    /// The user part of a SIP URI or the number of a `tel:` URI without visual separators, unescaped; else empty. With
    /// `user=phone` the user part is a telephone number as well (RFC 3261 §19.1.1), and its parameters
    /// (`+1-555;phone-context=x@host`) are none of it; without it they stay. A local number within the numbers of a country or an
    /// exchange (`phone-context=+1212`) is one behind theirs.
    pub fn user(&self) -> String {
        let number = match self {
            Uri::Sip(sip) => {
                let user = sip.user.as_deref().map(unescape).unwrap_or_default();
                match user.split_once(';') {
                    Some((number, _)) if sip.is_phone() => number.to_owned(),
                    _ => user.into_owned(),
                }
            }
            Uri::Tel(tel) => tel.digits(),
            Uri::Opaque(_) => String::new(),
        };
        match self.phone_context() {
            Some(context) if context.starts_with('+') => phone::within(&context, number),
            _ => number,
        }
    }

    /// The SIP URI, if it is one.
    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Uri::Sip(sip) => Some(sip),
            _ => None,
        }
    }
}

impl SipUri {
    /// A plain `sip:` URI; `user` is escaped as needed.
    pub fn new(user: Option<&str>, host: Host, port: Option<u16>) -> SipUri {
        SipUri {
            secure: false,
            user: user.map(|user| escape_user(user).into_owned()),
            password: None,
            host,
            port,
            params: Params::default(),
            headers: Vec::new(),
        }
    }

    /// Whether its user part is a telephone number (RFC 3261 §19.1.1).
    pub fn is_phone(&self) -> bool {
        self.params.get("user").is_some_and(|user| user.eq_ignore_ascii_case("phone"))
    }

    /// A URI header's value, unescaped, its name in any case.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers
            .iter()
            .find(|(known, _)| unescape(known).eq_ignore_ascii_case(name))
            .map(|(_, value)| unescape(value).into_owned())
    }

    /// The `transport` parameter, in lower case.
    pub fn transport(&self) -> Option<String> {
        self.params.get("transport").map(str::to_ascii_lowercase)
    }
}

impl TelUri {
    /// The number without visual separators (RFC 3966 §5.1.1), leading `+` kept.
    pub(super) fn digits(&self) -> String {
        phone::without_separators(&self.number)
    }
}

impl Host {
    /// Reads a host name, an IPv4 address, or an IPv6 address with or without brackets.
    pub fn parse(text: &str) -> Result<Host, BadValue> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(BadValue)?;
            // RFC 5118 §4.10: RFC 3261's grammar let a third colon stand before an embedded IPv4 address.
            let address = inner.parse().or_else(|_| inner.replacen(":::", "::", 1).parse());
            return address.map(Host::V6).map_err(|_| BadValue);
        }
        if text.bytes().next().is_some_and(|byte| byte.is_ascii_digit())
            && let Ok(address) = text.parse()
        {
            return Ok(Host::V4(address));
        }
        if text.contains(':') {
            return text.parse().map(Host::V6).map_err(|_| BadValue);
        }
        if is_host_name(text) { Ok(Host::Name(text.to_owned())) } else { Err(BadValue) }
    }

    /// The address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Host::Name(_) => None,
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address) => Some(IpAddr::V6(*address)),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Host {
        match address {
            IpAddr::V4(address) => Host::V4(address),
            IpAddr::V6(address) => Host::V6(address),
        }
    }
}

impl Print for Uri {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Uri::Sip(sip) => sip.print(out),
            Uri::Tel(tel) => {
                out.write_str("tel:")?;
                out.write_str(&tel.number)?;
                tel.params.print(out)
            }
            Uri::Opaque(whole) => out.write_str(whole),
        }
    }
}

impl Print for SipUri {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        out.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &self.user {
            out.write_str(user)?;
            if let Some(password) = &self.password {
                out.write_str(":")?;
                out.write_str(password)?;
            }
            out.write_str("@")?;
        }
        self.host.print(out)?;
        print_port(self.port, out)?;
        self.params.print(out)?;
        for (index, (name, value)) in self.headers.iter().enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            write!(out, "{separator}{name}={value}")?;
        }
        Ok(())
    }
}

impl Print for Host {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Host::Name(name) => out.write_str(name),
            Host::V4(address) => print_v4(address, out),
            Host::V6(address) => write!(out, "[{address}]"),
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter)
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter)
    }
}

/// An IPv4 address. The standard library's way takes five times as long, and every message has a dozen.
pub(super) fn print_v4(address: &Ipv4Addr, out: &mut impl Write) -> fmt::Result {
    let mut text = [0u8; 15];
    let mut length = 0;
    let mut push = |byte: u8| {
        if let Some(place) = text.get_mut(length) {
            *place = byte;
            length += 1;
        }
    };
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            push(b'.');
        }
        if octet >= 100 {
            push(b'0' + octet / 100);
        }
        if octet >= 10 {
            push(b'0' + octet / 10 % 10);
        }
        push(b'0' + octet % 10);
    }
    out.write_str(text.get(..length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default())
}

/// A host name. Underscores are not allowed by the grammar but live in many networks.
fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// `host` or `host:port`, IPv6 in brackets. Blanks around the colon are allowed (RFC 3261 §25.1 `COLON` in Via).
pub(super) fn host_and_port(text: &str) -> Result<(&str, Option<u16>), BadValue> {
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => {
            let end = inner.find(']').ok_or(BadValue)? + 2;
            let rest = super::text::trim(text.get(end..).unwrap_or(""));
            match rest.strip_prefix(':') {
                Some(port) => (text.get(..end).unwrap_or(""), Some(port)),
                None if rest.is_empty() => (text, None),
                None => return Err(BadValue),
            }
        }
        None => match cut(text, b':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => Some(number(super::text::trim(port)).ok_or(BadValue)?),
        None => None,
    };
    Ok((super::text::trim(host), port))
}

/// What cannot stand in a URI: controls, blanks, brackets and quotes.
const ENDS_URI: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte <= b' ' as usize {
        table[byte] = true;
        byte += 1;
    }
    table[0x7f] = true;
    table[b'<' as usize] = true;
    table[b'>' as usize] = true;
    table[b'"' as usize] = true;
    table
};

/// The pieces of a URI, checked but not copied.
pub(super) enum UriSlices<'a> {
    Sip(SipSlices<'a>),
    Tel { number: &'a str, params: &'a str },
    Opaque(&'a str),
}

pub(super) struct SipSlices<'a> {
    secure: bool,
    user: Option<&'a str>,
    password: Option<&'a str>,
    host: &'a str,
    port: Option<u16>,
    params: &'a str,
    pub(super) headers: &'a str,
}

impl<'a> UriSlices<'a> {
    pub(super) fn parse(text: &'a str) -> Result<UriSlices<'a>, BadValue> {
        let (scheme, rest) = cut(text, b':').ok_or(BadValue)?;
        let schematic = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(schematic) {
            return Err(BadValue);
        }
        if rest.is_empty() || rest.bytes().any(|byte| ENDS_URI[usize::from(byte)]) {
            return Err(BadValue);
        }
        if scheme.eq_ignore_ascii_case("sip") {
            SipSlices::parse(rest, false).map(UriSlices::Sip)
        } else if scheme.eq_ignore_ascii_case("sips") {
            SipSlices::parse(rest, true).map(UriSlices::Sip)
        } else if scheme.eq_ignore_ascii_case("tel") {
            let (number, params) = cut_params(rest);
            ParamSlices::new(params).try_for_each(|param| param.map(drop))?;
            let digits = number.bytes().all(|byte| byte.is_ascii_hexdigit() || b"+-.()*#%".contains(&byte));
            if number.is_empty() || !digits {
                return Err(BadValue);
            }
            Ok(UriSlices::Tel { number, params })
        } else {
            Ok(UriSlices::Opaque(text))
        }
    }
}

impl<'a> SipSlices<'a> {
    fn parse(rest: &'a str, secure: bool) -> Result<SipSlices<'a>, BadValue> {
        // The user part may hold `;` and `?`, so the `@` is looked for before them; an `@` in what follows must be escaped.
        let (userinfo, rest) = match cut(rest, b'@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let (user, password) = match userinfo {
            Some(userinfo) => match cut(userinfo, b':') {
                Some((user, password)) => (Some(user), Some(password)),
                None => (Some(userinfo), None),
            },
            None => (None, None),
        };
        if user.is_some_and(|user| user.is_empty() || !escapes_are_whole(user)) {
            return Err(BadValue);
        }
        let (rest, headers) = cut(rest, b'?').unwrap_or((rest, ""));
        let (host_port, params) = cut_params(rest);
        let (host, port) = host_and_port(host_port)?;
        check_host(host)?;
        ParamSlices::new(params).try_for_each(|param| param.map(drop))?;
        Ok(SipSlices { secure, user, password, host, port, params, headers })
    }

    fn to_owned(&self) -> Result<SipUri, BadValue> {
        Ok(SipUri {
            secure: self.secure,
            user: self.user.map(str::to_owned),
            password: self.password.map(str::to_owned),
            host: Host::parse(self.host)?,
            port: self.port,
            params: Params::parse(self.params)?,
            headers: self
                .headers
                .split('&')
                .filter(|header| !header.is_empty())
                .map(|header| header.split_once('=').unwrap_or((header, "")))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    }
}

/// Whether a host reads, without copying it.
pub(super) fn check_host(host: &str) -> Result<(), BadValue> {
    match host.strip_prefix('[') {
        Some(_) => Host::parse(host).map(drop),
        None if is_host_name(host) => Ok(()),
        None => Err(BadValue),
    }
}

#[cfg(test)]
mod tests {
    use super::super::escape::escape;
    use super::*;

    fn sip(text: &str) -> SipUri {
        match Uri::parse(text) {
            Ok(Uri::Sip(sip)) => sip,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_was_read_prints_as_it_was() {
        for text in [
            "sip:bob@biloxi.com",
            "sips:bob.jones:pw@[2001:db8::9:1]:5061;transport=tcp?Subject=x&Priority=urgent",
            "sip:+1555;phone-context=+1@h;user=phone",
            "sip:al%69ce@host_1.example",
            "sip:192.0.2.1:5070;lr",
            "sip:user;par=u%40example.net@example.com",
            "tel:+358-555-1234567;postd=pp22",
            "tel:7042;phone-context=example.com",
            "urn:service:sos",
            "nobodyKnowsThisScheme:totallyopaquecontent",
            "sip:null-%00-null@example.com",
            "sip:*97@h",
            "sip:%23*1@h",
        ] {
            assert_eq!(Uri::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn parts_are_where_they_belong() {
        let uri = sip("SIP:bob.jones@h.example:5070;transport=TCP;x?Replaces=a%40b%3bto-tag%3D1&Require=replaces");
        assert_eq!(uri.user.as_deref(), Some("bob.jones"));
        assert_eq!((uri.host.to_string().as_str(), uri.port), ("h.example", Some(5070)));
        assert_eq!(uri.transport().as_deref(), Some("tcp"));
        assert_eq!(uri.header("replaces").as_deref(), Some("a@b;to-tag=1"));
        assert_eq!(sip("sip:[::1]").host, Host::V6(Ipv6Addr::LOCALHOST));
        assert_eq!(Uri::parse("tel:+49(30)12-34").unwrap().user(), "+493012 34".replace(' ', ""));
        assert_eq!(Uri::parse("sip:al%69ce@h").unwrap().user(), "alice");
    }

    #[test]
    fn broken_uris_are_refused() {
        for text in [
            "",
            "bob",
            "sip:",
            "sip:@h",
            "sip:a@",
            "sip:a@h:port",
            "sip:a@h:99999",
            "sip:a b@h",
            "<sip:a@h>",
            "sip:a@[::1",
            "sip:a@h;;x",
            "tel:",
            "tel:;x",
            "1x:y",
            "sip:a%4@h",
            "sip:a@h x",
            "sip:a@b@c",
            "sip:a@[::1]x",
        ] {
            assert_eq!(Uri::parse(text), Err(BadValue), "{text}");
        }
    }

    /// The examples of RFC 3261 §19.1.4.
    #[test]
    fn equality_follows_the_rfcs_examples() {
        let same = [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("tel:+1-201-555-0123", "tel:+1(201)5550123"),
        ];
        let different = [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"),
            ("sip:a@h", "sips:a@h"),
            ("sip:a@h", "sip:h"),
            ("tel:123;phone-context=a", "tel:123;phone-context=b"),
        ];
        let equivalent = |(one, two): (&str, &str)| Uri::parse(one).unwrap().equivalent(&Uri::parse(two).unwrap());
        for pair in same {
            assert!(equivalent(pair) && equivalent((pair.1, pair.0)), "{pair:?}");
        }
        for pair in different {
            assert!(!equivalent(pair) && !equivalent((pair.1, pair.0)), "{pair:?}");
        }
    }

    #[test]
    fn escaping_is_undone_by_unescaping() {
        for text in ["", "alice", "a@b;to-tag=1;from-tag=2", "ü ?&=%", "\"x\" <y>"] {
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(escape("a@b;to-tag=1"), "a%40b%3Bto-tag%3D1");
        for (text, wanted) in [("%3b%3B", ";;"), ("100%", "100%"), ("%zz", "%zz"), ("%ff", "\u{fffd}")] {
            assert_eq!(unescape(text), wanted);
        }
        let uri = SipUri::new(Some("a b@c"), Host::Name("h".into()), None);
        assert_eq!(uri.to_string(), "sip:a%20b%40c@h");
    }
}
