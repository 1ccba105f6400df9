//! The client side: which challenge is answered, and with what.

use super::{Algorithm, ha1};
use crate::interface::Credentials;
use crate::wire::{Challenge, DigestCredentials, Method};

/// The challenge that we answer best: SHA-256 before MD5, plain before session; `None` when none is usable.
pub fn choose(challenges: &[Challenge]) -> Option<&Challenge> {
    let rank = |challenge: &Challenge| {
        protection(challenge)?;
        Some(match Algorithm::of(challenge.algorithm.as_deref())? {
            Algorithm::Sha256 => 4,
            Algorithm::Sha256Session => 3,
            Algorithm::Md5 => 2,
            Algorithm::Md5Session => 1,
        })
    };
    let mut best = None;
    for challenge in challenges {
        let rank = rank(challenge);
        // The first of equals is the server's choice (RFC 8760 §2.4).
        if rank.is_some() && best.is_none_or(|(known, _)| rank > known) {
            best = Some((rank, challenge));
        }
    }
    best.map(|(_, challenge)| challenge)
}

/// Whether a second challenge may be answered with the same credentials: only when it says that the nonce was old, or
/// when it is for a realm that was not answered yet (RFC 3261 §22.2); otherwise the password is wrong.
pub fn may_answer_again(challenge: &Challenge, answered_realms: &[String]) -> bool {
    challenge.stale || !answered_realms.contains(&challenge.realm)
}

/// The client side: credentials for a request. `count` is how often this nonce was used, from 1; `cnonce` is random.
/// `None` when the challenge's algorithm or quality of protection is unknown.
pub fn answer(
    challenge: &Challenge,
    credentials: &Credentials,
    method: &Method,
    uri: &str,
    body: &[u8],
    cnonce: &str,
    count: u32,
) -> Option<DigestCredentials> {
    let algorithm = Algorithm::of(challenge.algorithm.as_deref())?;
    let protection = protection(challenge)?;
    let nonce = challenge.nonce.as_str();
    let mut ha1 = ha1(&credentials.username, &challenge.realm, &credentials.password, algorithm);
    if algorithm.is_session() {
        ha1 = algorithm.hash(&[&ha1, nonce, cnonce]);
    }
    let ha2 = match protection {
        Some("auth-int") => algorithm.hash(&[method.as_str(), uri, &algorithm.hash_bytes(body)]),
        _ => algorithm.hash(&[method.as_str(), uri]),
    };
    let nc = format!("{count:08x}");
    let response = match protection {
        Some(qop) => algorithm.hash(&[&ha1, nonce, &nc, cnonce, qop, &ha2]),
        None => algorithm.hash(&[&ha1, nonce, &ha2]),
    };
    let with_cnonce = protection.is_some() || algorithm.is_session();
    Some(DigestCredentials {
        username: credentials.username.clone(),
        realm: challenge.realm.clone(),
        nonce: challenge.nonce.clone(),
        uri: uri.to_owned(),
        response,
        // Given back as it came: some servers compare it as text.
        algorithm: challenge.algorithm.clone(),
        cnonce: with_cnonce.then(|| cnonce.to_owned()),
        qop: protection.map(str::to_owned),
        nc: protection.map(|_| nc),
        opaque: challenge.opaque.clone(),
    })
}

/// `auth` where it is offered, else `auth-int`, else (RFC 2069) none; `None` when only unknown ones are offered.
fn protection(challenge: &Challenge) -> Option<Option<&'static str>> {
    if challenge.qop.is_empty() {
        return Some(None);
    }
    ["auth", "auth-int"].into_iter().find(|known| challenge.qop.iter().any(|offered| offered == known)).map(Some)
}
