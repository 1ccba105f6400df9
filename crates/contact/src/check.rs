//! What makes a directory valid. Pure: the same answer in `baton check`, in `baton apply` and in the API.
//!
//! Every finding names its table, entry and key, and the nearest valid value where a name was misspelt. A directory with
//! one finding is refused as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::directory::{
    CLASS_INTERNAL, CLASS_OTHER, Conference, Directory, DirectoryError, Number, Phone, Queue, QuickConnect,
    QuickConnectType, Route, RoutingProfile, User, parse_network,
};
use crate::registrar::{networks_of, overlap, plain_name};

mod feature;
mod permission;
mod recall;
#[cfg(test)]
mod tests;
mod trunk;

/// All that cannot stand in a directory, in its order; empty when it is valid.
pub fn validate(directory: &Directory) -> Vec<DirectoryError> {
    let mut findings = Findings { names: Names::of(directory), errors: Vec::new() };
    directory.users.iter().for_each(|entry| findings.user(entry));
    directory.queues.iter().for_each(|entry| findings.queue(entry));
    directory.routing_profiles.iter().for_each(|entry| findings.routing_profile(entry));
    directory.quick_connects.iter().for_each(|entry| findings.quick_connect(entry));
    directory.trunks.iter().for_each(|entry| findings.trunk(entry));
    directory.numbers.iter().for_each(|entry| findings.number(entry));
    directory.routes.iter().for_each(|entry| findings.route(entry));
    directory.conferences.iter().for_each(|entry| findings.conference(entry));
    directory.destination_classes.iter().for_each(|entry| findings.destination_class(entry));
    directory.security_profiles.iter().for_each(|entry| findings.security_profile(entry));
    findings.feature_codes(&directory.feature_codes);
    findings.unique_names(directory);
    findings.unique_phones(directory);
    findings.unique_accounts(directory);
    findings.unique_dialled(directory);
    findings.unique_networks(directory);
    findings.known_by_digest(directory);
    findings.unique_certificate_names(directory);
    findings.unique_prefixes(directory);
    findings.errors
}

