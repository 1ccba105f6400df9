//! The server's binary, as an operator runs it.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::json;

use super::http::Client;
use super::network::Network;
use super::process::Process;
use super::wait::{until, until_some};

/// A server with a folder of its own: `baton.toml`, `data/` and its log.
#[derive(Debug)]
pub struct Server {
    process: Option<Process>,
    folder: PathBuf,
}

/// Beyond these the defaults stand. The address is the one that phones and trunk know the server by.
const NODE: &str = "\
[[sip.listeners]]
transport = \"udp\"
address = \"10.77.0.1:5060\"

[[sip.listeners]]
transport = \"tcp\"
address = \"10.77.0.1:5060\"

[[sip.listeners]]
transport = \"ws\"
address = \"10.77.0.1:8088\"

[media]
address = \"10.77.0.1\"
ports = [20000, 20999]

[sinks.file]
path = \"records.jsonl\"

[limits]
audio_timeout_s = 5
recall_timeout_s = 5

[log]
filter = \"debug\"
";

impl Server {
    /// Starts it with the directory in this TOML text and waits until it is ready.
    #[track_caller]
    pub fn start(network: &Network, directory: &str) -> Server {
        Server::start_with(network, NODE, directory)
    }

    /// As [`Server::start`], with a `baton.toml` of the test's own.
    #[track_caller]
    pub fn start_with(network: &Network, node: &str, directory: &str) -> Server {
        let folder = network.directory().folder("server");
        fs::create_dir_all(folder.join("data")).expect("a folder");
        fs::write(folder.join("baton.toml"), node).expect("a file");
        fs::write(folder.join("directory.toml"), directory).expect("a file");
        let mut server = Server { process: None, folder };
        server.start_again();
        let applied = server.command(&["apply", "directory.toml", "--data", "data"]);
        assert!(applied.status.success(), "baton apply: {}", text(&applied));
        server
    }

    /// Starts it once more in the same folder and waits until it is ready.
    #[track_caller]
    pub fn start_again(&mut self) {
        let mut command = Process::command(binary());
        command.args(["run", "--config", "baton.toml", "--data", "data"]);
        // Its end is the test's business, its colours nobody's.
        command.env("NO_COLOR", "1");
        let process = self.process.insert(Process::start("baton", command, &self.folder));
        let client = Client::new(api(&self.folder), None);
        until("the server to be ready", 15.0, || {
            assert!(process.ended().is_none(), "the server has ended: {}", process.log());
            client.try_ask("GET", "/readyz", &json!(null)).is_ok_and(|answer| answer.status == 200)
        });
    }

    /// Ends it as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill();
        }
    }

    /// Asks it to end and waits for that.
    #[track_caller]
    pub fn stop(&mut self, seconds: f64) {
        let process = self.process.as_mut().expect("a started server");
        process.ask_to_end();
        let status = process.expect_end(seconds);
        assert!(status.success(), "the server ended with {status}: {}", process.log());
    }

    /// Runs a command of the binary in the server's folder, to its end.
    #[track_caller]
    pub fn command(&self, arguments: &[&str]) -> Output {
        run(&self.folder, arguments)
    }

    /// A client that is nobody.
    pub fn anonymous(&self) -> Client {
        Client::new(api(&self.folder), None)
    }

    /// A client that is the operator.
    #[track_caller]
    pub fn operator(&self) -> Client {
        let file = self.folder.join("data/operator.token");
        let token = until_some("the operator's token", 5.0, || fs::read_to_string(&file).ok());
        Client::new(api(&self.folder), Some(token.trim().to_owned()))
    }

    /// A client that is logged in.
    #[track_caller]
    pub fn log_in(&self, username: &str, password: &str) -> Client {
        let body = json!({"username": username, "password": password});
        let session = self.anonymous().post("/api/v1/sessions", &body);
        let token = session["token"].as_str().expect("a token").to_owned();
        Client::new(api(&self.folder), Some(token))
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        self.process.as_ref().map_or_else(String::new, Process::log)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().map_or(0, Process::pid)
    }
}

/// Runs a command of the binary in a folder, to its end, which must come within half a minute.
#[track_caller]
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Process::command("timeout");
    command.args(["30", binary()]).args(arguments).current_dir(folder).stdin(Stdio::null()).env("NO_COLOR", "1");
    command.output().expect("a command that starts")
}

/// What a command has written, standard output first.
pub fn text(output: &Output) -> String {
    let parts = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    parts.concat()
}

/// The binary under test: `BATON_BIN`, or the one that the same build has made.
fn binary() -> &'static str {
    static BINARY: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    BINARY.get_or_init(|| {
        if let Ok(named) = std::env::var("BATON_BIN") {
            return named;
        }
        let test = std::env::current_exe().expect("the test's own path");
        let built = test.ancestors().nth(2).map(|folder| folder.join("baton")).unwrap_or_default();
        assert!(built.is_file(), "{} is missing: `cargo build -p baton` makes it", built.display());
        built.display().to_string()
    })
}

/// Where its API listens: the default, which is free in a network of one's own.
fn api(folder: &Path) -> SocketAddr {
    let noted = fs::read_to_string(folder.join("data/api.address")).ok();
    let noted = noted.and_then(|text| text.trim().parse().ok());
    noted.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)))
}
