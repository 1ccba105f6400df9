//! Replaces the passwords of a directory by what is kept of them: argon2id for the panel, digest hashes for phones.
//!
//! A password that is the same as the one in force keeps its hash, so that applying the same file twice changes nothing.

use baton_contact::directory::{Directory, Phone, User};
use baton_sip::digest::{Algorithm, ha1};

use crate::random;

/// Seals all users and phones. Slow: some 30 ms a password; not for an async thread.
///
/// # Errors
/// One sentence, when a password cannot be hashed.
pub(crate) fn seal(directory: &mut Directory, in_force: &Directory, realm: &str) -> Result<(), String> {
    for user in &mut directory.users {
        seal_user(user, in_force.user(&user.username))?;
        user.phones.iter_mut().for_each(|phone| seal_phone(phone, realm));
    }
    Ok(())
}

fn seal_user(user: &mut User, in_force: Option<&User>) -> Result<(), String> {
    let Some(password) = user.password.take() else { return Ok(()) };
    if let Some(hash) = in_force.and_then(|known| known.password_hash.as_deref())
        && baton_api::password::verify(&password, hash)
    {
        user.password_hash = Some(hash.to_owned());
        return Ok(());
    }
    let failed = |why: String| format!("the password of the user \"{}\" cannot be hashed: {why}", user.username);
    let salt = random::bytes().map_err(|error| failed(error.to_string()))?;
    user.password_hash = Some(baton_api::password::hash(&password, salt).map_err(|error| failed(error.to_string()))?);
    Ok(())
}

fn seal_phone(phone: &mut Phone, realm: &str) {
    let Some(password) = phone.password.take() else { return };
    phone.ha1_md5 = Some(ha1(&phone.username, realm, &password, Algorithm::Md5));
    phone.ha1_sha256 = Some(ha1(&phone.username, realm, &password, Algorithm::Sha256));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(password: &str) -> Directory {
        let phone = Phone { username: "anna-desk".into(), password: Some("0815".into()), ..Phone::default() };
        let user =
            User { username: "anna".into(), password: Some(password.into()), phones: vec![phone], ..User::default() };
        Directory { users: vec![user], ..Directory::default() }
    }

    #[test]
    fn passwords_leave_and_an_unchanged_one_keeps_its_hash() {
        let mut first = directory("swordfish");
        seal(&mut first, &Directory::default(), "baton").unwrap();
        let anna = &first.users[0];
        assert_eq!((anna.password.as_ref(), anna.phones[0].password.as_ref()), (None, None));
        assert!(anna.password_hash.as_deref().unwrap().starts_with("$argon2id$"));
        // RFC 7616 §3.4.2: H(anna-desk:baton:0815).
        assert_eq!(anna.phones[0].ha1_md5.as_deref().unwrap().len(), 32);
        assert_eq!(anna.phones[0].ha1_sha256.as_deref().unwrap().len(), 64);

        let mut again = directory("swordfish");
        seal(&mut again, &first, "baton").unwrap();
        assert_eq!(again, first);

        let mut other = directory("marlin");
        seal(&mut other, &first, "baton").unwrap();
        assert_ne!(other.users[0].password_hash, first.users[0].password_hash);
    }
}
