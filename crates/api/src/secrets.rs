//! The directory without its secrets, and back.

use baton_contact::directory::{Directory, Phone, Trunk, User};

/// An entry that may hold secrets.
pub(crate) trait Secrets {
    /// Takes all secrets out.
    fn redact(&mut self);
    /// Fills in the secrets of the entry that is in force, where this one says nothing about them.
    fn fill_in(&mut self, in_force: &Self);
}

impl Secrets for User {
    fn redact(&mut self) {
        self.password = None;
        self.password_hash = None;
        self.phones.iter_mut().for_each(Secrets::redact);
    }

    fn fill_in(&mut self, in_force: &Self) {
        if self.password.is_none() && self.password_hash.is_none() {
            self.password_hash.clone_from(&in_force.password_hash);
        }
        for phone in &mut self.phones {
            if let Some(in_force) = in_force.phones.iter().find(|each| each.username == phone.username) {
                phone.fill_in(in_force);
            }
        }
    }
}

impl Secrets for Phone {
    fn redact(&mut self) {
        self.password = None;
        self.ha1_md5 = None;
        self.ha1_sha256 = None;
    }

    fn fill_in(&mut self, in_force: &Self) {
        if self.password.is_none() && self.ha1_md5.is_none() && self.ha1_sha256.is_none() {
            self.ha1_md5.clone_from(&in_force.ha1_md5);
            self.ha1_sha256.clone_from(&in_force.ha1_sha256);
        }
    }
}

impl Secrets for Trunk {
    fn redact(&mut self) {
        self.inbound_password = None;
        self.password = None;
    }

    fn fill_in(&mut self, in_force: &Self) {
        if self.inbound_password.is_none() && self.inbound_username == in_force.inbound_username {
            self.inbound_password.clone_from(&in_force.inbound_password);
        }
        // A password belongs to its user name and its peer: it is not sent to another one.
        let same_peer = self.all_gateways() == in_force.all_gateways();
        if self.password.is_none() && self.username == in_force.username && same_peer {
            self.password.clone_from(&in_force.password);
        }
    }
}

impl Secrets for Directory {
    fn redact(&mut self) {
        self.users.iter_mut().for_each(Secrets::redact);
        self.trunks.iter_mut().for_each(Secrets::redact);
    }

    fn fill_in(&mut self, in_force: &Self) {
        for user in &mut self.users {
            if let Some(in_force) = in_force.user(&user.username) {
                user.fill_in(in_force);
            }
        }
        for trunk in &mut self.trunks {
            if let Some(in_force) = in_force.trunk(&trunk.name) {
                trunk.fill_in(in_force);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        let phone = Phone {
            username: "anna-1".into(),
            ha1_md5: Some("m".into()),
            ha1_sha256: Some("s".into()),
            ..Phone::default()
        };
        let anna =
            User { username: "anna".into(), password_hash: Some("phc".into()), phones: vec![phone], ..User::default() };
        let trunk = Trunk { name: "pbx".into(), address: "a:1".into(), password: Some("t".into()), ..Trunk::default() };
        let trunk = Trunk { inbound_username: Some("i".into()), inbound_password: Some("j".into()), ..trunk };
        Directory { users: vec![anna], trunks: vec![trunk], ..Directory::default() }
    }

    #[test]
    fn what_is_read_can_be_written_back_and_keeps_its_secrets() {
        let mut shown = directory();
        shown.redact();
        let text = serde_json::to_string(&shown).unwrap();
        assert!(
            !text.contains("phc") && !text.contains("ha1") && !text.contains("\"t\"") && !text.contains("\"j\""),
            "{text}"
        );
        shown.fill_in(&directory());
        assert_eq!(shown, directory());
    }

    #[test]
    fn a_new_password_stands_and_a_trunk_password_stays_with_its_peer() {
        let mut written = directory();
        written.redact();
        written.users[0].password = Some("new".into());
        written.trunks[0].address = "b:1".into();
        written.fill_in(&directory());
        assert_eq!((written.users[0].password.as_deref(), &written.users[0].password_hash), (Some("new"), &None));
        assert_eq!(written.trunks[0].password, None);
    }
}
