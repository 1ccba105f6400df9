//! The command line: what is asked for, and one sentence when it cannot be done.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use baton_contact::ContactId;
use clap::{Args, Parser, Subcommand};

use crate::config::Node;
use crate::data_directory::DataDirectory;
use crate::http_client::Client;
use crate::{checking, logging, operator, random, records, run, trace};

/// A SIP back-to-back user agent that hands calls over: consult, join, leave, and a contact record of each.
#[derive(Debug, Parser)]
#[command(name = "baton", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Where the server's files are.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The node's configuration; without one every key has its default and a demo directory is served
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The data directory: store, secrets, operator's token (default: ./data, made when it is not there)
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The API of the running server, as host:port (default: what the server wrote into the data directory)
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) api: Option<String>,
    /// Print JSON, one document a line
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve calls until SIGINT or SIGTERM
    Run,
    /// Check configuration and directory files; start nothing
    Check {
        /// Files (default: baton.toml and directory.toml, those that are there)
        files: Vec<PathBuf>,
    },
    /// Put a directory file in force on the running server, whole or not at all
    Apply {
        /// The file
        #[arg(value_name = "DIRECTORY.TOML")]
        file: PathBuf,
        /// Check and show the difference only
        #[arg(long)]
        dry_run: bool,
    },
    /// Print the directory in force, as a file for `apply`
    Export {
        /// Leave password hashes and trunk passwords out
        #[arg(long)]
        redacted: bool,
    },
    /// The calls that are up
    Calls,
    /// The phones that are registered
    Registrations,
    /// Which phone watches whom
    Subscriptions,
    /// The trunks: their calls, which gateways live, and our registrations
    Trunks,
    /// The sources of SIP messages that are banned
    Bans {
        /// End the ban of the source that this address belongs to
        #[arg(long, value_name = "ADDRESS")]
        lift: Option<std::net::IpAddr>,
    },
    /// SIP messages as they come and go, without their secrets; ends with Ctrl-C
    Trace {
        /// Only those of this trunk
        #[arg(long, value_name = "NAME")]
        trunk: Option<String>,
        /// Only those of this phone (its SIP user name)
        #[arg(long, value_name = "NAME")]
        phone: Option<String>,
        /// Only those of the conversation that this contact belongs to
        #[arg(long, value_name = "ID")]
        contact: Option<ContactId>,
    },
    /// Contact records, read from the store itself (the server may be down)
    Records {
        /// Only those whose last change comes after this cursor
        #[arg(long, value_name = "CURSOR", default_value_t = 0)]
        after: u64,
        /// All records of the conversation that this contact belongs to
        #[arg(long, value_name = "ID", conflicts_with_all = ["after", "follow"])]
        contact: Option<ContactId>,
        /// Go on with those that come
        #[arg(long)]
        follow: bool,
    },
    /// Hash a panel password, read from standard input, for a directory's `passwordHash`
    HashPassword,
}

/// Does what the command line says.
pub(crate) fn main() -> ExitCode {
    let Cli { place, command } = Cli::parse();
    let done = match command {
        Command::Run => run::run(&place),
        Command::Check { files } => print(&checking::check(place.config.as_deref(), &files)),
        Command::Apply { file, dry_run } => {
            client(&place).and_then(|client| operator::apply(&client, &file, dry_run, place.json)).and_then(show)
        }
        Command::Export { redacted } => {
            client(&place).and_then(|client| operator::export(&client, redacted, place.json)).and_then(show)
        }
        Command::Calls => client(&place).and_then(|client| operator::calls(&client, place.json)).and_then(show),
        Command::Registrations => {
            client(&place).and_then(|client| operator::registrations(&client, place.json)).and_then(show)
        }
        Command::Subscriptions => {
            client(&place).and_then(|client| operator::subscriptions(&client, place.json)).and_then(show)
        }
        Command::Trunks => client(&place).and_then(|client| operator::trunks(&client, place.json)).and_then(show),
        Command::Bans { lift: None } => {
            client(&place).and_then(|client| operator::bans(&client, place.json)).and_then(show)
        }
        Command::Bans { lift: Some(address) } => {
            client(&place).and_then(|client| operator::lift_ban(&client, address)).and_then(show)
        }
        Command::Trace { trunk, phone, contact } => {
            let wanted = trace::Wanted { trunk, phone, contact };
            client(&place).and_then(|client| trace::print(&client, &wanted, place.json))
        }
        Command::Records { after, contact, follow } => {
            let question = records::Question { after, contact, follow, json: place.json };
            store_path(&place).and_then(|store| records::print(&store, &question))
        }
        Command::HashPassword => hash_password().and_then(show),
    };
    logging::flush();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentences) => {
            for sentence in sentences.lines() {
                eprintln!("baton: {sentence}");
            }
            ExitCode::FAILURE
        }
    }
}

/// The configuration that the command line names, or the default one.
///
/// # Errors
/// All that is wrong with it, a line each.
pub(crate) fn node(place: &Place) -> Result<Node, String> {
    let Some(file) = &place.config else { return Ok(Node::default()) };
    let lines = |problems: Vec<crate::toml_text::Problem>| {
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    Node::load(file).map_err(lines)
}

fn client(place: &Place) -> Result<Client, String> {
    let data = DataDirectory::for_client(place.data.as_deref());
    let address = match &place.api {
        Some(address) => address.clone(),
        None => data.api_address()?.to_string(),
    };
    Client::new(&address, data.operator_token()?)
}

fn store_path(place: &Place) -> Result<PathBuf, String> {
    let data = DataDirectory::for_client(place.data.as_deref());
    Ok(data.join(Path::new(&node(place)?.store.path)))
}

fn hash_password() -> Result<String, String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| format!("standard input cannot be read: {error}"))?;
    let salt = random::bytes().map_err(|error| format!("no randomness: {error}"))?;
    let hash =
        baton_api::password::hash(line.trim_end_matches(['\r', '\n']), salt).map_err(|error| error.to_string())?;
    Ok(hash + "\n")
}

/// Prints a report; it is a failure when it has faults.
fn print(report: &checking::Report) -> Result<(), String> {
    show(report.good.iter().map(|line| format!("{line}\n")).collect())?;
    report.warnings.iter().for_each(|warning| eprintln!("baton: warning: {warning}"));
    if report.faults.is_empty() { Ok(()) } else { Err(report.faults.join("\n")) }
}

fn show(text: String) -> Result<(), String> {
    let mut output = std::io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        // Whoever read has read enough (`baton calls | head`).
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn places_may_stand_before_and_behind_the_command() {
        for line in [["baton", "--data", "x", "calls"], ["baton", "calls", "--data", "x"]] {
            assert_eq!(Cli::parse_from(line).place.data, Some(PathBuf::from("x")));
        }
    }
}
