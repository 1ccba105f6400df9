//! What makes classes of numbers and security profiles valid.

use std::collections::BTreeMap;

use super::{Findings, Place, is_dialled};
use crate::directory::{CLASS_INTERNAL, CLASS_OTHER, DestinationClass, Directory, SecurityProfile};

impl Findings {
    pub(super) fn destination_class(&mut self, class: &DestinationClass) {
        let place = Place { table: "destinationClasses", entry: &class.name };
        self.name(place, "name", &class.name);
        if [CLASS_INTERNAL, CLASS_OTHER].contains(&class.name.as_str()) {
            self.add(place, "name", format!("the class \"{}\" is there already", class.name), None);
        }
        for (index, prefix) in class.prefixes.iter().enumerate().filter(|(_, prefix)| !is_dialled(prefix)) {
            let key = format!("prefixes[{index}]");
            let message =
                if prefix.is_empty() { "the prefix is empty" } else { "a prefix has A-Z a-z 0-9 + * # . _ - only" };
            self.add(place, &key, message.into(), None);
        }
    }

    pub(super) fn security_profile(&mut self, profile: &SecurityProfile) {
        let place = Place { table: "securityProfiles", entry: &profile.name };
        self.name(place, "name", &profile.name);
        for (key, classes) in [("dial", &profile.dial), ("transfer", &profile.transfer)] {
            for (index, class) in classes.iter().flatten().enumerate() {
                let key = format!("{key}[{index}]");
                self.reference(place, &key, "destination class", Some(class), |names| &names.destination_classes);
            }
        }
        let limits = [
            ("maxOutboundCalls", profile.max_outbound_calls, 1, 1_000),
            ("maxOutboundSeconds", profile.max_outbound_seconds, 60, 86_400),
            ("maxTransfers", profile.max_transfers, 1, 100),
        ];
        for (key, value, least, most) in limits {
            if let Some(value) = value {
                self.range(place, key, u64::from(value), least, most);
            }
        }
    }

    /// The security profile that a user or trunk names.
    pub(super) fn security_profile_of(&mut self, place: Place<'_>, name: Option<&str>) {
        self.reference(place, "securityProfile", "security profile", name, |names| &names.security_profiles);
    }

    /// A prefix belongs to one class: which one decides must not hang on the order.
    pub(super) fn unique_prefixes(&mut self, directory: &Directory) {
        let mut taken: BTreeMap<&str, &str> = BTreeMap::new();
        for class in &directory.destination_classes {
            for (index, prefix) in class.prefixes.iter().enumerate() {
                if let Some(other) = taken.insert(prefix, &class.name) {
                    let place = Place { table: "destinationClasses", entry: &class.name };
                    let message = format!("{prefix} is also a prefix of \"{other}\"");
                    self.add(place, &format!("prefixes[{index}]"), message, None);
                }
            }
        }
    }
}
