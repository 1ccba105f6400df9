//! Who may call and transfer where, and how much: limits follow the account that began a call through every transfer of
//! it, so that a transfer is no way round them (R12).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::command::{Refusal, RefusalKind};
use crate::connection::Connection;
use crate::conversation::{Cause, Conversation};
use crate::desk::Desk;
use crate::directory::{CLASS_INTERNAL, SecurityProfile};
use crate::event::DisconnectReason;
use crate::ids::{ConnectionId, ConversationId};
use crate::leg::{Device, Leg, LegState};
use crate::route::Destination;
use crate::timer::Timer;

/// Who answers for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Account {
    /// An agent, by user name.
    Agent(String),
    /// The callers of a trunk.
    Trunk(String),
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// A call of one's own.
    Dial,
    /// Somebody is brought into a call, or it is handed over.
    Transfer,
}

/// How many outside calls each account has made that are still there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Charges {
    agents: BTreeMap<String, u32>,
    trunks: BTreeMap<String, u32>,
}

impl Charges {
    pub(crate) fn add(&mut self, account: &Account) {
        let (calls, name) = self.of_kind(account);
        match calls.get_mut(name) {
            Some(count) => *count += 1,
            None => {
                calls.insert(name.clone(), 1);
            }
        }
    }

    pub(crate) fn remove(&mut self, account: &Account) {
        let (calls, name) = self.of_kind(account);
        let Some(count) = calls.get_mut(name) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            calls.remove(name);
        }
    }

    fn count(&self, account: &Account) -> u32 {
        let count = match account {
            Account::Agent(name) => self.agents.get(name),
            Account::Trunk(name) => self.trunks.get(name),
        };
        count.copied().unwrap_or_default()
    }

    fn of_kind<'a>(&mut self, account: &'a Account) -> (&mut BTreeMap<String, u32>, &'a String) {
        match account {
            Account::Agent(name) => (&mut self.agents, name),
            Account::Trunk(name) => (&mut self.trunks, name),
        }
    }
}

impl Desk {
    /// Whether all who answer for a deed may do it. What is refused is counted.
    pub(crate) fn permit(&mut self, accounts: &[Account], deed: Deed, to: &Destination) -> Result<(), Refusal> {
        let refused = accounts.iter().find_map(|account| self.may(account, deed, to).err());
        let Some(refusal) = refused else { return Ok(()) };
        self.not_permitted += 1;
        tracing::info!(detail = refusal.detail, "a call is not permitted");
        Err(refusal)
    }

    fn may(&self, account: &Account, deed: Deed, to: &Destination) -> Result<(), Refusal> {
        let outside = matches!(to, Destination::Outside { .. });
        if let Account::Trunk(name) = account
            && outside
            && self.trunk(name).is_none_or(|trunk| !trunk.tandem)
        {
            return Err(not_permitted(format!("Calls of the trunk {name} may not go on outside.")));
        }
        let Some(profile) = self.security_profile(account) else { return Ok(()) };
        let (allowed, verb) = match deed {
            Deed::Dial => (&profile.dial, "call"),
            Deed::Transfer => (&profile.transfer, "bring in or transfer to"),
        };
        if let Some(allowed) = allowed
            && let Some(class) = self.classes_of(to).into_iter().find(|class| !allowed.iter().any(|one| one == class))
        {
            let profile = &profile.name;
            return Err(not_permitted(format!(
                "The security profile {profile} does not allow to {verb} {class} numbers."
            )));
        }
        match profile.max_outbound_calls {
            Some(most) if outside && self.charges.count(account) >= most => {
                let detail = format!("The security profile {} allows {most} outside calls at a time.", profile.name);
                Err(Refusal::new(RefusalKind::LimitReached, detail))
            }
            _ => Ok(()),
        }
    }

    fn security_profile(&self, account: &Account) -> Option<&SecurityProfile> {
        let name = match account {
            Account::Agent(name) => self.directory.user(name)?.security_profile.as_deref()?,
            Account::Trunk(name) => self.trunk(name)?.security_profile.as_deref()?,
        };
        self.directory.security_profile(name)
    }

    /// The classes of a destination: several when its trunks read a number differently, and then all must be allowed. Without a
    /// trunk it is an address elsewhere, which nobody reads.
    fn classes_of(&self, to: &Destination) -> BTreeSet<&str> {
        let Destination::Outside { number, trunks } = to else { return BTreeSet::from([CLASS_INTERNAL]) };
        if trunks.is_empty() {
            return BTreeSet::from([self.numbers.class_of(number)]);
        }
        let read = |name: &String| {
            let plan = self.trunk(name).and_then(|trunk| trunk.numbers.as_ref());
            plan.map_or_else(|| number.clone(), |plan| plan.read_dialled(number))
        };
        trunks.iter().map(|trunk| self.numbers.class_of(&read(trunk))).collect()
    }

