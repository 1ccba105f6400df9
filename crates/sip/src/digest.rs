//! Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760), as server and as client.
//!
//! The server's nonces carry their own time and proof, so that a challenge costs no memory; only a nonce that was used with
//! the right password is remembered, for its counts. Who knows no password can make the server store nothing.

mod client;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};

use md5::Md5;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::interface::Account;
use crate::wire::{Challenge, DigestCredentials, Method};

pub use client::{answer, choose, may_answer_again};

/// The hash algorithms; `-sess` ones are answered as client, never offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// `MD5`.
    Md5,
    /// `MD5-sess`.
    Md5Session,
    /// `SHA-256`.
    Sha256,
    /// `SHA-256-sess`.
    Sha256Session,
}

impl Algorithm {
    /// Reads the `algorithm` parameter, in any case; MD5 when absent (RFC 7616 §3.3).
    pub fn of(parameter: Option<&str>) -> Option<Algorithm> {
        let known = [Algorithm::Md5, Algorithm::Md5Session, Algorithm::Sha256, Algorithm::Sha256Session];
        match parameter {
            Some(name) => known.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name)),
            None => Some(Algorithm::Md5),
        }
    }

    /// The name as registered.
    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Md5Session => "MD5-sess",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha256Session => "SHA-256-sess",
        }
    }

    fn is_session(self) -> bool {
        matches!(self, Algorithm::Md5Session | Algorithm::Sha256Session)
    }

    fn hex_length(self) -> usize {
        match self {
            Algorithm::Md5 | Algorithm::Md5Session => 32,
            Algorithm::Sha256 | Algorithm::Sha256Session => 64,
        }
    }

    /// The hash of texts joined by colons, in lower-case hex.
    fn hash(self, parts: &[&str]) -> String {
        let text = parts.join(":");
        self.hash_bytes(text.as_bytes())
    }

    fn hash_bytes(self, bytes: &[u8]) -> String {
        match self {
            Algorithm::Md5 | Algorithm::Md5Session => hex(&Md5::digest(bytes)),
            Algorithm::Sha256 | Algorithm::Sha256Session => hex(&Sha256::digest(bytes)),
        }
    }
}

/// H(username:realm:password) in lower-case hex: what [`Account`] keeps. The session forms give the plain one.
pub fn ha1(username: &str, realm: &str, password: &str, algorithm: Algorithm) -> String {
    algorithm.hash(&[username, realm, password])
}

/// What the server thinks of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// They are right.
    Accepted,
    /// They are right but the nonce is old, not ours, or its count was used: challenge again with `stale`.
    Stale,
    /// They are wrong, for another realm, or in a form that was not offered: challenge again (or 403).
    Wrong,
}

/// Phones that fail at a SHA-256 challenge wherever it stands ("Function not implemented", seen with baresip 1.0.0).
const MD5_ONLY: &[&str] = &["baresip v0.", "baresip v1."];

/// Most nonces whose counts are remembered. Above, the oldest are forgotten and read as stale from then on.
const NONCES_MAX: usize = 65_536;

/// The server side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    realm: String,
    secret: [u8; 32],
    lifetime_us: u64,
    offered: Vec<Algorithm>,
    /// When the last nonce was made; each has its own microsecond.
    last_us: u64,
    /// Nonces up to this time are stale, whatever their age.
    forgotten_us: u64,
    /// The counts seen, by the nonce's time.
    counts: BTreeMap<u64, Counts>,
}

/// The counts seen of one nonce: the highest, and a bit for each of the 64 up to it. A count may overtake another on
/// UDP, so "higher than the last" would be too strict; none is taken twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Counts {
    highest: u32,
    seen: u64,
}

impl Server {
    /// A server for a realm. `secret` is random; with the same one a restarted server knows its nonces again.
    pub fn new(realm: &str, secret: [u8; 32], nonce_lifetime_s: u32) -> Server {
        Server {
            realm: realm.to_owned(),
            secret,
            lifetime_us: u64::from(nonce_lifetime_s) * 1_000_000,
            offered: vec![Algorithm::Sha256, Algorithm::Md5],
            last_us: 0,
            forgotten_us: 0,
            counts: BTreeMap::new(),
        }
    }

