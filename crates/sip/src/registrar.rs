//! The registrar (RFC 3261 §10.3): which contacts an account can be reached at. It decides; the front door proves who asks
//! and sends what it says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::interface::{Binding, Config, ConnectionHandle, Flow};
use crate::wire::{Contacts, HeaderName, Message, NameAddr, Uri};

/// Most Path values of one binding.
const PATHS_MAX: usize = 8;
/// Most bytes of one Contact URI.
const CONTACT_BYTES_MAX: usize = 1_024;

/// All bindings, by account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registrar {
    accounts: BTreeMap<String, Vec<Binding>>,
}

/// Why a REGISTER was refused. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegisterRefused {
    /// A Contact, an Expires or a q does not read, or `*` is not alone with Expires 0: 400.
    Malformed,
    /// An expiry below the least one: 423.
    TooBrief,
    /// The same Call-ID with a CSeq that is not higher: 500 (RFC 3261 §10.3 step 7).
    OutOfOrder,
    /// More contacts than an account may have: 403.
    TooMany,
    /// It asks for outbound, and a proxy before us cannot do it: 439 (RFC 5626 §6).
    NoOutbound,
}

/// What a REGISTER has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registered {
    /// A contact was added, refreshed or removed.
    pub(crate) changed: bool,
    /// It names one of several flows to its device (RFC 5626).
    pub(crate) outbound: bool,
}

/// The limits of [`Config`] that a REGISTER meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RegistrarLimits {
    /// Least, default and most seconds.
    pub(crate) expires_s: (u32, u32, u32),
    /// Most contacts of one account.
    pub(crate) contacts_max: usize,
}

impl From<&Config> for RegistrarLimits {
    fn from(config: &Config) -> Self {
        RegistrarLimits { expires_s: config.expires_s, contacts_max: config.contacts_per_account_max }
    }
}

impl Registrar {
    /// What is registered for an account, expired ones aside.
    pub(crate) fn bindings(&self, account: &str) -> &[Binding] {
        self.accounts.get(account).map_or(&[], Vec::as_slice)
    }

    /// A REGISTER whose sender has proven to be the account; all or nothing (§10.3 step 7).
    pub(crate) fn register(
        &mut self,
        now_us: u64,
        account: &str,
        register: &Message,
        arrived: Flow,
        limits: RegistrarLimits,
    ) -> Result<Registered, RegisterRefused> {
        let contacts = register.contacts().map_err(|_| RegisterRefused::Malformed)?;
        let cseq = register.cseq().number;
        let mut bindings = self.accounts.get(account).cloned().unwrap_or_default();
        let mut outbound = false;
        let changed = match contacts {
            Contacts::Star => {
                if register.expires_s() != Ok(Some(0)) {
                    return Err(RegisterRefused::Malformed);
                }
                if bindings.iter().any(|binding| is_stale(binding, register, cseq)) {
                    return Err(RegisterRefused::OutOfOrder);
                }
                let changed = !bindings.is_empty();
                bindings.clear();
                changed
            }
            Contacts::List(contacts) => {
                // As many new ones as may be there in the place of as many old ones: of more, some would have to stay.
                if contacts.len() > 2 * limits.contacts_max {
                    return Err(RegisterRefused::TooMany);
                }
                for contact in &contacts {
                    let reg_id = reg_id(contact, register)?;
                    // RFC 5626 §4.2.1: a flow is registered by itself.
                    if reg_id.is_some() && contacts.len() > 1 {
                        return Err(RegisterRefused::Malformed);
                    }
                    outbound |= reg_id.is_some();
                    apply(&mut bindings, now_us, contact, reg_id, register, arrived, limits)?;
                }
                !contacts.is_empty()
            }
        };
        if bindings.len() > limits.contacts_max {
            return Err(RegisterRefused::TooMany);
        }
        self.put(account, bindings);
        Ok(Registered { changed, outbound })
    }

