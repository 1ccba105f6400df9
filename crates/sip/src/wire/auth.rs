//! Digest challenges and credentials as headers carry them (RFC 7616 §3.3, §3.4; RFC 8760).

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use super::print::Print;
use super::text::{find_outside, is_token, quote, quoted_end, trim, unquote};
use super::{BadValue, split_commas};

/// A Digest challenge (WWW-Authenticate, Proxy-Authenticate). Texts are unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Challenge {
    /// The realm.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
    /// `opaque`, given back verbatim.
    pub opaque: Option<String>,
    /// The algorithm as written; MD5 when absent.
    pub algorithm: Option<String>,
    /// The offered `qop` values, in lower case; empty for RFC 2069 servers.
    pub qop: Vec<String>,
    /// `stale=true`: the credentials were right, the nonce was old.
    pub stale: bool,
}

/// Digest credentials (Authorization, Proxy-Authorization). Texts are unquoted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DigestCredentials {
    /// The user name.
    pub username: String,
    /// The realm.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
    /// The `uri`, as written: it is what was hashed.
    pub uri: String,
    /// The response, as written.
    pub response: String,
    /// The algorithm as written; MD5 when absent.
    pub algorithm: Option<String>,
    /// `cnonce`.
    pub cnonce: Option<String>,
    /// `qop`, in lower case.
    pub qop: Option<String>,
    /// `nc`, as written: eight hexadecimal digits.
    pub nc: Option<String>,
    /// `opaque`.
    pub opaque: Option<String>,
}

impl Challenge {
    /// Reads a value that begins with `Digest`.
    pub fn parse(text: &str) -> Result<Challenge, BadValue> {
        let params = AuthParams::digest(text)?;
        Ok(Challenge {
            realm: params.text("realm").ok_or(BadValue)?,
            nonce: params.text("nonce").ok_or(BadValue)?,
            opaque: params.text("opaque"),
            algorithm: params.token("algorithm")?,
            qop: params
                .text("qop")
                .map(|list| split_commas(&list).filter(|qop| is_token(qop)).map(str::to_ascii_lowercase).collect())
                .unwrap_or_default(),
            stale: params.text("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }
}

impl DigestCredentials {
    /// Reads a value that begins with `Digest`.
    pub fn parse(text: &str) -> Result<DigestCredentials, BadValue> {
        let params = AuthParams::digest(text)?;
        Ok(DigestCredentials {
            username: params.text("username").ok_or(BadValue)?,
            realm: params.text("realm").ok_or(BadValue)?,
            nonce: params.text("nonce").ok_or(BadValue)?,
            uri: params.raw("uri").ok_or(BadValue)?.to_owned(),
            response: params.text("response").ok_or(BadValue)?,
            algorithm: params.token("algorithm")?,
            cnonce: params.text("cnonce"),
            qop: params.token("qop")?.map(|qop| qop.to_ascii_lowercase()),
            nc: params.token("nc")?,
            opaque: params.text("opaque"),
        })
    }
}

impl Print for Challenge {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        write!(out, "Digest realm={}, nonce={}", quote(&self.realm), quote(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(out, ", opaque={}", quote(opaque))?;
        }
        if let Some(algorithm) = &self.algorithm {
            write!(out, ", algorithm={algorithm}")?;
        }
        if !self.qop.is_empty() {
            write!(out, ", qop=\"{}\"", self.qop.join(","))?;
        }
        out.write_str(if self.stale { ", stale=true" } else { "" })
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter)
    }
}

impl fmt::Display for DigestCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Digest username={}, realm={}, nonce={}, uri=\"{}\", response={}",
            quote(&self.username),
            quote(&self.realm),
            quote(&self.nonce),
            self.uri,
            quote(&self.response)
        )?;
        if let Some(algorithm) = &self.algorithm {
            write!(formatter, ", algorithm={algorithm}")?;
        }
        if let Some(cnonce) = &self.cnonce {
            write!(formatter, ", cnonce={}", quote(cnonce))?;
        }
        if let Some(qop) = &self.qop {
            write!(formatter, ", qop={qop}")?;
        }
        if let Some(nc) = &self.nc {
            write!(formatter, ", nc={nc}")?;
        }
        match &self.opaque {
            Some(opaque) => write!(formatter, ", opaque={}", quote(opaque)),
            None => Ok(()),
        }
    }
}

/// The parameters of one challenge or of one set of credentials, as written.
struct AuthParams<'a>(Vec<(&'a str, &'a str)>);

