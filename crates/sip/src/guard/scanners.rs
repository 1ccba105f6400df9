//! Programs that look for SIP servers to break into, by what they call themselves. They get no answer.

/// How the User-Agent of a scanner begins, in lower case. Seen on the open Internet; SIPVicious' default comes first by far.
const SCANNERS: &[&str] = &[
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sip-scan",
    "sipcli/",
    "sundayddr",
    "vaxsipuseragent",
    "iwar",
    "pplsip",
    "smap",
    "sivus",
    "eyebeam release 3007n stamp 17816",
    "voipscan",
    "mr.sip",
];

/// Whether a User-Agent is a scanner's.
pub(crate) fn is_scanner(user_agent: &str) -> bool {
    let name = user_agent.trim_start();
    SCANNERS.iter().any(|scanner| name.get(..scanner.len()).is_some_and(|start| start.eq_ignore_ascii_case(scanner)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scanners_are_known_by_name_and_phones_are_not_among_them() {
        for scanner in ["friendly-scanner", "Friendly-Scanner v2", "sipcli/v1.8", " SIPVicious 0.3"] {
            assert!(is_scanner(scanner), "{scanner}");
        }
        let phones =
            ["", "Yealink SIP-T46S 66.86.0.15", "snomD785/10.1", "baresip v1.0.0", "Linphone/5", "fr", "Grandstream é"];
        for phone in phones {
            assert!(!is_scanner(phone), "{phone}");
        }
        assert!(SCANNERS.iter().all(|name| *name == name.to_lowercase()));
    }
}