    /// Bindings from before a restart; expired ones and those beyond the limit are left out.
    pub(crate) fn restore(&mut self, now_us: u64, account: &str, mut bindings: Vec<Binding>, contacts_max: usize) {
        bindings.retain(|binding| binding.expires_at_us > now_us);
        bindings.truncate(contacts_max);
        self.put(account, bindings);
    }

    /// Drops what has expired; whether there was any.
    pub(crate) fn expire(&mut self, now_us: u64, account: &str) -> bool {
        self.drop_where(account, |binding| binding.expires_at_us <= now_us)
    }

    /// Drops what was reached by a connection that has ended; whether there was any.
    pub(crate) fn disconnect(&mut self, account: &str, connection: ConnectionHandle) -> bool {
        self.drop_where(account, |binding| binding.flow.connection == Some(connection))
    }

    /// The accounts that are reached by a flow.
    pub(crate) fn accounts_along(&self, flow: &Flow) -> Vec<String> {
        let along = |bindings: &[Binding]| bindings.iter().any(|binding| binding.flow == *flow);
        self.accounts.iter().filter(|(_, bindings)| along(bindings)).map(|(account, _)| account.clone()).collect()
    }

    /// Drops what was reached by a flow that has failed; whether there was any.
    pub(crate) fn drop_flow(&mut self, account: &str, flow: &Flow) -> bool {
        self.drop_where(account, |binding| binding.flow == *flow)
    }

    /// Drops everything of an account; whether there was any.
    pub(crate) fn clear(&mut self, account: &str) -> bool {
        self.accounts.remove(account).is_some()
    }

    /// The accounts that have bindings.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = &String> {
        self.accounts.keys()
    }

    /// When the account's first binding expires.
    pub(crate) fn next_expiry_us(&self, account: &str) -> Option<u64> {
        self.bindings(account).iter().map(|binding| binding.expires_at_us).min()
    }

    fn drop_where(&mut self, account: &str, is_dead: impl Fn(&Binding) -> bool) -> bool {
        let Some(bindings) = self.accounts.get_mut(account) else { return false };
        let before = bindings.len();
        bindings.retain(|binding| !is_dead(binding));
        let changed = bindings.len() != before;
        if bindings.is_empty() {
            self.accounts.remove(account);
        }
        changed
    }

    fn put(&mut self, account: &str, mut bindings: Vec<Binding>) {
        if bindings.is_empty() {
            self.accounts.remove(account);
        } else {
            // Nearly every account has one, and a list that has grown has room for four.
            bindings.shrink_to_fit();
            self.accounts.insert(account.to_owned(), bindings);
        }
    }
}

fn is_stale(binding: &Binding, register: &Message, cseq: u32) -> bool {
    binding.call_id == register.call_id() && cseq <= binding.cseq
}

/// One Contact of a REGISTER (RFC 3261 §10.3 step 7).
fn apply(
    bindings: &mut Vec<Binding>,
    now_us: u64,
    contact: &NameAddr,
    reg_id: Option<u32>,
    register: &Message,
    arrived: Flow,
    limits: RegistrarLimits,
) -> Result<(), RegisterRefused> {
    let uri = contact.uri.to_string();
    if uri.len() > CONTACT_BYTES_MAX {
        return Err(RegisterRefused::Malformed);
    }
    let wait_s = expiry_s(contact, register, limits)?;
    let instance = instance_of(contact);
    let place = bindings.iter().position(|binding| is_same(binding, contact, instance.as_deref(), reg_id));
    let cseq = register.cseq().number;
    if let Some(binding) = place.and_then(|place| bindings.get(place))
        && is_stale(binding, register, cseq)
    {
        return Err(RegisterRefused::OutOfOrder);
    }
    if wait_s == 0 {
        if let Some(place) = place {
            bindings.remove(place);
        }
        return Ok(());
    }
    let path: Vec<String> = register.values(HeaderName::Path).map(str::to_owned).collect();
    if path.len() > PATHS_MAX {
        return Err(RegisterRefused::Malformed);
    }
    let binding = Binding {
        contact: uri,
        flow: arrived,
        expires_at_us: now_us.saturating_add(u64::from(wait_s) * 1_000_000),
        q_thousandths: q_thousandths(contact)?,
        call_id: register.call_id().to_owned(),
        cseq,
        user_agent: register.header(HeaderName::UserAgent).map(str::to_owned),
        instance,
        reg_id,
        path,
    };
    match place.and_then(|place| bindings.get_mut(place)) {
        Some(before) => *before = binding,
        None => bindings.push(binding),
    }
    Ok(())
}

