//! How many WebSockets are open, and whose.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::config::ApiLimits;
use crate::state::locked;

/// The open WebSockets by user.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    open: Mutex<BTreeMap<String, usize>>,
}

/// A place among them, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    sockets: Arc<Sockets>,
    name: String,
}

/// Why there is no place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// This user has as many as one may.
    User,
    /// The server has as many as it takes.
    Server,
}

impl Sockets {
    /// Takes a place.
    pub(crate) fn take(self: &Arc<Self>, limits: &ApiLimits, name: &str) -> Result<Place, NoPlace> {
        let mut open = locked(&self.open);
        if open.values().sum::<usize>() >= limits.sockets_max {
            return Err(NoPlace::Server);
        }
        let own = open.entry(name.to_owned()).or_default();
        if *own >= limits.sockets_per_user_max {
            return Err(NoPlace::User);
        }
        *own += 1;
        Ok(Place { sockets: Arc::clone(self), name: name.to_owned() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = locked(&self.sockets.open);
        if let Some(own) = open.get_mut(&self.name) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.remove(&self.name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_by_user_and_in_all_and_given_back() {
        let sockets = Arc::new(Sockets::default());
        let limits = ApiLimits { sockets_max: 3, sockets_per_user_max: 2, ..ApiLimits::default() };
        let first = sockets.take(&limits, "anna").unwrap();
        let _second = sockets.take(&limits, "anna").unwrap();
        assert_eq!(sockets.take(&limits, "anna").unwrap_err(), NoPlace::User);
        let _third = sockets.take(&limits, "ben").unwrap();
        assert_eq!(sockets.take(&limits, "cleo").unwrap_err(), NoPlace::Server);
        drop(first);
        assert!(sockets.take(&limits, "anna").is_ok());
    }
}
