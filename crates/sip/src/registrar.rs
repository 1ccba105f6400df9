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

    /// A REGISTER whose sender has proven to be the account. Whether anything changed; all or nothing (§10.3 step 7).
    pub(crate) fn register(
        &mut self,
        now_us: u64,
        account: &str,
        register: &Message,
        arrived: Flow,
        limits: RegistrarLimits,
    ) -> Result<bool, RegisterRefused> {
        let contacts = register.contacts().map_err(|_| RegisterRefused::Malformed)?;
        let cseq = register.cseq().number;
        let mut bindings = self.accounts.get(account).cloned().unwrap_or_default();
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
                for contact in &contacts {
                    apply(&mut bindings, now_us, contact, register, arrived, limits)?;
                }
                !contacts.is_empty()
            }
        };
        if bindings.len() > limits.contacts_max {
            return Err(RegisterRefused::TooMany);
        }
        self.put(account, bindings);
        Ok(changed)
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
    register: &Message,
    arrived: Flow,
    limits: RegistrarLimits,
) -> Result<(), RegisterRefused> {
    let uri = contact.uri.to_string();
    if uri.len() > CONTACT_BYTES_MAX {
        return Err(RegisterRefused::Malformed);
    }
    let wait_s = expiry_s(contact, register, limits)?;
    let instance = contact.params.unquoted("+sip.instance").map(|urn| urn.trim_matches(['<', '>']).to_owned());
    let place = bindings.iter().position(|binding| is_same(binding, contact, instance.as_deref()));
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

/// Equal URIs are one binding (RFC 3261 §10.3, §19.1.4). So is another address of the same device and user: a phone that
/// was restarted behind a NAT must not leave a dead contact that rings for an hour (RFC 5626 §6 without its flows).
fn is_same(binding: &Binding, contact: &NameAddr, instance: Option<&str>) -> bool {
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
