//! The sources that the endpoint has banned, for the operator: shown, and lifted by hand.

use std::net::IpAddr;

use baton_sip::{Ban, BanReason, Network};

use crate::command::{Refusal, RefusalKind, Reply};
use crate::desk::Desk;
use crate::snapshot::BanView;

/// Most bans that are shown; the endpoint remembers no more either.
const BANS_MAX: usize = 4_096;

impl Desk {
    /// The endpoint has banned a source.
    pub(crate) fn banned(&mut self, ban: Ban) {
        let seconds = ban.until_us.saturating_sub(ban.since_us) / 1_000_000;
        let (address, prefix, reason) = (ban.address, ban.prefix, reason_text(ban.reason));
        tracing::warn!(%address, prefix, reason, seconds, times = ban.count, "a source is banned");
        let now_us = self.now_us;
        self.bans.retain(|_, each| each.until_us > now_us);
        if self.bans.len() < BANS_MAX || self.bans.contains_key(&address) {
            self.bans.insert(address, ban);
        }
    }

    /// How many bans are in force.
    pub(crate) fn bans_in_force(&self) -> usize {
        self.bans.values().filter(|ban| ban.until_us > self.now_us).count()
    }

    pub(crate) fn ban_views(&self) -> Vec<BanView> {
        let view = |ban: &Ban| BanView {
            address: ban.address.to_string(),
            prefix: ban.prefix,
            reason: reason_text(ban.reason).to_string(),
            since_ms: ban.since_us / 1_000,
            until_ms: ban.until_us / 1_000,
            count: ban.count,
        };
        self.bans.values().filter(|ban| ban.until_us > self.now_us).map(view).collect()
    }

    /// Ends the ban of the source that an address belongs to.
    pub(crate) fn lift_ban(&mut self, address: IpAddr) -> Result<Reply, Refusal> {
        let holds = |ban: &Ban| Network { address: ban.address, prefix: ban.prefix }.contains(address);
        let now_us = self.now_us;
        let banned = self.bans.values().find(|ban| ban.until_us > now_us && holds(ban)).map(|ban| ban.address);
        let Some(banned) = banned else {
            return Err(Refusal::new(RefusalKind::NotFound, format!("{address} is not banned.")));
        };
        self.bans.remove(&banned);
        self.sip(baton_sip::Command::LiftBan { address: banned });
        tracing::info!(%address, "a ban is lifted by hand");
        Ok(Reply::Done)
    }
}

fn reason_text(reason: BanReason) -> &'static str {
    match reason {
        BanReason::WrongPasswords => "wrongPasswords",
        BanReason::UnknownAccounts => "unknownAccounts",
        BanReason::Scanner => "scanner",
        BanReason::Malformed => "malformed",
    }
}
