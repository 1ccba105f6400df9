//! The directory in force, with its entries by name: a call or a registration looks them up, however many there are.

use std::collections::BTreeMap;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::directory::{Directory, Queue, QuickConnect, RoutingProfile, User};

/// A directory and the places of its entries. It reads as the directory does; its look-ups by name do not walk the lists.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "Directory", into = "Directory")]
pub(crate) struct Business {
    directory: Directory,
    users: BTreeMap<String, usize>,
    queues: BTreeMap<String, usize>,
    profiles: BTreeMap<String, usize>,
    quick_connects: BTreeMap<String, usize>,
}

impl Business {
    /// As [`Directory::user`].
    pub(crate) fn user(&self, username: &str) -> Option<&User> {
        self.directory.users.get(*self.users.get(username)?)
    }

    /// As [`Directory::queue`].
    pub(crate) fn queue(&self, name: &str) -> Option<&Queue> {
        self.directory.queues.get(*self.queues.get(name)?)
    }

    /// As [`Directory::profile_of`].
    pub(crate) fn profile_of(&self, username: &str) -> Option<&RoutingProfile> {
        let name = self.user(username)?.routing_profile.as_deref()?;
        self.directory.routing_profiles.get(*self.profiles.get(name)?)
    }

    /// As [`Directory::quick_connect`].
    pub(crate) fn quick_connect(&self, name: &str) -> Option<&QuickConnect> {
        self.directory.quick_connects.get(*self.quick_connects.get(name)?)
    }
}

impl Deref for Business {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.directory
    }
}

impl From<Directory> for Business {
    fn from(directory: Directory) -> Self {
        Business {
            users: places(directory.users.iter().map(|user| &user.username)),
            queues: places(directory.queues.iter().map(|queue| &queue.name)),
            profiles: places(directory.routing_profiles.iter().map(|profile| &profile.name)),
            quick_connects: places(directory.quick_connects.iter().map(|entry| &entry.name)),
            directory,
        }
    }
}

impl From<Business> for Directory {
    fn from(business: Business) -> Self {
        business.directory
    }
}

/// Of two entries of one name (a checked directory has none), the first is found, as by walking.
fn places<'a>(names: impl DoubleEndedIterator<Item = &'a String> + ExactSizeIterator) -> BTreeMap<String, usize> {
    names.enumerate().rev().map(|(place, name)| (name.clone(), place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_name_as_in_the_directory_itself() {
        let user = |name: &str| User {
            username: name.to_owned(),
            routing_profile: Some("basic".to_owned()),
            ..User::default()
        };
        let directory = Directory {
            users: vec![user("anna"), user("bert"), User { name: "second".to_owned(), ..user("anna") }],
            routing_profiles: vec![RoutingProfile { name: "basic".to_owned(), ..RoutingProfile::default() }],
            queues: vec![Queue { name: "support".to_owned(), ..Queue::default() }],
            ..Directory::default()
        };
        let business = Business::from(directory.clone());
        for name in ["anna", "bert", "carla"] {
            assert_eq!(business.user(name), directory.user(name), "{name}");
            assert_eq!(business.profile_of(name), directory.profile_of(name), "{name}");
        }
        assert_eq!((business.queue("support"), business.queue("sales")), (directory.queue("support"), None));
        let stored = serde_json::to_string(&business).unwrap();
        assert_eq!(serde_json::from_str::<Business>(&stored).unwrap(), business);
    }
}
