//! A phone's REGISTER, written by hand, with digest (RFC 3261 §10.2, §22; RFC 8760).

use std::net::SocketAddr;

use baton_sip::Credentials;
use baton_sip::digest::{answer, choose};
use baton_sip::wire::{HeaderName, Message, Method};
use bytes::Bytes;

use super::{BATON, World, office};

/// A phone's side of its registration.
#[derive(Debug, Clone)]
pub struct Registration {
    pub agent: String,
    /// The phone's SIP user name.
    pub account: String,
    /// The status of the last final response.
    pub status: Option<u16>,
    pub expires_s: u32,
    /// Whether the wrong password is used.
    pub wrong_password: bool,
    cseq: u32,
}

impl Registration {
    pub(super) fn new(agent: &str, account: &str) -> Registration {
        Registration {
            agent: agent.into(),
            account: account.into(),
            status: None,
            expires_s: 3_600,
            wrong_password: false,
            cseq: 0,
        }
    }
}

impl World {
    /// Registers an agent's phone, for an hour.
    pub fn register(&mut self, agent: &str) {
        self.register_for(agent, 3_600);
        let at = self.device(agent);
        let status = self.devices[at].registration.as_ref().and_then(|registration| registration.status);
        assert_eq!(status, Some(200), "{agent} registers\n{}", self.ladder);
    }

    pub fn unregister(&mut self, agent: &str) {
        self.register_for(agent, 0);
    }

    fn register_for(&mut self, agent: &str, expires_s: u32) {
        let at = self.device(agent);
        if let Some(registration) = &mut self.devices[at].registration {
            registration.expires_s = expires_s;
            registration.status = None;
        }
        self.send_register(at, "");
        self.run_ms(100);
    }

    pub(super) fn send_register(&mut self, at: usize, authorization: &str) {
        let address = self.devices[at].address;
        let Some(registration) = &mut self.devices[at].registration else { return };
        registration.cseq += 1;
        let (cseq, account) = (registration.cseq, registration.account.clone());
        let text = format!(
            "REGISTER sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bKr{account}{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{account}@192.0.2.1>;tag=r{cseq}\r\nTo: <sip:{account}@192.0.2.1>\r\n\
             Call-ID: register-{account}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{account}@{address}>\r\n\
             Expires: {}\r\n{authorization}Content-Length: 0\r\n\r\n",
            registration.expires_s
        );
        self.transmit(address, SocketAddr::from(BATON), Bytes::from(text));
    }

    /// Takes a response to a REGISTER; whether it was one.
    pub(super) fn registration_response(&mut self, at: usize, bytes: &Bytes) -> bool {
        let Ok(message) = Message::parse(bytes.clone()) else { return false };
        let Some(registration) = &mut self.devices[at].registration else { return false };
        if message.is_request() || *message.method() != Method::Register || message.cseq().number != registration.cseq {
            return !message.is_request() && *message.method() == Method::Register;
        }
        let challenges = message.challenges(HeaderName::WwwAuthenticate);
        let first = registration.status != Some(401);
        registration.status = Some(message.status());
        let (Some(challenge), true) = (choose(&challenges), first) else { return true };
        let password = if registration.wrong_password { "wrong".into() } else { office::password(&registration.agent) };
        let credentials = Credentials { username: registration.account.clone(), password };
        let uri = "sip:192.0.2.1";
        let digest =
            answer(challenge, &credentials, &Method::Register, uri, b"", "dice", 1).expect("a usable challenge");
        self.send_register(at, &format!("Authorization: {digest}\r\n"));
        true
    }
}
