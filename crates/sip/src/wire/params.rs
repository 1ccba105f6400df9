//! Parameters after semicolons: `;name`, `;name=value`, `;name="quoted"`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::BadValue;

/// Parameters in their order, values as written (escaped, quoted).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Params(pub Vec<(String, Option<String>)>);

impl Params {
    /// Reads `;a;b=c`, with or without the first semicolon.
    pub fn parse(_text: &str) -> Result<Params, BadValue> {
        unimplemented!()
    }

    /// The raw value of a parameter, its name in any case; `Some("")` for one without a value.
    pub fn get(&self, _name: &str) -> Option<&str> {
        unimplemented!()
    }

    /// The value with quotes and backslashes resolved.
    pub fn unquoted(&self, _name: &str) -> Option<String> {
        unimplemented!()
    }

    /// Whether a parameter is there, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets a parameter in its place, or appends it. `None` sets a flag.
    pub fn set(&mut self, _name: &str, _value: Option<&str>) {
        unimplemented!()
    }

    /// Removes a parameter.
    pub fn remove(&mut self, _name: &str) {
        unimplemented!()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Params {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            write!(formatter, ";{name}")?;
            if let Some(value) = value {
                write!(formatter, "={value}")?;
            }
        }
        Ok(())
    }
}
