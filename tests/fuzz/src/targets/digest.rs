//! Digest headers of both directions: they read back, a stranger's credentials are never right, and our answer to any
//! challenge is one that we would read.

use std::net::IpAddr;

use baton_sip::digest::{self, Algorithm, Server, Verdict, ha1};
use baton_sip::wire::{Challenge, DigestCredentials, Method};
use baton_sip::{Account, Credentials};

const NOW_US: u64 = 1_700_000_000_000_000;

pub(crate) fn run(data: &[u8]) {
    // A header's value has no control characters; those are printed as blanks.
    let Ok(text) = str::from_utf8(data).map(|text| text.replace(char::is_control, " ")) else { return };
    let text = text.as_str();
    if let Ok(challenge) = Challenge::parse(text) {
        assert_eq!(Challenge::parse(&challenge.to_string()).as_ref(), Ok(&challenge), "a challenge reads back");
        answers(&challenge);
    }
    if let Ok(credentials) = DigestCredentials::parse(text) {
        let again = DigestCredentials::parse(&credentials.to_string());
        assert_eq!(again.as_ref(), Ok(&credentials), "credentials read back");
        is_refused(&credentials);
    }
}

/// What we answer to a challenge reads as what it is.
fn answers(challenge: &Challenge) {
    let credentials = Credentials { username: "4989222".into(), password: "out-secret".into() };
    let choice = [challenge.clone()];
    if let Some(chosen) = digest::choose(&choice) {
        let _ = digest::may_answer_again(chosen, &[]);
        let method = Method::Register;
        let answer = digest::answer(chosen, &credentials, &method, "sip:carrier.example", b"", "0a4f113b", 1);
        let answer = answer.expect("what was chosen can be answered");
        assert_eq!(DigestCredentials::parse(&answer.to_string()), Ok(answer), "our credentials read back");
    }
}

fn is_refused(credentials: &DigestCredentials) {
    let hash = |algorithm| ha1(&credentials.username, "baton", "nobody guesses this", algorithm);
    let account = Account { ha1_md5: hash(Algorithm::Md5), ha1_sha256: hash(Algorithm::Sha256) };
    let mut server = Server::new("baton", [7; 32], 300);
    let given = server.challenge(NOW_US, false);
    for nonce in [&credentials.nonce, &given[0].nonce] {
        let tried = DigestCredentials { nonce: nonce.clone(), ..credentials.clone() };
        let verdict = server.verify(NOW_US + 1, &Method::Invite, &tried, &account);
        assert_eq!(verdict, Verdict::Wrong);
        let _ = server.was_given(NOW_US, nonce, IpAddr::from([192, 0, 2, 1]));
    }
}