    /// Offers these algorithms, best first (RFC 8760 §2.4), in place of SHA-256 and MD5. Credentials made with either
    /// are taken all the same. Old phones give up at a challenge that they do not know, even beside one that they do.
    pub fn offering(mut self, algorithms: &[Algorithm]) -> Server {
        self.offered = algorithms.to_vec();
        self
    }

    /// A challenge: the values of the WWW-Authenticate or Proxy-Authenticate headers, one per algorithm, one nonce for
    /// all. The nonce is made for nobody in particular.
    pub fn challenge(&mut self, now_us: u64, stale: bool) -> Vec<Challenge> {
        self.challenge_at(now_us, stale, IpAddr::V6(Ipv6Addr::UNSPECIFIED))
    }

    fn challenge_at(&mut self, now_us: u64, stale: bool, address: IpAddr) -> Vec<Challenge> {
        self.last_us = now_us.max(self.last_us + 1);
        let nonce = self.nonce(self.last_us, &self.addressee(self.last_us, address));
        self.offered
            .iter()
            .map(|algorithm| Challenge {
                realm: self.realm.clone(),
                nonce: nonce.clone(),
                opaque: None,
                algorithm: Some(algorithm.as_str().into()),
                qop: vec!["auth".into()],
                stale,
            })
            .collect()
    }

    /// A challenge for a phone of this User-Agent at this address: [`Server::challenge`], but MD5 alone for those that give up
    /// at an algorithm that they do not know, even beside one that they do. Whoever gives the nonce back has been reached at
    /// the address ([`Server::was_given`]); as credentials it is as good from another one, for a NAT may change its mind.
    pub fn challenge_for(
        &mut self,
        now_us: u64,
        stale: bool,
        user_agent: Option<&str>,
        address: IpAddr,
    ) -> Vec<Challenge> {
        let mut challenges = self.challenge_at(now_us, stale, address);
        if user_agent.is_some_and(|agent| MD5_ONLY.iter().any(|old| agent.starts_with(old))) {
            let md5 = |challenge: &Challenge| challenge.algorithm.as_deref() == Some(Algorithm::Md5.as_str());
            // A site that offers no MD5 keeps its word.
            if challenges.iter().any(md5) {
                challenges.retain(md5);
            }
        }
        challenges
    }

    /// Judges credentials for a request; `account` is that of `credentials.username`.
    pub fn verify(
        &mut self,
        now_us: u64,
        method: &Method,
        credentials: &DigestCredentials,
        account: &Account,
    ) -> Verdict {
        let Some((expected, count)) = self.expected(method, credentials, account) else { return Verdict::Wrong };
        if !same(expected.as_bytes(), credentials.response.to_ascii_lowercase().as_bytes()) {
            return Verdict::Wrong;
        }
        match self.made_at(&credentials.nonce) {
            Some(made_us) if self.is_fresh(now_us, made_us) && self.count(now_us, made_us, count) => Verdict::Accepted,
            _ => Verdict::Stale,
        }
    }

    /// Whether a nonce was made for this address, not long ago.
    pub fn was_given(&self, now_us: u64, nonce: &str, address: IpAddr) -> bool {
        self.made_at(nonce).is_some_and(|made_us| {
            let is_fresh = now_us.saturating_sub(made_us) <= self.lifetime_us;
            is_fresh && nonce.get(16..24) == Some(self.addressee(made_us, address).as_str())
        })
    }

