//! Whose addresses a peer may name: ours, and its own. An address elsewhere is nobody's whom we could call by its user part.

use crate::dialog::Dialog;
use crate::stack::Stack;
use crate::wire::{Host, NameAddr, Uri};

impl Stack {
    /// Whether an address that a peer refers to is at a host that is neither ours nor the peer's own. A telephone number is one
    /// at every host (RFC 3261 §19.1.6).
    pub(crate) fn is_foreign(&self, uri: &Uri, dialog: &Dialog) -> bool {
        let Uri::Sip(sip) = uri else { return false };
        !sip.is_phone() && !self.config.domains.is_empty() && !self.serves(&sip.host) && !names(dialog, &sip.host)
    }

    fn serves(&self, host: &Host) -> bool {
        let name = host.to_string().trim_end_matches('.').to_ascii_lowercase();
        let listeners = &self.config.listeners;
        let at = |ip| listeners.iter().any(|each| each.local.ip() == ip || each.advertised.ip() == ip);
        self.config.domains.contains(&name) || host.ip().is_some_and(at)
    }
}

/// Whether a host is the peer's, or what the peer calls us, as far as its dialog tells.
fn names(dialog: &Dialog, host: &Host) -> bool {
    let of_address = |value: &String| NameAddr::parse(value).ok().map(|address| address.uri);
    let uris = [of_address(&dialog.local), of_address(&dialog.remote), Uri::parse(&dialog.target).ok()];
    let is_named =
        |uri: Uri| uri.as_sip().is_some_and(|sip| sip.host.to_string().eq_ignore_ascii_case(&host.to_string()));
    host.ip() == Some(dialog.flow.remote.ip()) || uris.into_iter().flatten().any(is_named)
}
