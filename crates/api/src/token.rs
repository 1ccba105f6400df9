//! Log-in tokens: signed, so they survive a restart; expiring; bound to the password they were given for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Longest token that is looked at, in bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 512;

/// Longest user name in a token, in bytes.
const USERNAME_BYTES_MAX: usize = 128;
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 16;
const MAC_BYTES: usize = 32;
const HEAD_BYTES: usize = 1 + 8 + NONCE_BYTES;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claims {
    /// The user.
    pub(crate) username: String,
    /// When it expires, in milliseconds since the Unix epoch.
    pub(crate) expires_at_ms: u64,
    /// Names the log-in.
    pub(crate) nonce: [u8; NONCE_BYTES],
}

/// Makes a token. `password_hash` goes into the signature, so a new password ends all earlier log-ins.
pub(crate) fn sign(secret: &[u8; 32], claims: &Claims, password_hash: &str) -> String {
    let mut bytes = payload(claims);
    let signature = mac(secret, &bytes, password_hash).finalize().into_bytes();
    bytes.extend_from_slice(&signature);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a token and checks its signature; `password_hash` gives that of the user named in it. Whether it has expired is
/// for the caller to see.
pub(crate) fn verify(
    secret: &[u8; 32],
    token: &str,
    password_hash: impl FnOnce(&str) -> Option<String>,
) -> Option<Claims> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (payload, signature) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
    let claims = read(payload)?;
    let password_hash = password_hash(&claims.username)?;
    // Compares in constant time.
    mac(secret, payload, &password_hash).verify_slice(signature).ok()?;
    Some(claims)
}

fn payload(claims: &Claims) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + claims.username.len() + MAC_BYTES);
    bytes.push(VERSION);
    bytes.extend_from_slice(&claims.expires_at_ms.to_be_bytes());
    bytes.extend_from_slice(&claims.nonce);
    bytes.extend_from_slice(claims.username.as_bytes());
    bytes
}

fn read(payload: &[u8]) -> Option<Claims> {
    let (head, username) = payload.split_at_checked(HEAD_BYTES)?;
    let (version, rest) = head.split_first()?;
    let (expires, nonce) = rest.split_first_chunk::<8>()?;
    if *version != VERSION || username.len() > USERNAME_BYTES_MAX {
        return None;
    }
    let username = std::str::from_utf8(username).ok()?.to_owned();
    Some(Claims { username, expires_at_ms: u64::from_be_bytes(*expires), nonce: nonce.try_into().ok()? })
}

fn mac(secret: &[u8; 32], payload: &[u8], password_hash: &str) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(b"baton log-in token\0");
    mac.update(&(payload.len() as u64).to_be_bytes());
    mac.update(payload);
    mac.update(password_hash.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims { username: "anna".to_owned(), expires_at_ms: 5_000, nonce: [7; 16] }
    }

    #[test]
    fn a_token_says_what_was_signed() {
        let token = sign(&[1; 32], &claims(), "phc");
        assert_eq!(verify(&[1; 32], &token, |_| Some("phc".to_owned())), Some(claims()));
    }

    #[test]
    fn a_token_of_another_secret_or_password_is_none() {
        let token = sign(&[1; 32], &claims(), "phc");
        assert_eq!(verify(&[2; 32], &token, |_| Some("phc".to_owned())), None);
        assert_eq!(verify(&[1; 32], &token, |_| Some("new".to_owned())), None);
        assert_eq!(verify(&[1; 32], &token, |_| None), None);
    }

    #[test]
    fn no_changed_bit_is_accepted() {
        let bytes = URL_SAFE_NO_PAD.decode(sign(&[1; 32], &claims(), "phc")).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let token = URL_SAFE_NO_PAD.encode(&changed);
            assert_eq!(verify(&[1; 32], &token, |_| Some("phc".to_owned())), None, "byte {at}");
        }
        for length in 0..bytes.len() {
            let token = URL_SAFE_NO_PAD.encode(&bytes[..length]);
            assert_eq!(verify(&[1; 32], &token, |_| Some("phc".to_owned())), None, "length {length}");
        }
    }
}