    /// The response that the right password gives, and the count; `None` for a form that we did not offer.
    fn expected(&self, method: &Method, credentials: &DigestCredentials, account: &Account) -> Option<(String, u32)> {
        let algorithm = Algorithm::of(credentials.algorithm.as_deref())?;
        let ha1 = match algorithm {
            Algorithm::Md5 => &account.ha1_md5,
            Algorithm::Sha256 => &account.ha1_sha256,
            Algorithm::Md5Session | Algorithm::Sha256Session => return None,
        };
        let (nc, cnonce) = (credentials.nc.as_deref()?, credentials.cnonce.as_deref()?);
        // An account without this hash must not be entered with the empty one, which everybody knows.
        if ha1.len() != algorithm.hex_length() {
            return None;
        }
        if credentials.realm != self.realm || credentials.qop.as_deref() != Some("auth") || nc.len() > 8 {
            return None;
        }
        let count = u32::from_str_radix(nc, 16).ok().filter(|_| nc.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        // The digest-uri is hashed as written (§3.4.3); a phone that prints it another way is none the wiser.
        let ha2 = algorithm.hash(&[method.as_str(), &credentials.uri]);
        Some((algorithm.hash(&[ha1, &credentials.nonce, nc, cnonce, "auth", &ha2]), count))
    }

    /// How many nonces have counts.
    pub(crate) fn nonces_len(&self) -> usize {
        self.counts.len()
    }

    fn is_fresh(&self, now_us: u64, made_us: u64) -> bool {
        made_us > self.forgotten_us && now_us.saturating_sub(made_us) <= self.lifetime_us
    }

    /// Notes a count; false if it was seen, or is too far behind to tell.
    fn count(&mut self, now_us: u64, made_us: u64, count: u32) -> bool {
        self.forget(now_us, made_us);
        self.counts.entry(made_us).or_default().note(count)
    }

    /// Makes room: drops what has expired, then the oldest.
    fn forget(&mut self, now_us: u64, made_us: u64) {
        while let Some((&oldest_us, _)) = self.counts.first_key_value() {
            let full = self.counts.len() >= NONCES_MAX && !self.counts.contains_key(&made_us);
            if !full && now_us.saturating_sub(oldest_us) <= self.lifetime_us {
                return;
            }
            self.counts.pop_first();
            self.forgotten_us = self.forgotten_us.max(oldest_us);
        }
    }

    /// Sixteen hexadecimal digits of time, eight that tell for whom, thirty-two of proof.
    fn nonce(&self, made_us: u64, addressee: &str) -> String {
        let proof = hmac_sha256(&self.secret, format!("{made_us:016x}{addressee}:{}", self.realm).as_bytes());
        format!("{made_us:016x}{addressee}{}", hex(proof.get(..16).unwrap_or(&[])))
    }

    /// An address in a nonce, readable by nobody else: eight hexadecimal digits.
    fn addressee(&self, made_us: u64, address: IpAddr) -> String {
        let mark = hmac_sha256(&self.secret, format!("{made_us:016x} for {}", address.to_canonical()).as_bytes());
        hex(mark.get(..4).unwrap_or(&[]))
    }

    /// When a nonce was made; `None` if it is not ours.
    fn made_at(&self, nonce: &str) -> Option<u64> {
        let made_us = u64::from_str_radix(nonce.get(..16)?, 16).ok()?;
        let addressee = nonce.get(16..24)?;
        same(self.nonce(made_us, addressee).as_bytes(), nonce.as_bytes()).then_some(made_us)
    }
}

impl Counts {
    fn note(&mut self, count: u32) -> bool {
        if count == 0 {
            return false;
        }
        if count > self.highest {
            let rise = count - self.highest;
            self.seen = if rise < 64 { self.seen << rise | 1 } else { 1 };
            self.highest = count;
            return true;
        }
        let bit = 1u64.checked_shl(self.highest - count).unwrap_or(0);
        let fresh = bit != 0 && self.seen & bit == 0;
        self.seen |= bit;
        fresh
    }
}

/// HMAC (RFC 2104) with SHA-256; the key is shorter than a block.
fn hmac_sha256(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let pad = |mask: u8| {
        let mut block = [mask; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// Equality that takes the same time wherever the first difference is.
fn same(one: &[u8], two: &[u8]) -> bool {
    one.len() == two.len() && one.iter().zip(two).fold(0, |difference, (one, two)| difference | (one ^ two)) == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::Credentials;

    const NOW_US: u64 = 1_700_000_000_000_000;
    const ADDRESS: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    fn server() -> Server {
        Server::new("baton", [7; 32], 300)
    }

    fn alice() -> (Credentials, Account) {
        let credentials = Credentials { username: "alice".into(), password: "secret".into() };
        let account = Account {
            ha1_md5: ha1("alice", "baton", "secret", Algorithm::Md5),
            ha1_sha256: ha1("alice", "baton", "secret", Algorithm::Sha256),
        };
        (credentials, account)
    }

    fn register(challenge: &Challenge, password: &str, count: u32) -> DigestCredentials {
        let credentials = Credentials { username: "alice".into(), password: password.into() };
        answer(challenge, &credentials, &Method::Register, "sip:baton", b"", "0a4f113b", count).unwrap()
    }

    /// RFC 7616 §3.9.1, both algorithms.
    #[test]
    fn the_rfcs_example_comes_out() {
        let mut challenge = Challenge::parse(concat!(
            r#"Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256, "#,
            r#"nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "#,
            r#"opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS""#
        ))
        .unwrap();
        let mufasa = Credentials { username: "Mufasa".into(), password: "Circle of Life".into() };
        let method = Method::Other("GET".into());
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, wanted) in [
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ] {
            challenge.algorithm = Some(algorithm.into());
            let read = answer(&challenge, &mufasa, &method, "/dir/index.html", b"", cnonce, 1).unwrap();
            assert_eq!(read.response, wanted, "{algorithm}");
            assert_eq!((read.nc.as_deref(), read.qop.as_deref()), (Some("00000001"), Some("auth")));
            assert_eq!(read.opaque, challenge.opaque);
        }
    }

    /// RFC 4231 §4.3 (test case 2), its short key padded with zeros as HMAC does.
    #[test]
    fn hmac_follows_its_test_vector() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let wanted = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hmac_sha256(&key, b"what do ya want for nothing?")), wanted);
    }

