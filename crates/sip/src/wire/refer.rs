//! Refer-To (RFC 3515), Replaces (RFC 3891) and Target-Dialog (RFC 4538).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::escape::{escape, unescape};
use super::name_addr::NameAddrSlices;
use super::text::{is_token, trim, unquote};
use super::{BadValue, Method, Params, SipUri, Uri};

/// The dialog that a Replaces names. `to_tag` is the tag of the side that receives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaces {
    /// The Call-ID.
    pub call_id: String,
    /// `to-tag`.
    pub to_tag: String,
    /// `from-tag`.
    pub from_tag: String,
    /// `early-only`.
    pub early_only: bool,
}

impl Replaces {
    /// Reads a Replaces header's value, parameters in any order (P2).
    pub fn parse(text: &str) -> Result<Replaces, BadValue> {
        let (call_id, params) = text.split_once(';').ok_or(BadValue)?;
        let call_id = trim(call_id);
        let params = Params::parse(params)?;
        let tag = |name: &str| params.get(name).filter(|tag| !tag.is_empty()).map(str::to_owned).ok_or(BadValue);
        if call_id.is_empty() || !call_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadValue);
        }
        Ok(Replaces {
            call_id: call_id.to_owned(),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: params.has("early-only"),
        })
    }

    /// The Replaces among a URI's headers, escapes in any case (P2); two are an error (RFC 3891 §3).
    pub fn from_uri(uri: &SipUri) -> Result<Option<Replaces>, BadValue> {
        let mut found = uri.headers.iter().filter(|(name, _)| unescape(name).eq_ignore_ascii_case("Replaces"));
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some((_, value)), None) => Replaces::parse(&unescape(value)).map(Some),
            _ => Err(BadValue),
        }
    }

    /// As a header of a URI, `Replaces=…` with its value escaped.
    pub fn to_uri_header(&self) -> (String, String) {
        ("Replaces".into(), escape(&self.to_string()).into_owned())
    }
}

/// Prints the header's value, unescaped.
impl fmt::Display for Replaces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        formatter.write_str(if self.early_only { ";early-only" } else { "" })
    }
}

/// The dialog that a Target-Dialog names. The tags are those of its two ends; peers do not agree on which is whose, so they are
/// to be compared either way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetDialog {
    /// The Call-ID.
    pub call_id: String,
    /// `local-tag`.
    pub local_tag: String,
    /// `remote-tag`.
    pub remote_tag: String,
}

impl TargetDialog {
    /// Reads a Target-Dialog header's value (RFC 4538 §7), parameters in any order.
    pub fn parse(text: &str) -> Result<TargetDialog, BadValue> {
        let (call_id, params) = text.split_once(';').ok_or(BadValue)?;
        let (call_id, params) = (trim(call_id), Params::parse(params)?);
        let tag = |name: &str| params.get(name).filter(|tag| !tag.is_empty()).map(str::to_owned).ok_or(BadValue);
        if call_id.is_empty() || !call_id.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadValue);
        }
        let (local_tag, remote_tag) = (tag("local-tag")?, tag("remote-tag")?);
        Ok(TargetDialog { call_id: call_id.to_owned(), local_tag, remote_tag })
    }
}

/// A Refer-To.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferTo {
    /// The display name; empty when there is none.
    pub display: String,
    /// The target without URI headers and without a `method` parameter.
    pub uri: Uri,
    /// The `method` parameter of the URI; INVITE when absent.
    pub method: Method,
    /// The embedded Replaces.
    pub replaces: Option<Replaces>,
    /// Other embedded headers (`Require` …), unescaped.
    pub headers: Vec<(String, String)>,
}

impl ReferTo {
    /// Reads the value, with `<>` or without (P3: in a bare URI what follows `?` is still the URI's).
    pub fn parse(text: &str) -> Result<ReferTo, BadValue> {
        let text = trim(text);
        let (display, uri) = if text.starts_with('"') || text.contains('<') {
            let slices = NameAddrSlices::cut(text)?;
            (unquote(slices.display), slices.uri)
        } else {
            (String::new(), text)
        };
        let mut target =
            ReferTo { display, uri: Uri::parse(uri)?, method: Method::Invite, replaces: None, headers: Vec::new() };
        if let Uri::Sip(sip) = &mut target.uri {
            target.replaces = Replaces::from_uri(sip)?;
            target.headers = other_headers(sip)?;
            sip.headers.clear();
            if let Some(method) = sip.params.get("method") {
                target.method = Method::parse(method).ok_or(BadValue)?;
                sip.params.remove("method");
            }
        }
        Ok(target)
    }
}