impl<'a> AuthParams<'a> {
    fn digest(text: &'a str) -> Result<AuthParams<'a>, BadValue> {
        let (scheme, rest) = trim(text).split_once([' ', '\t']).ok_or(BadValue)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(BadValue);
        }
        let mut params: Vec<(&str, &str)> = Vec::new();
        let mut rest = rest;
        loop {
            let comma = find_outside(rest, b',', false);
            let part = trim(comma.map_or(rest, |comma| rest.get(..comma).unwrap_or("")));
            if !part.is_empty() {
                let (name, value) = part.split_once('=').ok_or(BadValue)?;
                let (name, value) = (trim(name), trim(value));
                let whole = match value.starts_with('"') {
                    true => quoted_end(value) == Some(value.len()),
                    false => !value.contains(['"', '\\']),
                };
                // A parameter may stand once (RFC 7616 §3.4); two that differ would let two readers disagree.
                if !is_token(name) || !whole || params.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                    return Err(BadValue);
                }
                params.push((name, value));
            }
            match comma.and_then(|comma| rest.get(comma + 1..)) {
                Some(tail) if params.len() < PARAMS_MAX => rest = tail,
                Some(_) => return Err(BadValue),
                None => return Ok(AuthParams(params)),
            }
        }
    }

    fn find(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Unquoted, backslashes resolved.
    fn text(&self, name: &str) -> Option<String> {
        self.find(name).map(unquote)
    }

    /// The same, where it must be a token (RFC 7616 §3.4); phones put some of these in quotes.
    fn token(&self, name: &str) -> Result<Option<String>, BadValue> {
        let text = self.text(name);
        if text.as_deref().is_some_and(|text| !is_token(text)) { Err(BadValue) } else { Ok(text) }
    }

    /// Without its quotes, otherwise as written.
    fn raw(&self, name: &str) -> Option<&'a str> {
        let value = self.find(name)?;
        Some(value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value))
    }
}

/// Most parameters of one challenge; more are an attack.
const PARAMS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_read_with_quotes_and_escapes() {
        let text = r#"Digest username="a \"b\" \\c", realm="x, y", nonce="n==",uri="sip:h;x=1,2" ,response="00ff", algorithm=SHA-256, cnonce="c",qop=auth,nc=0000000a, opaque="""#;
        let read = DigestCredentials::parse(text).unwrap();
        assert_eq!((read.username.as_str(), read.realm.as_str()), (r#"a "b" \c"#, "x, y"));
        assert_eq!(
            (read.uri.as_str(), read.nc.as_deref(), read.opaque.as_deref()),
            ("sip:h;x=1,2", Some("0000000a"), Some(""))
        );
        assert_eq!(DigestCredentials::parse(&read.to_string()), Ok(read));
    }

    #[test]
    fn odd_credentials_read_back_as_they_were_read() {
        let start = r#"Digest username="a", realm="r", nonce="n", uri="sip:h""#;
        let odd =
            DigestCredentials::parse(&format!(r#"{start}, response="0\"f\\", cnonce="\"", algorithm="MD5""#)).unwrap();
        assert_eq!((odd.response.as_str(), odd.algorithm.as_deref()), (r#"0"f\"#, Some("MD5")));
        assert_eq!(DigestCredentials::parse(&odd.to_string()), Ok(odd));
        for damaged in [r#"response=#0f""#, r#"response="0f", nc="1, 2""#, r#"response="0f", qop="a b""#] {
            assert_eq!(DigestCredentials::parse(&format!("{start}, {damaged}")), Err(BadValue), "{damaged}");
        }
    }

    #[test]
    fn challenges_read_with_several_qop() {
        let text = r#"digest realm="r", nonce="n", qop="Auth, auth-int", stale=TRUE, algorithm=MD5, opaque="o""#;
        let read = Challenge::parse(text).unwrap();
        assert_eq!(read.qop, ["auth", "auth-int"]);
        assert!(read.stale);
        assert_eq!(Challenge::parse(&read.to_string()), Ok(read));
    }

    #[test]
    fn other_schemes_and_damage_are_refused() {
        for text in [
            "",
            "Digest",
            "Basic realm=\"x\"",
            "NoOneKnowsThisScheme opaque-data=here",
            "Digest realm=\"x",
            "Digest realm",
            "Digest realm=\"a\", realm=\"b\", nonce=\"n\"",
            "Digest realm=a\"b\", nonce=\"n\"",
            "Digest realm=\"r\", nonce=\"n\", algorithm=\"MD5, x=y\"",
            "Digest nonce=\"n\"",
        ] {
            assert_eq!(Challenge::parse(text), Err(BadValue), "{text}");
        }
        assert_eq!(Challenge::parse(&format!("Digest realm=\"r\", nonce=\"n\"{}", ", a=b".repeat(3))), Err(BadValue));
    }
}
