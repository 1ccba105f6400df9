//! Whose addresses a peer may name: ours, and its own. An address elsewhere is nobody's whom we could call by its user part.

use crate::dialog::Dialog;
use crate::stack::Stack;
use crate::wire::{Host, NameAddr, Uri};

impl Stack {
    /// The host, in lower case, of an address that a peer refers to, if it is neither ours nor the peer's own. A global telephone
    /// number is one at every host (RFC 3966 §5.1.4); a local one is its context's (§5.1.5), or else the host's.
    pub(crate) fn elsewhere(&self, uri: &Uri, dialog: &Dialog) -> Option<String> {
        if self.config.domains.is_empty() || uri.is_global_number() {
            return None;
        }
        let host = match (uri.phone_context(), uri) {
            // A number within a country, which its dial plan reads.
            (Some(context), _) if context.starts_with('+') => return None,
            // What is no name is nobody's of ours.
            (Some(context), _) => Host::parse(&context).unwrap_or(Host::Name(context)),
            (None, Uri::Sip(sip)) => sip.host.clone(),
            (None, _) => return None,
        };
        (!self.serves(&host) && !names(dialog, &host)).then(|| plain(&host))
    }

    fn serves(&self, host: &Host) -> bool {
        let listeners = &self.config.listeners;
        let at = |ip| listeners.iter().any(|each| each.local.ip() == ip || each.advertised.ip() == ip);
        self.config.domains.contains(&plain(host)) || host.ip().is_some_and(at)
    }
}

/// As hosts are compared: in lower case, without the dot of the root.
fn plain(host: &Host) -> String {
    host.to_string().trim_end_matches('.').to_ascii_lowercase()
}

/// Whether a host is the peer's, or what the peer calls us, as far as its dialog tells.
fn names(dialog: &Dialog, host: &Host) -> bool {
    let of_address = |value: &String| NameAddr::parse(value).ok().map(|address| address.uri);
    let uris = [of_address(&dialog.local), of_address(&dialog.remote), Uri::parse(&dialog.target).ok()];
    let is_named = |uri: Uri| uri.as_sip().is_some_and(|sip| plain(&sip.host) == plain(host));
    host.ip() == Some(dialog.flow.remote.ip()) || uris.into_iter().flatten().any(is_named)
}
