//! The real thing: a network of its own, real phones, SIPp and the server's binary, every party with its own tone.
//!
//! A test calls [`Network::enter`] and is from then on inside a network namespace that vanishes with it. It starts
//! phones ([`Baresip`], [`Linphone`]) on hosts of their own, SIPp as the trunk ([`TrunkCall`]) and listens to all of
//! them at once ([`Room::expect`]). Every process is ended by its own pid on drop, and every wait has a bound.

mod baresip;
mod browser;
mod certificates;
mod directory;
mod ear;
mod http;
mod linphone;
mod network;
mod office;
mod process;
mod rtp;
mod server;
mod sipp;
mod tone;
mod trunk;
mod wait;

pub use baresip::Baresip;
pub use browser::Browser;
pub use certificates::Certificates;
pub use directory::Directory;
pub use ear::{Ear, Room};
pub use http::{Answer, Client};
pub use linphone::Linphone;
pub use network::{Host, Network};
pub use office::{Agent, CUSTOMER, CUSTOMER_HZ, OUTSIDE, OUTSIDE_HZ, Office, SUPPORT, tone_of};
pub use process::Process;
pub use rtp::{DigitHeard, PacketHeard, RtpParty};
pub use server::{Server, run, text};
pub use sipp::Sipp;
pub use tone::{Sound, TONES_HZ};
pub use trunk::TrunkCall;
pub use wait::{until, until_some};

use std::net::{Ipv4Addr, SocketAddrV4};

/// The server's address in the test network.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// The trunk's address, in the server's namespace.
pub const TRUNK: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// An address that is no trunk of anybody, in the server's namespace.
pub const STRANGER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 3);

/// What a phone needs to register.
#[derive(Debug, Clone)]
pub struct Account {
    /// User part of its address of record, and its digest user name.
    pub user: String,
    /// Its digest password.
    pub password: String,
    /// The registrar; `None`: the phone registers nowhere and takes calls at its own address.
    pub registrar: Option<SocketAddrV4>,
}

impl Account {
    /// A phone that registers nowhere.
    pub fn alone(user: &str) -> Account {
        Account { user: user.to_owned(), password: String::new(), registrar: None }
    }

    /// A phone that registers with the server by digest.
    pub fn registered(user: &str, password: &str) -> Account {
        Account {
            user: user.to_owned(),
            password: password.to_owned(),
            registrar: Some(SocketAddrV4::new(SERVER, 5060)),
        }
    }
}

/// What a phone does when it rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenRung {
    /// It rings until the test answers it.
    Ring,
    /// It answers at once.
    Answer,
}