    #[test]
    fn right_credentials_pass_with_both_algorithms() {
        let (mut server, (_, account)) = (server(), alice());
        let challenges = server.challenge(NOW_US, false);
        let names: Vec<_> = challenges.iter().filter_map(|challenge| challenge.algorithm.as_deref()).collect();
        assert_eq!(names, ["SHA-256", "MD5"]);
        for (count, challenge) in (1..).zip(&challenges) {
            // As it goes over the wire.
            let sent = register(challenge, "secret", count).to_string();
            let read = DigestCredentials::parse(&sent).unwrap();
            assert_eq!(server.verify(NOW_US, &Method::Register, &read, &account), Verdict::Accepted);
        }
    }

    #[test]
    fn what_is_wrong_is_wrong() {
        let (mut server, (_, account)) = (server(), alice());
        let challenge = server.challenge(NOW_US, false).remove(0);
        let right = register(&challenge, "secret", 1);
        type Change = fn(&mut DigestCredentials);
        let changes: [(&str, Change); 9] = [
            ("response", |it| it.response.replace_range(..1, "x")),
            ("empty response", |it| it.response.clear()),
            ("realm", |it| it.realm = "other".into()),
            ("uri", |it| it.uri = "sip:other".into()),
            ("qop", |it| it.qop = None),
            ("nc", |it| it.nc = Some("+1".into())),
            ("long nc", |it| it.nc = Some("000000001".into())),
            ("cnonce", |it| it.cnonce = None),
            ("algorithm", |it| it.algorithm = Some("SHA-512-256".into())),
        ];
        for (what, change) in changes {
            let mut read = right.clone();
            change(&mut read);
            assert_eq!(server.verify(NOW_US, &Method::Register, &read, &account), Verdict::Wrong, "{what}");
        }
        let wrong = register(&challenge, "guess", 1);
        assert_eq!(server.verify(NOW_US, &Method::Register, &wrong, &account), Verdict::Wrong);
        assert_eq!(server.verify(NOW_US, &Method::Invite, &right, &account), Verdict::Wrong);
        assert!(server.counts.is_empty(), "nothing is stored for who knows no password");
        assert_eq!(server.verify(NOW_US, &Method::Register, &right, &account), Verdict::Accepted);
    }