/// Everything but Replaces, unescaped. Control characters would be lines of their own in a request made from them.
fn other_headers(uri: &SipUri) -> Result<Vec<(String, String)>, BadValue> {
    let mut headers = Vec::new();
    for (name, value) in &uri.headers {
        let (name, value) = (unescape(name).into_owned(), unescape(value).into_owned());
        if value.chars().any(char::is_control) || !is_token(&name) {
            return Err(BadValue);
        }
        if !name.eq_ignore_ascii_case("Replaces") {
            headers.push((name, value));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaces(call_id: &str, to_tag: &str, from_tag: &str, early_only: bool) -> Replaces {
        Replaces { call_id: call_id.into(), to_tag: to_tag.into(), from_tag: from_tag.into(), early_only }
    }

    #[test]
    fn a_target_dialog_reads_in_any_order_and_needs_both_tags() {
        let wanted = TargetDialog { call_id: "a@b".into(), local_tag: "kkaz-".into(), remote_tag: "6544".into() };
        for text in ["a@b;local-tag=kkaz-;remote-tag=6544", " a@b ; remote-tag = 6544 ;x=1; local-tag=kkaz-"] {
            assert_eq!(TargetDialog::parse(text), Ok(wanted.clone()), "{text}");
        }
        for text in [
            "",
            "a@b",
            "a@b;local-tag=x",
            "a@b;local-tag=;remote-tag=y",
            ";local-tag=x;remote-tag=y",
            "a b;local-tag=x;remote-tag=y",
        ] {
            assert_eq!(TargetDialog::parse(text), Err(BadValue), "{text}");
        }
    }

    #[test]
    fn replaces_reads_in_any_order_and_prints() {
        for (text, wanted) in [
            (
                "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff",
                replaces("98732@sip.example.com", "ff87ff", "r33th4x0r", false),
            ),
            (
                "12adf2f34456gs5 ; to-tag = 12345 ;from-tag=54321;early-only",
                replaces("12adf2f34456gs5", "12345", "54321", true),
            ),
        ] {
            let read = Replaces::parse(text).unwrap();
            assert_eq!(read, wanted);
            assert_eq!(Replaces::parse(&read.to_string()), Ok(wanted));
        }
        for text in [
            "",
            "a",
            "a;to-tag=1",
            "a;from-tag=1",
            ";to-tag=1;from-tag=2",
            "a;to-tag=;from-tag=2",
            "a b;to-tag=1;from-tag=2",
        ] {
            assert_eq!(Replaces::parse(text), Err(BadValue), "{text}");
        }
    }

    #[test]
    fn p2_replaces_is_found_whatever_the_phone_writes_around_it() {
        for (phone, text, headers) in [
            ("baresip", "<sip:bob@192.0.2.1:5060?Replaces=abc%40h%3Bto-tag%3Dt1%3Bfrom-tag%3Df1>", 0),
            ("linphone", "<sip:bob@192.0.2.1?Replaces=abc%40h%3bfrom-tag%3df1%3bto-tag%3dt1>", 0),
            ("pjsip", "<sip:bob@192.0.2.1?Require=replaces&Replaces=abc%40h%3Bto-tag%3Dt1%3Bfrom-tag%3Df1>", 1),
            ("unescaped", "<sip:bob@192.0.2.1?Replaces=abc@h;to-tag=t1;from-tag=f1>", 0),
            ("bare", "sip:bob@192.0.2.1?replaces=abc%40h%3Bto-tag%3Dt1%3Bfrom-tag%3Df1", 0),
        ] {
            let read = ReferTo::parse(text).unwrap();
            assert_eq!(read.replaces, Some(replaces("abc@h", "t1", "f1", false)), "{phone}");
            assert_eq!(read.headers.len(), headers, "{phone}");
            assert!(read.uri.to_string().starts_with("sip:bob@192.0.2.1"), "{phone}");
            assert!(!read.uri.to_string().contains('?'), "{phone}");
        }
    }

    #[test]
    fn p3_a_bare_refer_to_keeps_what_is_the_uris() {
        for (text, uri) in [
            ("sip:+4930@192.0.2.1", "sip:+4930@192.0.2.1"),
            ("sip:carol@h;transport=tcp", "sip:carol@h;transport=tcp"),
            ("\"Carol\" <sip:carol@h;method=INVITE>", "sip:carol@h"),
            ("tel:+4930", "tel:+4930"),
        ] {
            let read = ReferTo::parse(text).unwrap();
            assert_eq!((read.uri.to_string().as_str(), &read.method, read.replaces), (uri, &Method::Invite, None));
        }
    }

    #[test]
    fn headers_cannot_be_smuggled_through_escapes() {
        for text in [
            "<sip:b@h?Subject=a%0d%0aRoute:%20x>",
            "<sip:b@h?X%0a=1>",
            "<sip:b@h?Replaces=a%0d%0a;to-tag=1;from-tag=2>",
            "<sip:b@h?Replaces=a;to-tag=1;from-tag=2&Replaces=a;to-tag=1;from-tag=2>",
            "<sip:b@h?Replaces=nonsense>",
        ] {
            assert_eq!(ReferTo::parse(text), Err(BadValue), "{text}");
        }
    }

    #[test]
    fn a_replaces_survives_the_way_through_a_uri() {
        let one = replaces("a%b@h", "1", "2", true);
        let Ok(Uri::Sip(mut uri)) = Uri::parse("sip:b@h") else { panic!() };
        uri.headers.push(one.to_uri_header());
        let Ok(Uri::Sip(read)) = Uri::parse(&uri.to_string()) else { panic!() };
        assert_eq!(Replaces::from_uri(&read), Ok(Some(one)));
    }
}
