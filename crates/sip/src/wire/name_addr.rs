//! Name and address: From, To, Contact, Route, P-Asserted-Identity … (RFC 3261 §20.10, §25.1).

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use super::params::{ParamSlices, cut_params};
use super::print::Print;
use super::text::{cut, place, quote, quoted_end, trim, unquote};
use super::uri::UriSlices;
use super::{BadValue, Params, Uri};
use crate::interface::Party;

/// `"display" <uri>;params`, or the bare form `uri;params`, whose parameters belong to the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameAddr {
    /// The display name, unquoted; empty when there is none.
    pub display: String,
    /// The address.
    pub uri: Uri,
    /// Header parameters (`tag`, `expires`, `q` …).
    pub params: Params,
}

impl NameAddr {
    /// Reads one value (no comma list).
    pub fn parse(text: &str) -> Result<NameAddr, BadValue> {
        let slices = NameAddrSlices::parse(text)?;
        Ok(NameAddr {
            display: unquote(slices.display),
            uri: Uri::parse(slices.uri)?,
            params: Params::parse(slices.params)?,
        })
    }

    /// An address without display name and parameters.
    pub fn of(uri: Uri) -> NameAddr {
        NameAddr { display: String::new(), uri, params: Params::default() }
    }

    /// From a [`Party`]; its URI must parse.
    pub fn from_party(party: &Party) -> Result<NameAddr, BadValue> {
        Ok(NameAddr { display: party.display.clone(), uri: Uri::parse(&party.uri)?, params: Params::default() })
    }

    /// As a [`Party`].
    pub fn party(&self) -> Party {
        Party { display: self.display.clone(), uri: self.uri.printed(), user: self.uri.user() }
    }

    /// The `tag` parameter, if it is not empty.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// With a tag set.
    pub fn with_tag(mut self, tag: &str) -> NameAddr {
        self.params.set("tag", Some(tag));
        self
    }
}

impl Print for NameAddr {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        if !self.display.is_empty() {
            out.write_str(&quote(&self.display))?;
            out.write_str(" ")?;
        }
        out.write_str("<")?;
        self.uri.print(out)?;
        out.write_str(">")?;
        self.params.print(out)
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter)
    }
}

/// The pieces of a name-addr, checked but not copied.
pub(super) struct NameAddrSlices<'a> {
    /// With its quotes.
    pub(super) display: &'a str,
    pub(super) uri: &'a str,
    pub(super) params: &'a str,
    pub(super) bracketed: bool,
}

impl<'a> NameAddrSlices<'a> {
    /// Cuts and checks a value, its URI and parameters included.
    pub(super) fn parse(text: &'a str) -> Result<NameAddrSlices<'a>, BadValue> {
        let slices = NameAddrSlices::cut(trim(text))?;
        UriSlices::parse(slices.uri)?;
        // In the bare form `;` and `?` may not be the URI's (RFC 3261 §20.10), so headers cannot be there.
        if !slices.bracketed && slices.uri.contains('?') {
            return Err(BadValue);
        }
        ParamSlices::new(slices.params).try_for_each(|param| param.map(drop))?;
        Ok(slices)
    }

    /// Cuts a value; URI and parameters are not looked at.
    pub(super) fn cut(text: &'a str) -> Result<NameAddrSlices<'a>, BadValue> {
        let open = match text.strip_prefix('"') {
            Some(_) => {
                let end = quoted_end(text).ok_or(BadValue)?;
                let rest = text.get(end..).unwrap_or("");
                end + rest.find(|character| !matches!(character, ' ' | '\t')).ok_or(BadValue)?
            }
            None => match place(text, b'<') {
                Some(open) => open,
                None => return Ok(NameAddrSlices::bare(text)),
            },
        };
        let (display, rest) = (trim(text.get(..open).unwrap_or("")), text.get(open..).unwrap_or(""));
        // The grammar has tokens only; other letters and dots without quotes are common, separators mean damage.
        if !display.starts_with('"') && display.bytes().any(|byte| b"\",;>".contains(&byte)) {
            return Err(BadValue);
        }
        let (uri, params) = rest.strip_prefix('<').and_then(|rest| cut(rest, b'>')).ok_or(BadValue)?;
        let params = trim(params);
        if !params.is_empty() && !params.starts_with(';') {
            return Err(BadValue);
        }
        Ok(NameAddrSlices { display, uri, params, bracketed: true })
    }

    fn bare(text: &'a str) -> NameAddrSlices<'a> {
        let (uri, params) = cut_params(text);
        NameAddrSlices { display: "", uri: trim(uri), params, bracketed: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_read_and_print() {
        for (text, wanted) in [
            (
                r#""J Rosenberg \\\"" <sip:jdrosen@example.com> ; tag = 98asjd8"#,
                r#""J Rosenberg \\\"" <sip:jdrosen@example.com>;tag=98asjd8"#,
            ),
            ("sip:a@h;tag=1", "<sip:a@h>;tag=1"),
            ("<sip:a@h;lr>", "<sip:a@h;lr>"),
            ("Bell Telephone <sip:a@h>", "\"Bell Telephone\" <sip:a@h>"),
            (r#""A \"B\" <x;y>" <sip:a@h?x=y>;q=0.5"#, r#""A \"B\" <x;y>" <sip:a@h?x=y>;q=0.5"#),
            ("caller<sip:caller@example.com>;tag=323", "\"caller\" <sip:caller@example.com>;tag=323"),
            ("<tel:+1555>", "<tel:+1555>"),
            ("J. Müller <sip:m@h>", "\"J. Müller\" <sip:m@h>"),
            (
                r#"<sip:a@h>;+sip.instance="<urn:uuid:1>";reg-id=1"#,
                r#"<sip:a@h>;+sip.instance="<urn:uuid:1>";reg-id=1"#,
            ),
        ] {
            let read = NameAddr::parse(text).unwrap();
            assert_eq!(read.to_string(), wanted);
            assert_eq!(NameAddr::parse(wanted).unwrap(), read);
        }
    }

    #[test]
    fn broken_ones_are_refused() {
        for text in [
            "",
            "<>",
            "<sip:a@h",
            "\"open <sip:a@h>",
            "Bell, Alexander <sip:a@h>;tag=1",
            "< sip:a@h >",
            "sip:a@h?x=y",
            "<sip:a@h>tag=1",
            "<sip:a@h>;;tag=1",
            "\"x\" sip:a@h",
            "\"x\"",
            "<sip:a@h>, <sip:b@h>",
            "alice",
        ] {
            assert_eq!(NameAddr::parse(text), Err(BadValue), "{text}");
        }
    }

    #[test]
    fn parties_come_and_go() {
        let address = NameAddr::parse("\"A \\\"x\\\"\" <sip:b%6Fb@h>;tag=1").unwrap();
        let party = address.party();
        assert_eq!(
            (party.display.as_str(), party.uri.as_str(), party.user.as_str()),
            ("A \"x\"", "sip:b%6Fb@h", "bob")
        );
        assert_eq!(NameAddr::from_party(&party).unwrap().with_tag("2").tag(), Some("2"));
    }
}