/// The candidate nearest to a misspelt word by edit distance, if any is near enough to be meant: at most one edit in
/// three letters.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = word.chars().count() / 3 + 1;
    let distance = |candidate: &&str| edit_distance(&word.to_lowercase(), &candidate.to_lowercase());
    candidates
        .into_iter()
        .map(|candidate| (distance(&candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The edits between two words: insertions, removals, replacements, and exchanges of neighbours, one each.
fn edit_distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().take(WORD_MAX).collect();
    let right: Vec<char> = right.chars().take(WORD_MAX).collect();
    let mut rows = vec![vec![0usize; right.len() + 1]; left.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(left[i - 1] != right[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

/// Words are compared by their first letters only: a bound on the table above.
const WORD_MAX: usize = 128;

/// The names that entries may refer to, by table.
struct Names {
    users: BTreeSet<String>,
    queues: BTreeSet<String>,
    routing_profiles: BTreeSet<String>,
    quick_connects: BTreeSet<String>,
    trunks: BTreeSet<String>,
    conferences: BTreeSet<String>,
    /// Those that are there anyway included.
    destination_classes: BTreeSet<String>,
    security_profiles: BTreeSet<String>,
}

impl Names {
    fn of(directory: &Directory) -> Self {
        Names {
            users: directory.users.iter().map(|entry| entry.username.clone()).collect(),
            queues: directory.queues.iter().map(|entry| entry.name.clone()).collect(),
            routing_profiles: directory.routing_profiles.iter().map(|entry| entry.name.clone()).collect(),
            quick_connects: directory.quick_connects.iter().map(|entry| entry.name.clone()).collect(),
            trunks: directory.trunks.iter().map(|entry| entry.name.clone()).collect(),
            conferences: directory.conferences.iter().map(|entry| entry.name.clone()).collect(),
            destination_classes: (directory.destination_classes.iter().map(|entry| entry.name.clone()))
                .chain([CLASS_INTERNAL, CLASS_OTHER].map(str::to_owned))
                .collect(),
            security_profiles: directory.security_profiles.iter().map(|entry| entry.name.clone()).collect(),
        }
    }
}

/// Where a finding is: a table and an entry of it.
#[derive(Clone, Copy)]
struct Place<'a> {
    table: &'static str,
    entry: &'a str,
}

struct Findings {
    names: Names,
    errors: Vec<DirectoryError>,
}

impl Findings {
    fn user(&mut self, user: &User) {
        let place = Place { table: "users", entry: &user.username };
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        if user.username.is_empty() || user.username.len() > 64 || !user.username.chars().all(allowed) {
            self.add(place, "username", "a user name has 1 to 64 of a-z 0-9 . _ -".into(), None);
        }
        self.reference(place, "routingProfile", "routing profile", user.routing_profile.as_deref(), |names| {
            &names.routing_profiles
        });
        self.security_profile_of(place, user.security_profile.as_deref());
        self.extension(place, user.extension.as_deref());
        if user.password_hash.as_deref().is_some_and(|hash| !hash.starts_with("$argon2id$")) {
            self.add(place, "passwordHash", "not an argon2id hash in PHC form ($argon2id$…)".into(), None);
        }
        if user.password.as_deref() == Some("") {
            self.add(place, "password", "the password is empty".into(), None);
        }
        self.range(place, "acwTimeoutSeconds", u64::from(user.acw_timeout_seconds), 0, 86_400);
        self.range(place, "serialSeconds", u64::from(user.serial_seconds), 5, 60);
        for (index, phone) in user.phones.iter().enumerate() {
            self.phone(place, index, phone);
        }
    }

    fn phone(&mut self, place: Place<'_>, index: usize, phone: &Phone) {
        let key = |name: &str| format!("phones[{index}].{name}");
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.!~*'()&=+$,;?/".contains(c);
        if phone.username.is_empty() || phone.username.len() > 64 || !phone.username.chars().all(allowed) {
            let message = "a phone's user name has 1 to 64 characters that a SIP address may carry unescaped";
            self.add(place, &key("username"), message.into(), None);
        }
        let hashes = [("ha1Md5", &phone.ha1_md5, 32), ("ha1Sha256", &phone.ha1_sha256, 64)];
        for (name, hash, length) in &hashes {
            let is_hex = |text: &str| text.len() == *length && text.bytes().all(|b| b.is_ascii_hexdigit());
            if hash.as_deref().is_some_and(|text| !is_hex(text)) {
                self.add(place, &key(name), format!("not {length} hexadecimal digits"), None);
            }
        }
        let has_password = phone.password.as_deref().is_some_and(|password| !password.is_empty());
        let has_both = phone.ha1_md5.is_some() && phone.ha1_sha256.is_some();
        if !has_password && !has_both {
            let message = format!("the phone \"{}\" has neither a password nor both of its hashes", phone.username);
            self.add(place, &key("password"), message, None);
        }
    }

    fn queue(&mut self, queue: &Queue) {
        let place = Place { table: "queues", entry: &queue.name };
        self.name(place, "name", &queue.name);
        self.extension(place, queue.extension.as_deref());
        self.number_text(place, "outboundCallerId", queue.outbound_caller_id.as_deref());
        self.caller_id(place, queue.caller_id.as_deref());
        self.range(place, "maxContacts", u64::from(queue.max_contacts), 1, 10_000);
        self.range(place, "offerTimeoutSeconds", u64::from(queue.offer_timeout_seconds), 5, 120);
        self.range(place, "undoSeconds", u64::from(queue.undo_seconds), 0, 60);
        self.recall(place, queue.recall.as_ref());
        for (index, name) in queue.quick_connects.iter().enumerate() {
            let key = format!("quickConnects[{index}]");
            self.reference(place, &key, "quick connect", Some(name), |names| &names.quick_connects);
        }
    }

    fn routing_profile(&mut self, profile: &RoutingProfile) {
        let place = Place { table: "routingProfiles", entry: &profile.name };
        self.name(place, "name", &profile.name);
        let outbound = profile.default_outbound_queue.as_deref();
        self.reference(place, "defaultOutboundQueue", "queue", outbound, |names| &names.queues);
        let mut seen = BTreeSet::new();
        for (index, each) in profile.queues.iter().enumerate() {
            let key = |name: &str| format!("queues[{index}].{name}");
            self.reference(place, &key("queue"), "queue", Some(&each.queue), |names| &names.queues);
            self.range(place, &key("priority"), u64::from(each.priority), 1, 99);
            self.range(place, &key("delaySeconds"), u64::from(each.delay_seconds), 0, 9_999);
            if !seen.insert(each.queue.as_str()) {
                self.add(place, &key("queue"), format!("the queue \"{}\" is named twice", each.queue), None);
            }
        }
    }

    fn quick_connect(&mut self, entry: &QuickConnect) {
        let place = Place { table: "quickConnects", entry: &entry.name };
        self.name(place, "name", &entry.name);
        self.reference(place, "user", "user", entry.user.as_deref(), |names| &names.users);
        self.reference(place, "queue", "queue", entry.queue.as_deref(), |names| &names.queues);
        self.number_text(place, "phoneNumber", entry.phone_number.as_deref());
        let given = [
            ("user", entry.user.is_some(), QuickConnectType::User, "USER"),
            ("queue", entry.queue.is_some(), QuickConnectType::Queue, "QUEUE"),
            ("phoneNumber", entry.phone_number.is_some(), QuickConnectType::PhoneNumber, "PHONE_NUMBER"),
        ];
        for (key, present, kind, name) in given {
            if kind == entry.kind && !present {
                self.add(place, key, format!("a quick connect of type {name} needs the key `{key}`"), None);
            }
            if kind != entry.kind && present {
                self.add(place, key, format!("`{key}` belongs to type {name} only"), None);
            }
        }
        self.range(place, "acceptSeconds", u64::from(entry.accept_seconds), 3, 120);
        self.recall(place, entry.recall.as_ref());
        self.caller_id(place, entry.caller_id.as_deref());
    }

    /// Who is shown to an outside target.
    fn caller_id(&mut self, place: Place<'_>, caller_id: Option<&str>) {
        if let Some(caller_id) = caller_id
            && caller_id != "queue"
            && caller_id != "customer"
            && !is_number(caller_id)
        {
            let hint = nearest(caller_id, ["queue", "customer"]).map(str::to_owned);
            self.add(place, "callerId", format!("\"{caller_id}\" is not queue, customer or a number"), hint);
        }
    }

    fn number(&mut self, number: &Number) {
        let place = Place { table: "numbers", entry: &number.number };
        if !is_dialled(&number.number) {
            let message = "a number has 1 to 64 characters of A-Z a-z 0-9 + * # . _ -".to_owned();
            self.add(place, "number", message, None);
        }
        self.reference(place, "queue", "queue", number.queue.as_deref(), |names| &names.queues);
        self.reference(place, "user", "user", number.user.as_deref(), |names| &names.users);
        self.reference(place, "conference", "conference", number.conference.as_deref(), |names| &names.conferences);
        let factory = number.conference_factory.as_deref();
        self.reference(place, "conferenceFactory", "conference", factory, |names| &names.conferences);
        let given = [&number.queue, &number.user, &number.conference, &number.conference_factory];
        if given.iter().filter(|given| given.is_some()).count() != 1 {
            let message = "a number leads to exactly one of queue, user, conference, conferenceFactory".to_owned();
            self.add(place, "number", message, None);
        }
    }

    fn route(&mut self, route: &Route) {
        let place = Place { table: "routes", entry: &route.prefix };
        self.reference(place, "trunk", "trunk", Some(&route.trunk), |names| &names.trunks);
        let mut seen = BTreeSet::from([route.trunk.as_str()]);
        for (index, name) in route.alternatives.iter().enumerate() {
            let key = format!("alternatives[{index}]");
            self.reference(place, &key, "trunk", Some(name), |names| &names.trunks);
            if !seen.insert(name) {
                self.add(place, &key, format!("the trunk \"{name}\" is named twice"), None);
            }
        }
        if !route.prefix.is_empty() && !is_dialled(&route.prefix) {
            self.add(place, "prefix", "a prefix has A-Z a-z 0-9 + * # . _ - only".into(), None);
        }
        if !route.add.is_empty() && !is_dialled(&route.add) {
            self.add(place, "add", "what is added has A-Z a-z 0-9 + * # . _ - only".into(), None);
        }
        self.range(place, "strip", u64::from(route.strip), 0, 32);
    }

    fn conference(&mut self, conference: &Conference) {
        let place = Place { table: "conferences", entry: &conference.name };
        self.name(place, "name", &conference.name);
        self.range(place, "maxParties", u64::from(conference.max_parties), 2, 64);
    }

    fn unique_names(&mut self, directory: &Directory) {
        self.unique("users", "username", directory.users.iter().map(|entry| entry.username.as_str()));
        self.unique("queues", "name", directory.queues.iter().map(|entry| entry.name.as_str()));
        self.unique("routingProfiles", "name", directory.routing_profiles.iter().map(|entry| entry.name.as_str()));
        self.unique("quickConnects", "name", directory.quick_connects.iter().map(|entry| entry.name.as_str()));
        self.unique("trunks", "name", directory.trunks.iter().map(|entry| entry.name.as_str()));
        self.unique("numbers", "number", directory.numbers.iter().map(|entry| entry.number.as_str()));
        self.unique("routes", "prefix", directory.routes.iter().map(|entry| entry.prefix.as_str()));
        self.unique("conferences", "name", directory.conferences.iter().map(|entry| entry.name.as_str()));
        let classes = directory.destination_classes.iter().map(|entry| entry.name.as_str());
        self.unique("destinationClasses", "name", classes);
        self.unique("securityProfiles", "name", directory.security_profiles.iter().map(|entry| entry.name.as_str()));
    }

    fn unique<'a>(&mut self, table: &'static str, key: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name) {
                let message = format!("\"{name}\" is there twice in {table}");
                self.add(Place { table, entry: name }, key, message, None);
            }
        }
    }

    /// An account proves one phone or one trunk.
    fn unique_accounts(&mut self, directory: &Directory) {
        let phones = directory.users.iter().flat_map(|user| user.phones.iter().map(|phone| phone.username.as_str()));
        let mut taken: BTreeSet<&str> = phones.collect();
        for trunk in &directory.trunks {
            if let Some(name) = trunk.inbound_username.as_deref().filter(|name| !taken.insert(*name)) {
                let place = Place { table: "trunks", entry: &trunk.name };
                let message = format!("\"{name}\" is also the user name of a phone or of another trunk");
                self.add(place, "inboundUsername", message, None);
            }
        }
    }

    /// A phone registers under its user name alone, so it is unique over all users.
    fn unique_phones(&mut self, directory: &Directory) {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for user in &directory.users {
            for (index, phone) in user.phones.iter().enumerate() {
                if let Some(owner) = owners.insert(&phone.username, &user.username) {
                    let message = format!("the phone \"{}\" is also {owner}'s", phone.username);
                    let place = Place { table: "users", entry: &user.username };
                    self.add(place, &format!("phones[{index}].username"), message, None);
                }
            }
        }
    }

    /// Extensions and numbers share one plan: what is dialled leads to one place.
    fn unique_dialled(&mut self, directory: &Directory) {
        let users = directory.users.iter().filter_map(|each| Some(("users", &each.username, each.extension.as_ref()?)));
        let queues = directory.queues.iter().filter_map(|each| Some(("queues", &each.name, each.extension.as_ref()?)));
        let mut taken: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        for (table, entry, extension) in users.chain(queues) {
            if let Some((other, name)) = taken.insert(extension, (table, entry)) {
                let message = format!("the extension {extension} is also that of \"{name}\" in {other}");
                self.add(Place { table, entry }, "extension", message, None);
            }
        }
        for number in &directory.numbers {
            if let Some((other, name)) = taken.get(number.number.as_str()) {
                let message = format!("{} is also the extension of \"{name}\" in {other}", number.number);
                self.add(Place { table: "numbers", entry: &number.number }, "number", message, None);
            }
        }
    }

    /// A source address is one trunk's credential, so no two trunks may claim the same network.
    fn unique_networks(&mut self, directory: &Directory) {
        let mut taken: BTreeMap<_, &str> = BTreeMap::new();
        for trunk in directory.trunks.iter().filter(|trunk| !trunk.shares_gateways()) {
            for (index, text) in trunk.all_networks().iter().enumerate() {
                let Some(network) = parse_network(text) else { continue };
                if let Some(other) = taken.insert(network, &trunk.name).filter(|other| *other != trunk.name) {
                    let what = if trunk.networks.is_empty() { ", its gateway," } else { "" };
                    let message = format!("{text}{what} is also a network of the trunk \"{other}\"");
                    let place = Place { table: "trunks", entry: &trunk.name };
                    self.add(place, &format!("networks[{index}]"), message, None);
                }
            }
        }
    }

    /// Who is believed by its address is never asked for a password: beside such a trunk none is known by its digest.
    fn known_by_digest(&mut self, directory: &Directory) {
        let networks: Vec<_> = directory.trunks.iter().map(|trunk| (trunk, networks_of(trunk))).collect();
        for (trunk, own) in networks.iter().filter(|(trunk, _)| trunk.proves_itself()) {
            let overlaps =
                |theirs: &BTreeSet<_>| theirs.iter().any(|network| own.iter().any(|own| overlap(own, network)));
            let believed = networks.iter().find(|(other, theirs)| !other.proves_itself() && overlaps(theirs));
            if let Some((other, _)) = believed {
                let message = format!(
                    "its gateway is also one of the trunk \"{}\", for which its calls would be taken: let both register, or both prove \
                     themselves by digest",
                    other.name
                );
                self.add(Place { table: "trunks", entry: &trunk.name }, "inboundUsername", message, None);
            }
        }
    }

    /// A certificate proves one trunk.
    fn unique_certificate_names(&mut self, directory: &Directory) {
        let mut taken: BTreeMap<String, &str> = BTreeMap::new();
        for trunk in &directory.trunks {
            for (index, name) in trunk.certificate_names.iter().enumerate() {
                if let Some(other) = taken.insert(plain_name(name), &trunk.name) {
                    let message = match other == trunk.name {
                        true => format!("\"{name}\" is there twice"),
                        false => format!("\"{name}\" is also a certificate name of the trunk \"{other}\""),
                    };
                    let place = Place { table: "trunks", entry: &trunk.name };
                    self.add(place, &format!("certificateNames[{index}]"), message, None);
                }
            }
        }
    }

    fn reference(
        &mut self,
        place: Place<'_>,
        key: &str,
        noun: &str,
        name: Option<&str>,
        table: impl Fn(&Names) -> &BTreeSet<String>,
    ) {
        let Some(name) = name else { return };
        let known = table(&self.names);
        if known.contains(name) {
            return;
        }
        let hint = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        self.add(place, key, format!("unknown {noun} \"{name}\""), hint);
    }

    fn name(&mut self, place: Place<'_>, key: &str, name: &str) {
        let length = name.chars().count();
        if !(1..=127).contains(&length) || name.chars().any(char::is_control) {
            self.add(place, key, "a name has 1 to 127 characters, none of them a control character".into(), None);
        }
    }

    fn extension(&mut self, place: Place<'_>, extension: Option<&str>) {
        if extension.is_some_and(|text| !is_dialled(text)) {
            self.add(place, "extension", "an extension has A-Z a-z 0-9 + * # . _ - only".into(), None);
        }
    }

    fn number_text(&mut self, place: Place<'_>, key: &str, number: Option<&str>) {
        if let Some(number) = number
            && !is_number(number)
        {
            self.add(place, key, format!("\"{number}\" is not a number: 1 to 64 of 0-9 * #, + in front"), None);
        }
    }

    fn range(&mut self, place: Place<'_>, key: &str, value: u64, least: u64, most: u64) {
        if !(least..=most).contains(&value) {
            self.add(place, key, format!("{value} is not in {least} to {most}"), None);
        }
    }

    fn add(&mut self, place: Place<'_>, key: &str, message: String, hint: Option<String>) {
        self.errors.push(DirectoryError {
            table: place.table.to_owned(),
            entry: place.entry.to_owned(),
            key: key.to_owned(),
            message,
            hint,
        });
    }
}

fn is_dialled(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "+*#._-".contains(c))
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (1..=64).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#')
}

fn is_host_and_port(text: &str) -> bool {
    if text.parse::<SocketAddr>().is_ok_and(|address| address.port() != 0) {
        return true;
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port),
        // A domain name may leave the port to the DNS; a single word is a forgotten port.
        None if text.contains('.') => (text, "5060"),
        None => return false,
    };
    is_host_name(host) && port.parse::<u16>().is_ok_and(|port| port != 0)
}

fn is_host_name(text: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    (1..=253).contains(&text.len())
        && text.chars().all(is_name)
        && text.chars().any(|c| c.is_ascii_alphabetic())
        && !text.starts_with(['.', '-'])
}
