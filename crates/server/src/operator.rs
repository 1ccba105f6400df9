//! The commands that ask a running server: `calls`, `registrations`, `subscriptions`, `trunks`, `bans`, `export`, `apply`.

use std::net::IpAddr;
use std::path::Path;

use baton_api::{DirectoryChangeKind, DirectoryDiff};
use baton_contact::directory::{Directory, DirectoryError};
use baton_contact::snapshot::{
    BanView, CallSummary, ConnectionSnapshot, GatewayView, RegistrationView, SubscriptionView, TrunkView,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::clock;
use crate::directory_file::DirectoryFile;
use crate::http_client::Client;
use crate::table::{duration, render};
use crate::toml_text::lines;

#[derive(Deserialize)]
struct Calls {
    calls: Vec<CallSummary>,
}

#[derive(Deserialize)]
struct Registrations {
    registrations: Vec<RegistrationView>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subscriptions {
    subscriptions: Vec<SubscriptionView>,
    next_cursor: u64,
}

#[derive(Deserialize)]
struct Bans {
    bans: Vec<BanView>,
}

#[derive(Deserialize)]
struct Trunks {
    trunks: Vec<TrunkView>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    errors: Vec<DirectoryError>,
}

/// `baton calls`: a line for each party of each call.
pub(crate) fn calls(client: &Client, json: bool) -> Result<String, String> {
    let Calls { calls } = parse(&client.get("/api/v1/calls")?)?;
    if json {
        return json_lines(&calls);
    }
    let now_ms = clock::now_ms();
    let row = |call: &CallSummary, party: &ConnectionSnapshot| {
        let state = plain(&party.state);
        let muted = if party.muted { " (muted)" } else { "" };
        vec![
            call.contact_id.to_string(),
            duration(now_ms.saturating_sub(call.since_ms)),
            party.connection_id.to_string(),
            plain(&party.kind),
            format!("{state}{muted}"),
            duration(now_ms.saturating_sub(party.since_ms)),
            party.address.clone(),
            party.name.clone(),
        ]
    };
    let rows: Vec<_> =
        calls.iter().flat_map(|call| call.connections.iter().map(move |party| row(call, party))).collect();
    Ok(render(&["CALL", "UP", "PARTY", "TYPE", "STATE", "FOR", "ADDRESS", "NAME"], &rows))
}

/// `baton registrations`: a line for each registered device.
pub(crate) fn registrations(client: &Client, json: bool) -> Result<String, String> {
    let Registrations { registrations } = parse(&client.get("/api/v1/registrations")?)?;
    if json {
        return json_lines(&registrations);
    }
    let now_ms = clock::now_ms();
    let row = |each: &RegistrationView| {
        vec![
            each.phone.clone(),
            each.agent.clone().unwrap_or_default(),
            each.flow.clone(),
            duration(each.expires_at_ms.saturating_sub(now_ms)),
            each.reg_id.map(|number| number.to_string()).unwrap_or_default(),
            each.instance.clone().unwrap_or_default(),
            each.path.join(", "),
            each.contact.clone(),
            each.user_agent.clone().unwrap_or_default(),
        ]
    };
    let rows: Vec<_> = registrations.iter().map(row).collect();
    let head = ["PHONE", "AGENT", "REACHED AT", "EXPIRES IN", "FLOW", "DEVICE", "PATH", "CONTACT", "USER AGENT"];
    Ok(render(&head, &rows))
}

/// `baton subscriptions`: a line for each phone and what it watches.
pub(crate) fn subscriptions(client: &Client, json: bool) -> Result<String, String> {
    let mut all: Vec<SubscriptionView> = Vec::new();
    let mut after = 0;
    loop {
        let page: Subscriptions = parse(&client.get(&format!("/api/v1/subscriptions?limit=1000&after={after}"))?)?;
        all.extend(page.subscriptions);
        if page.next_cursor == after {
            break;
        }
        after = page.next_cursor;
    }
    if json {
        return json_lines(&all);
    }
    let now_ms = clock::now_ms();
    let row = |each: &SubscriptionView| {
        vec![
            each.phone.clone(),
            each.agent.clone().unwrap_or_default(),
            each.event.clone(),
            each.watched.clone(),
            each.flow.clone(),
            duration(each.expires_at_ms.saturating_sub(now_ms)),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    Ok(render(&["PHONE", "AGENT", "EVENT", "WATCHES", "TOLD AT", "EXPIRES IN"], &rows))
}

/// `baton bans`: a line for each banned source.
pub(crate) fn bans(client: &Client, json: bool) -> Result<String, String> {
    let Bans { bans } = parse(&client.get("/api/v1/bans")?)?;
    if json {
        return json_lines(&bans);
    }
    let now_ms = clock::now_ms();
    let row = |each: &BanView| {
        vec![
            format!("{}/{}", each.address, each.prefix),
            each.reason.clone(),
            duration(now_ms.saturating_sub(each.since_ms)),
            duration(each.until_ms.saturating_sub(now_ms)),
            each.count.to_string(),
        ]
    };
    let rows: Vec<_> = bans.iter().map(row).collect();
    Ok(render(&["SOURCE", "REASON", "FOR", "ENDS IN", "TIMES"], &rows))
}

/// `baton bans --lift`: ends a ban.
pub(crate) fn lift_ban(client: &Client, address: IpAddr) -> Result<String, String> {
    let answer = client.request("DELETE", &format!("/api/v1/bans/{address}"), None)?;
    if answer.status != 204 {
        return Err(answer.problem());
    }
    Ok(format!("{address} is heard again\n"))
}

/// `baton trunks`: a line for each gateway of each trunk.
pub(crate) fn trunks(client: &Client, json: bool) -> Result<String, String> {
    let Trunks { trunks } = parse(&client.get("/api/v1/trunks")?)?;
    if json {
        return json_lines(&trunks);
    }
    let now_ms = clock::now_ms();
    let row = |trunk: &TrunkView, gateway: &GatewayView| {
        let own = trunk.registration.as_ref().filter(|registration| registration.gateway == gateway.address);
        let registration = own.map(|registration| match registration.registered {
            true => format!("for {}", duration(registration.expires_at_ms.saturating_sub(now_ms))),
            false => format!("no ({})", registration.last_status.map_or("-".to_owned(), |status| status.to_string())),
        });
        vec![
            trunk.name.clone(),
            format!("{}+{}/{}", trunk.calls_in, trunk.calls_out, trunk.max_calls),
            gateway.address.clone(),
            format!("{}/{}", gateway.priority, gateway.weight),
            state_of(gateway).to_owned(),
            // 0: so it has been since the start.
            if gateway.since_ms == 0 { String::new() } else { duration(now_ms.saturating_sub(gateway.since_ms)) },
            gateway.last_status.map(|status| status.to_string()).unwrap_or_default(),
            registration.unwrap_or_default(),
        ]
    };
    let rows: Vec<_> =
        trunks.iter().flat_map(|trunk| trunk.gateways.iter().map(move |gateway| row(trunk, gateway))).collect();
    let head = ["TRUNK", "CALLS IN+OUT/MOST", "GATEWAY", "PRIORITY/WEIGHT", "STATE", "FOR", "ANSWER", "REGISTERED"];
    Ok(render(&head, &rows))
}

/// What is known of a gateway. Calls go to one of which nothing is known.
fn state_of(gateway: &GatewayView) -> &'static str {
    match (gateway.up, gateway.monitored, gateway.last_status) {
        (false, ..) => "down",
        (true, false, _) => "unmonitored",
        (true, true, None) => "unanswered",
        (true, true, Some(_)) => "up",
    }
}

/// `baton export`: the directory in force as TOML (or one line of JSON).
pub(crate) fn export(client: &Client, redacted: bool, json: bool) -> Result<String, String> {
    let path = if redacted { "/api/v1/directory" } else { "/api/v1/directory?secrets=true" };
    let directory: Directory = parse(&client.get(path)?)?;
    if json {
        return serde_json::to_string(&directory).map(|line| line + "\n").map_err(|error| error.to_string());
    }
    toml::to_string(&directory).map_err(|error| error.to_string())
}

/// `baton apply`: puts a directory file in force, or says all that is wrong with it.
pub(crate) fn apply(client: &Client, file: &Path, dry_run: bool, json: bool) -> Result<String, String> {
    let file = DirectoryFile::load(file).map_err(|problems| lines(&problems))?;
    let faults = file.faults_before_apply();
    if !faults.is_empty() {
        return Err(lines(&faults));
    }
    let body = serde_json::to_string(&file.directory).map_err(|error| error.to_string())?;
    let path = if dry_run { "/api/v1/directory?dryRun=true" } else { "/api/v1/directory" };
    let answer = client.request("PUT", path, Some(&body))?;
    if answer.status != 200 {
        let errors = parse::<Refused>(&answer.body).map(|refused| refused.errors).unwrap_or_default();
        if errors.is_empty() {
            return Err(answer.problem());
        }
        return Err(lines(&errors.iter().map(|error| file.problem(error)).collect::<Vec<_>>()));
    }
    let diff: DirectoryDiff = parse(&answer.body)?;
    if json {
        return serde_json::to_string(&diff).map(|line| line + "\n").map_err(|error| error.to_string());
    }
    Ok(render_diff(&diff, dry_run))
}

fn render_diff(diff: &DirectoryDiff, dry_run: bool) -> String {
    if diff.changes.is_empty() {
        return "no changes\n".to_owned();
    }
    let mut text = String::new();
    for each in &diff.changes {
        let (sign, keys) = match each.change {
            DirectoryChangeKind::Added => ('+', String::new()),
            DirectoryChangeKind::Removed => ('-', String::new()),
            DirectoryChangeKind::Changed => ('~', format!(": {}", each.keys.join(", "))),
        };
        text.push_str(&format!("{sign} {} \"{}\"{keys}\n", each.table, each.entry));
    }
    let count = diff.changes.len();
    let noun = if count == 1 { "change" } else { "changes" };
    let done = if dry_run { "nothing was applied" } else { "applied" };
    text.push_str(&format!("{count} {noun}, {done}; revision {}\n", diff.revision));
    text
}

fn parse<T: DeserializeOwned>(body: &str) -> Result<T, String> {
    serde_json::from_str(body).map_err(|error| format!("the server's answer is not understood: {error}"))
}

fn json_lines<T: serde::Serialize>(all: &[T]) -> Result<String, String> {
    let line = |each: &T| serde_json::to_string(each).map(|line| line + "\n").map_err(|error| error.to_string());
    all.iter().map(line).collect()
}

/// The name of a value as JSON shows it, without quotes.
fn plain<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use baton_api::DirectoryChange;

    #[test]
    fn a_diff_reads_like_a_diff() {
        let change = |table: &str, entry: &str, change, keys: &[&str]| DirectoryChange {
            table: table.into(),
            entry: entry.into(),
            change,
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        };
        let diff = DirectoryDiff {
            revision: 4,
            changes: vec![
                change("queues", "support", DirectoryChangeKind::Changed, &["maxContacts", "music"]),
                change("users", "anna", DirectoryChangeKind::Added, &[]),
                change("routes", "", DirectoryChangeKind::Removed, &[]),
            ],
        };
        assert_eq!(
            render_diff(&diff, false),
            "~ queues \"support\": maxContacts, music\n+ users \"anna\"\n- routes \"\"\n3 changes, applied; revision 4\n"
        );
        assert_eq!(render_diff(&DirectoryDiff::default(), false), "no changes\n");
    }

    #[test]
    fn a_gateway_that_nobody_has_asked_is_not_said_to_live() {
        let gateway = |up, monitored, last_status| {
            let (address, since_ms) = ("192.0.2.9:5060".to_owned(), 1);
            state_of(&GatewayView { address, priority: 0, weight: 1, up, monitored, last_status, since_ms })
        };
        assert_eq!(gateway(true, false, None), "unmonitored");
        assert_eq!(gateway(true, true, None), "unanswered");
        assert_eq!(gateway(true, true, Some(200)), "up");
        assert_eq!(gateway(false, true, Some(408)), "down");
    }

    #[test]
    fn an_exported_directory_can_be_applied_again() {
        let text = include_str!("demo.toml");
        let demo = DirectoryFile::parse("demo.toml", text).unwrap();
        let exported = toml::to_string(&demo.directory).unwrap();
        assert_eq!(DirectoryFile::parse("export", &exported).unwrap().directory, demo.directory);
    }
}
