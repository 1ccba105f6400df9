//! A browser: JsSIP in Node, over WebSocket.

use std::path::PathBuf;

use super::network::{Host, Network, skip};
use super::process::{Process, target};
use super::wait::until;
use super::{Account, SERVER};

/// The port of the server's WebSocket listener.
pub(super) const WEB_SOCKET_PORT: u16 = 8088;

/// What it does; it finds JsSIP by `NODE_PATH`.
const SCRIPT: &str = include_str!("browser.js");

/// A browser that registers; killed on drop, as a closed tab is.
#[derive(Debug)]
pub struct Browser(Process);

impl Browser {
    /// Opens one on a host. `None`, with the reason printed, where Node or JsSIP is missing; where `CI` is set, that fails
    /// the test.
    pub fn open(network: &Network, host: &Host, account: &Account) -> Option<Browser> {
        let modules = modules();
        if !Network::has("node") || !modules.join("jssip").is_dir() {
            return skip(&format!("Node or JsSIP in {} is missing (tests/install)", modules.display()));
        }
        let folder = network.directory().folder("browser");
        std::fs::write(folder.join("browser.js"), SCRIPT).expect("a file");
        let mut command = host.command("node");
        let url = format!("ws://{SERVER}:{WEB_SOCKET_PORT}");
        command.args(["browser.js", &url, &account.user, &account.password]).env("NODE_PATH", modules);
        Some(Browser(Process::start("browser", command, &folder)))
    }

    /// Waits for a line that it has printed.
    #[track_caller]
    pub fn expect(&self, line: &str) {
        until(&format!("the browser to print {line}"), 15.0, || self.0.log().contains(line));
    }

    /// Unregisters and closes the connection.
    pub fn leave(&mut self) {
        self.0.say("leave");
    }

    /// Closes the tab without a word.
    pub fn close(&mut self) {
        self.0.kill();
    }
}

/// Where `tests/install` puts what npm brings.
fn modules() -> PathBuf {
    target().join("npm/node_modules")
}
