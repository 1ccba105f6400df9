//! When two URIs are the same (RFC 3261 §19.1.4, RFC 3966 §4).

use super::escape::normal;
use super::{Host, Params, SipUri, Uri};

impl Uri {
    /// Equality of RFC 3261 §19.1.4 (and RFC 3966 §4 for `tel:`).
    pub fn equivalent(&self, other: &Uri) -> bool {
        if self == other {
            return true;
        }
        match (self, other) {
            (Uri::Sip(one), Uri::Sip(two)) => one.equivalent(two),
            (Uri::Tel(one), Uri::Tel(two)) => {
                one.digits().eq_ignore_ascii_case(&two.digits()) && params_match(&one.params, &two.params, |_| true)
            }
            (Uri::Opaque(one), Uri::Opaque(two)) => one == two,
            _ => false,
        }
    }
}

impl SipUri {
    fn equivalent(&self, other: &SipUri) -> bool {
        let must_match = |name: &str| {
            ["user", "ttl", "method", "maddr", "transport"].iter().any(|known| known.eq_ignore_ascii_case(name))
        };
        self.secure == other.secure
            && same_escaped(self.user.as_deref(), other.user.as_deref())
            && same_escaped(self.password.as_deref(), other.password.as_deref())
            && self.host.equivalent(&other.host)
            && self.port == other.port
            && params_match(&self.params, &other.params, must_match)
            && headers_match(&self.headers, &other.headers)
    }
}

impl Host {
    fn equivalent(&self, other: &Host) -> bool {
        match (self, other) {
            (Host::Name(one), Host::Name(two)) => one.eq_ignore_ascii_case(two),
            _ => self == other,
        }
    }
}

fn same_escaped(one: Option<&str>, two: Option<&str>) -> bool {
    match (one, two) {
        (Some(one), Some(two)) => one == two || normal(one) == normal(two),
        (None, None) => true,
        _ => false,
    }
}

/// Parameters in both must be equal; those in one only must not be of the kind that `must_match` names (§19.1.4).
fn params_match(one: &Params, two: &Params, must_match: impl Fn(&str) -> bool) -> bool {
    let covers = |left: &Params, right: &Params| {
        left.0.iter().all(|(name, value)| match right.get(name) {
            Some(other) => {
                let value = value.as_deref().unwrap_or("");
                value.eq_ignore_ascii_case(other) || normal(value).eq_ignore_ascii_case(&normal(other))
            }
            None => !must_match(name),
        })
    };
    covers(one, two) && covers(two, one)
}

/// URI headers are never ignored; their order does not matter (§19.1.4).
fn headers_match(one: &[(String, String)], two: &[(String, String)]) -> bool {
    let sorted = |headers: &[(String, String)]| {
        let mut list: Vec<_> = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), normal(value))).collect();
        list.sort();
        list
    };
    one.is_empty() && two.is_empty() || sorted(one) == sorted(two)
}
