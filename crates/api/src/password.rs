//! Passwords and tokens as hashes.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest, Sha256};

/// Longest password, in bytes: a bound on what is hashed.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// A password could not be hashed: it is empty or longer than [`PASSWORD_BYTES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a password has 1 to 1,024 bytes")]
pub struct BadPassword;

/// The argon2id hash of a password as a PHC string (19 MiB, two passes: OWASP's first choice). It takes some 30 ms;
/// call it where that does no harm. `salt` is random, new for each password.
///
/// # Errors
/// When the password is empty or too long.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, BadPassword> {
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return Err(BadPassword);
    }
    let salt = SaltString::encode_b64(&salt).map_err(|_| BadPassword)?;
    let hash = argon2id().hash_password(password.as_bytes(), &salt).map_err(|_| BadPassword)?;
    Ok(hash.to_string())
}

/// Whether a password belongs to a PHC string. A text that is none belongs to no password.
pub fn verify(password: &str, phc: &str) -> bool {
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    PasswordHash::new(phc).is_ok_and(|hash| argon2id().verify_password(password.as_bytes(), &hash).is_ok())
}

/// SHA-256 of a random token (256 bit): what is kept of it.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::default())
}
