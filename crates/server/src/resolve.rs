//! Looks host names up for the core, with a bound on how long that may take.

use std::net::SocketAddr;
use std::time::Duration;

use baton_contact::Input;

use crate::inbox::Inbox;

/// After this the name counts as one without an address: the call has waited long enough.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Most addresses of one name.
const ADDRESSES_MAX: usize = 16;

/// Looks a name up and tells the core; a name without an address gives none.
pub(crate) async fn answer(inbox: Inbox, query: u64, host: String, port: u16) {
    let addresses = look_up(&host, port).await;
    if addresses.is_empty() {
        tracing::info!(%host, "the name has no address");
    }
    inbox.pass(Input::Sip(baton_sip::Input::Resolved { query, addresses })).await;
}

async fn look_up(host: &str, port: u16) -> Vec<SocketAddr> {
    match tokio::time::timeout(TIMEOUT, tokio::net::lookup_host((host, port))).await {
        Ok(Ok(addresses)) => {
            let mut found: Vec<SocketAddr> = Vec::new();
            for address in addresses.take(ADDRESSES_MAX) {
                if !found.contains(&address) {
                    found.push(address);
                }
            }
            found
        }
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}