    /// Who answers for what a party does: an agent for itself; anybody else the trunk that it comes by and, when it was
    /// called from here, whoever called it.
    pub(crate) fn accounts_of(&self, party: &Connection) -> Vec<Account> {
        if let Some(agent) = party.agent.clone().filter(|_| party.is_agent()) {
            return vec![Account::Agent(agent)];
        }
        let trunk = party.legs.iter().find_map(|leg| match &leg.device {
            Device::Trunk(name) => Some(Account::Trunk(name.clone())),
            Device::Phone(_) | Device::Room(_) => None,
        });
        party.charged_to.iter().cloned().chain(trunk).collect()
    }

    /// Most transfers of a conversation in which these act.
    pub(crate) fn transfers_max(&self, accounts: &[Account]) -> u32 {
        let own = accounts.iter().filter_map(|account| self.security_profile(account)?.max_transfers);
        own.min().unwrap_or(u32::MAX).min(self.config.limits.transfers_max)
    }

    /// Whether those who were called may be handed over with their call.
    pub(crate) fn may_hand_over(
        &mut self,
        call: &Conversation,
        giver: ConnectionId,
        accounts: &[Account],
    ) -> Result<(), Refusal> {
        let called = call.live().filter(|party| party.id != giver && party.charged_to.is_some() && !party.is_room());
        let to = |party: &Connection| {
            let trunks: Vec<_> = party.legs.iter().filter(|leg| leg.is_outside()).collect();
            if trunks.is_empty() {
                return Destination::Agent(party.address.clone());
            }
            let trunks = trunks.into_iter().map(|leg| leg.device.name().to_string()).collect();
            Destination::Outside { number: party.address.clone(), trunks }
        };
        let destinations: Vec<Destination> = called.map(to).collect();
        destinations.iter().try_for_each(|destination| {
            // These calls are there already: no new one is counted.
            match self.permit(accounts, Deed::Transfer, destination) {
                Err(refusal) if refusal.kind == RefusalKind::NotPermitted => Err(refusal),
                _ => Ok(()),
            }
        })
    }

    /// A called leg goes out: it counts for whoever answers for its party, until it ends.
    pub(crate) fn charge(&mut self, leg: &mut Leg, account: Option<&Account>) {
        if let (Device::Trunk(_), Some(account)) = (&leg.device, account) {
            leg.charged_to = Some(account.clone());
            self.charges.add(account);
        }
    }

    pub(crate) fn discharge(&mut self, leg: &Leg) {
        if let Some(account) = &leg.charged_to {
            self.charges.remove(account);
        }
    }

    /// A party has answered: if it is outside, its call may last so long and no longer.
    pub(crate) fn limit_duration(&mut self, conversation: &Conversation, party: ConnectionId) {
        let answered = |leg: &Leg| leg.state == LegState::Up && leg.is_outside();
        let outside = conversation.connection(party).filter(|party| party.legs.iter().any(answered));
        let account = outside.and_then(|party| party.charged_to.as_ref());
        let longest_s = account.and_then(|account| self.security_profile(account)?.max_outbound_seconds);
        if let Some(longest_s) = longest_s {
            self.start_timer(Timer::OutboundMax(conversation.id, party), u64::from(longest_s) * 1_000);
        }
    }

    /// A party's limit goes with it into another conversation.
    pub(crate) fn move_limit(&mut self, from: ConversationId, to: ConversationId, party: ConnectionId) {
        if let Some(due_us) = self.timers.take(Timer::OutboundMax(from, party)) {
            self.timers.set(Timer::OutboundMax(to, party), due_us);
        }
    }

    /// An outside call has lasted as long as it may.
    pub(crate) fn outbound_lasted_long_enough(&mut self, conversation: &mut Conversation, party: ConnectionId) {
        if conversation.connection(party).is_some_and(Connection::is_connected) {
            tracing::info!(connection = %party, "an outside call has lasted as long as its security profile allows");
            self.leave(conversation, party, "system", Cause::of(DisconnectReason::Other));
        }
    }
}

pub(crate) fn not_permitted(detail: String) -> Refusal {
    Refusal::new(RefusalKind::NotPermitted, detail)
}