    #[test]
    fn an_account_without_a_hash_lets_nobody_in() {
        let mut server = server();
        let empty = Account { ha1_md5: String::new(), ha1_sha256: String::new() };
        for challenge in server.challenge(NOW_US, false) {
            let algorithm = Algorithm::of(challenge.algorithm.as_deref()).unwrap();
            let mut read = register(&challenge, "", 1);
            let ha2 = algorithm.hash(&["REGISTER", "sip:baton"]);
            read.response = algorithm.hash(&["", &challenge.nonce, "00000001", "0a4f113b", "auth", &ha2]);
            assert_eq!(server.verify(NOW_US, &Method::Register, &read, &empty), Verdict::Wrong);
        }
    }

    #[test]
    fn a_phone_that_chokes_on_sha_256_is_not_offered_it() {
        let mut server = server();
        let mut offered = |agent| {
            let challenges = server.challenge_for(NOW_US, false, agent, ADDRESS);
            challenges.into_iter().filter_map(|challenge| challenge.algorithm).collect::<Vec<_>>()
        };
        assert_eq!(offered(Some("baresip v1.0.0 (x86_64/linux)")), ["MD5"]);
        assert_eq!(offered(Some("baresip v4.10.0 (x86_64/Linux)")), ["SHA-256", "MD5"]);
        assert_eq!(offered(None), ["SHA-256", "MD5"]);
        let mut strict = self::server().offering(&[Algorithm::Sha256]);
        assert_eq!(strict.challenge_for(NOW_US, false, Some("baresip v1.0.0"), ADDRESS).len(), 1);
    }

    #[test]
    fn a_nonce_tells_whether_it_was_made_for_an_address_and_is_good_from_another() {
        let (mut server, (_, account)) = (server(), alice());
        let challenge = server.challenge_for(NOW_US, false, None, "192.0.2.7".parse().unwrap()).remove(0);
        let given = |nonce: &str, at_us, address: &str| server.was_given(at_us, nonce, address.parse().unwrap());
        assert!(given(&challenge.nonce, NOW_US, "192.0.2.7") && given(&challenge.nonce, NOW_US, "::ffff:192.0.2.7"));
        assert!(!given(&challenge.nonce, NOW_US, "192.0.2.8"));
        assert!(!given(&challenge.nonce, NOW_US + 300_000_001, "192.0.2.7"), "too old to prove anything");
        let forged = challenge.nonce.replacen(&challenge.nonce[16..24], "00000000", 1);
        assert!(!given(&forged, NOW_US, "192.0.2.7") && server.made_at(&forged).is_none());
        let read = register(&challenge, "secret", 1);
        assert_eq!(server.verify(NOW_US, &Method::Register, &read, &account), Verdict::Accepted);
    }

    #[test]
    fn an_old_or_foreign_nonce_is_stale_and_not_wrong() {
        let (mut server, (_, account)) = (server(), alice());
        let challenge = server.challenge(NOW_US, false).remove(0);
        let read = register(&challenge, "secret", 1);
        let late_us = NOW_US + 300_000_000 + 1;
        assert_eq!(server.verify(late_us, &Method::Register, &read, &account), Verdict::Stale);
        let foreign = Server::new("baton", [8; 32], 300).challenge(NOW_US, false).remove(0);
        let read = register(&foreign, "secret", 1);
        assert_eq!(server.verify(NOW_US, &Method::Register, &read, &account), Verdict::Stale);
    }

    #[test]
    fn each_count_is_taken_once() {
        let (mut server, (_, account)) = (server(), alice());
        let challenge = server.challenge(NOW_US, false).remove(0);
        let steps = [
            (1, Verdict::Accepted),
            (1, Verdict::Stale),
            (3, Verdict::Accepted),
            (2, Verdict::Accepted),
            (2, Verdict::Stale),
            (0, Verdict::Stale),
            (0x100, Verdict::Accepted),
            (4, Verdict::Stale),
            (0xff, Verdict::Accepted),
            (0xffff_ffff, Verdict::Accepted),
            (0xffff_ffff, Verdict::Stale),
        ];
        for (count, wanted) in steps {
            let read = register(&challenge, "secret", count);
            assert_eq!(server.verify(NOW_US, &Method::Register, &read, &account), wanted, "{count:x}");
        }
    }