/// The contact's own `expires`, else Expires, else the default (§10.3 step 6), within the limits.
fn expiry_s(contact: &NameAddr, register: &Message, limits: RegistrarLimits) -> Result<u32, RegisterRefused> {
    let (least, default, most) = limits.expires_s;
    let own = match contact.params.get("expires") {
        // RFC 3261 §20.10: a malformed value counts as 3600, and a number beyond the range as the largest one.
        Some(text) => Some(text.parse::<u64>().map_or(3_600, |number| u32::try_from(number).unwrap_or(u32::MAX))),
        None => register.expires_s().map_err(|_| RegisterRefused::Malformed)?,
    };
    match own {
        None => Ok(default),
        Some(0) => Ok(0),
        Some(asked) if asked < least => Err(RegisterRefused::TooBrief),
        Some(asked) => Ok(asked.min(most)),
    }
}

fn instance_of(contact: &NameAddr) -> Option<String> {
    contact.params.unquoted("+sip.instance").map(|urn| urn.trim_matches(['<', '>']).to_owned())
}

/// Which of its device's flows a Contact registers, if it may have several (RFC 5626 §6): it names its device, it can do
/// outbound, and so can the first proxy before us, if there is one.
fn reg_id(contact: &NameAddr, register: &Message) -> Result<Option<u32>, RegisterRefused> {
    let can = |name| register.has_token(name, "outbound");
    let Some(text) = contact.params.get("reg-id") else { return Ok(None) };
    if instance_of(contact).is_none() || !(can(HeaderName::Supported) || can(HeaderName::Require)) {
        return Ok(None);
    }
    let is_first_hop = register.values(HeaderName::Via).nth(1).is_none();
    let path = register.values(HeaderName::Path).next().and_then(|value| NameAddr::parse(value).ok());
    let by_edge = path.is_some_and(|path| path.uri.as_sip().is_some_and(|uri| uri.params.has("ob")));
    if !is_first_hop && !by_edge {
        return Err(RegisterRefused::NoOutbound);
    }
    // RFC 5626 §4.2: 1 to 2³¹−1.
    text.parse().ok().filter(|id| (1..=i32::MAX as u32).contains(id)).map(Some).ok_or(RegisterRefused::Malformed)
}

/// Equal URIs are one binding (RFC 3261 §10.3, §19.1.4). So is another address of the same device and user: a phone that
/// was restarted behind a NAT must not leave a dead contact that rings for an hour. Of a device with several flows, each has
/// its number, and that alone counts (RFC 5626 §6).
fn is_same(binding: &Binding, contact: &NameAddr, instance: Option<&str>, reg_id: Option<u32>) -> bool {
    if reg_id.is_some() && binding.reg_id.is_some() {
        return binding.instance.as_deref() == instance && binding.reg_id == reg_id;
    }
    let Ok(uri) = Uri::parse(&binding.contact) else { return false };
    if uri.equivalent(&contact.uri) {
        return true;
    }
    instance.is_some() && binding.instance.as_deref() == instance && uri.user() == contact.uri.user()
}

/// `q` as thousandths; 1 when absent (RFC 3261 §20.10).
fn q_thousandths(contact: &NameAddr) -> Result<u16, RegisterRefused> {
    let Some(text) = contact.params.get("q") else { return Ok(1_000) };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = whole.len() == 1 && fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let value = format!("{whole}{fraction:0<3}").parse::<u16>();
    match value {
        Ok(thousandths) if is_number && thousandths <= 1_000 => Ok(thousandths),
        _ => Err(RegisterRefused::Malformed),
    }
}
