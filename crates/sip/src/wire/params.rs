//! Parameters after semicolons: `;name`, `;name=value`, `;name="quoted"`.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use super::BadValue;
use super::print::Print;
use super::text::{cut, find_outside, is_param_byte, place, quoted_end, trim, unquote};

/// Parameters in their order, values as written (escaped, quoted).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Params(pub Vec<(String, Option<String>)>);

impl Params {
    /// Reads `;a;b=c`, with or without the first semicolon.
    pub fn parse(text: &str) -> Result<Params, BadValue> {
        let mut params = Vec::new();
        for param in ParamSlices::new(text) {
            let (name, value) = param?;
            params.push((name.to_owned(), value.map(str::to_owned)));
        }
        Ok(Params(params))
    }

    /// Sets a parameter in its place, or appends it. `None` sets a flag.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self.0.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some(param) => param.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Removes a parameter.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// The raw value of a parameter, its name in any case; `Some("")` for one without a value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_deref().unwrap_or(""))
    }

    /// The value with quotes and backslashes resolved.
    pub fn unquoted(&self, name: &str) -> Option<String> {
        self.get(name).map(unquote)
    }

    /// Whether a parameter is there, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Print for Params {
    fn print(&self, out: &mut impl Write) -> fmt::Result {
        for (name, value) in &self.0 {
            out.write_str(";")?;
            out.write_str(name)?;
            if let Some(value) = value {
                out.write_str("=")?;
                out.write_str(value)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Params {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.print(formatter)
    }
}

/// What stands before the first semicolon, and the parameters with it.
pub(super) fn cut_params(text: &str) -> (&str, &str) {
    place(text, b';').and_then(|semicolon| text.split_at_checked(semicolon)).unwrap_or((text, ""))
}

/// Walks parameters without copying. Ends after the first error.
pub(super) struct ParamSlices<'a> {
    rest: Option<&'a str>,
}

impl<'a> ParamSlices<'a> {
    pub(super) fn new(text: &'a str) -> ParamSlices<'a> {
        let text = trim(text);
        let text = text.strip_prefix(';').unwrap_or(text);
        // A last semicolon after a parameter is seen in the field; two in a row are an error (RFC 4475 §3.1.2.1).
        let text = match text.strip_suffix(';') {
            Some(shorter) if !shorter.is_empty() => trim(shorter),
            _ => trim(text),
        };
        ParamSlices { rest: if text.is_empty() { None } else { Some(text) } }
    }

    /// The value of one parameter; an error anywhere reads as absent.
    pub(super) fn find(mut self, name: &str) -> Option<&'a str> {
        self.find_map(|param| match param {
            Ok((known, value)) if known.eq_ignore_ascii_case(name) => Some(value.unwrap_or("")),
            _ => None,
        })
    }
}

impl<'a> Iterator for ParamSlices<'a> {
    type Item = Result<(&'a str, Option<&'a str>), BadValue>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest?;
        let param = match find_outside(text, b';', false) {
            Some(semicolon) => {
                self.rest = text.get(semicolon + 1..);
                text.get(..semicolon).unwrap_or("")
            }
            None => {
                self.rest = None;
                text
            }
        };
        let parsed = one(param);
        if parsed.is_err() {
            self.rest = None;
        }
        Some(parsed)
    }
}

fn one(param: &str) -> Result<(&str, Option<&str>), BadValue> {
    let (name, value) = match cut(param, b'=') {
        Some((name, value)) => (trim(name), Some(trim(value))),
        None => (trim(param), None),
    };
    if name.is_empty() || !name.bytes().all(is_param_byte) {
        return Err(BadValue);
    }
    match value {
        Some(quoted) if quoted.starts_with('"') && quoted_end(quoted) == Some(quoted.len()) => Ok((name, value)),
        // An empty value (`;tag=`) is seen in the field and reads as a flag would.
        Some(plain) if !plain.bytes().all(is_value_byte) => Err(BadValue),
        _ => Ok((name, value)),
    }
}

/// Anything visible that does not end or quote something; more than the grammar allows, for the peers that need it.
fn is_value_byte(byte: u8) -> bool {
    byte > b' ' && !matches!(byte, 0x7f | b'"' | b'<' | b'>' | b',' | b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_read_in_every_spelling() {
        let params = Params::parse(r#"; Tag = 12 ;lr;+sip.instance="<urn:uuid:1;2>" ;ob"#).unwrap();
        assert_eq!(params.get("tag"), Some("12"));
        assert_eq!(params.get("LR"), Some(""));
        assert_eq!(params.unquoted("+sip.instance").as_deref(), Some("<urn:uuid:1;2>"));
        assert!(params.has("ob") && !params.has("x"));
        assert_eq!(params.to_string(), r#";Tag=12;lr;+sip.instance="<urn:uuid:1;2>";ob"#);
    }

    #[test]
    fn broken_parameters_are_refused() {
        for text in [";;a", "a;;b", ";;", "=x", r#"a="open"#, r#"a="x"y"#, "a b=c", "a=b c", "a,b", ";a=<x>"] {
            assert_eq!(Params::parse(text), Err(BadValue), "{text}");
        }
        for text in ["", ";", ";a;", "a="] {
            assert!(Params::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn setting_keeps_the_place_and_removing_removes() {
        let mut params = Params::parse(";a=1;b;c=3").unwrap();
        params.set("B", Some("2"));
        params.set("d", None);
        params.remove("A");
        assert_eq!(params.to_string(), ";b=2;c=3;d");
    }
}