    #[test]
    fn memory_is_bounded_and_what_is_forgotten_cannot_be_replayed() {
        let (mut server, (_, account)) = (server(), alice());
        let first = register(&server.challenge(NOW_US, false).remove(1), "secret", 1);
        assert_eq!(server.verify(NOW_US, &Method::Register, &first, &account), Verdict::Accepted);
        for nonce in 1..=NONCES_MAX as u64 {
            assert!(server.count(NOW_US, NOW_US + nonce, 1));
        }
        assert_eq!(server.counts.len(), NONCES_MAX);
        assert_eq!(server.verify(NOW_US, &Method::Register, &first, &account), Verdict::Stale);
        server.forget(NOW_US + 400_000_000, NOW_US);
        assert!(server.counts.is_empty());
    }

    #[test]
    fn nonces_of_one_microsecond_differ_and_survive_a_restart() {
        let mut server = server();
        let nonces: Vec<_> = (0..3).map(|_| server.challenge(NOW_US, true).remove(0).nonce).collect();
        assert!(nonces[0] != nonces[1] && nonces[1] != nonces[2]);
        assert_eq!(self::server().made_at(&nonces[2]), Some(NOW_US + 2));
        for broken in ["", "0", "é234567890123456", &nonces[0][..47]] {
            assert_eq!(server.made_at(broken), None);
        }
    }

    #[test]
    fn the_best_challenge_is_answered() {
        let challenge = |algorithm: &str, qop: &str| Challenge {
            realm: "r".into(),
            nonce: "n".into(),
            algorithm: Some(algorithm.into()),
            qop: if qop.is_empty() { vec![] } else { vec![qop.into()] },
            ..Challenge::default()
        };
        let list = [
            challenge("AKAv1-MD5", "auth"),
            challenge("md5", ""),
            challenge("MD5-sess", "auth"),
            challenge("SHA-256-sess", "auth"),
            challenge("SHA-256", "other"),
        ];
        let chosen = |list: &[Challenge]| choose(list).and_then(|challenge| challenge.algorithm.clone());
        assert_eq!(chosen(&list).as_deref(), Some("SHA-256-sess"));
        assert_eq!(chosen(&list[..3]).as_deref(), Some("md5"));
        assert_eq!(chosen(&list[..1]), None);
        assert_eq!(chosen(&list[4..]), None);
    }

    /// RFC 2617's own reference code gives this for its example with `MD5-sess` and `auth`.
    #[test]
    fn session_algorithms_hash_nonce_and_cnonce_into_ha1() {
        let challenge = Challenge::parse(
            r#"Digest realm="testrealm@host.com", qop="auth", algorithm=MD5-sess, nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093""#,
        )
        .unwrap();
        let mufasa = Credentials { username: "Mufasa".into(), password: "Circle Of Life".into() };
        let get = Method::Other("GET".into());
        let read = answer(&challenge, &mufasa, &get, "/dir/index.html", b"", "0a4f113b", 1).unwrap();
        let plain = ha1("Mufasa", "testrealm@host.com", "Circle Of Life", Algorithm::Md5);
        assert_eq!(plain, "939e7578ed9e3c518a452acee763bce9");
        let session = Algorithm::Md5.hash(&[&plain, &challenge.nonce, "0a4f113b"]);
        let ha2 = "39aff3a2bab6126f332b942af96d3366";
        let wanted = Algorithm::Md5.hash(&[&session, &challenge.nonce, "00000001", "0a4f113b", "auth", ha2]);
        assert_eq!(read.response, wanted);
    }

    #[test]
    fn a_second_challenge_is_answered_only_for_a_reason() {
        let fresh = Challenge { realm: "r".into(), ..Challenge::default() };
        let stale = Challenge { stale: true, ..fresh.clone() };
        let answered = ["r".to_owned()];
        assert!(may_answer_again(&fresh, &[]) && may_answer_again(&stale, &answered));
        assert!(!may_answer_again(&fresh, &answered));
    }
}
