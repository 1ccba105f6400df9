//! A folder and a server of one test.
#![allow(dead_code, reason = "each test file uses its part of it")]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A folder of one test, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("baton-cli-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("data")).unwrap();
        Folder(path)
    }

    pub fn write(&self, name: &str, text: &str) -> &Folder {
        fs::write(self.0.join(name), text).unwrap();
        self
    }

    /// Runs a command in the folder, to its end.
    pub fn baton(&self, arguments: &[&str]) -> Output {
        command(&self.0, arguments).output().unwrap()
    }

    /// What a command that has to fail says.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.baton(arguments);
        assert!(!output.status.success(), "{arguments:?} succeeded");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// What a command that has to succeed prints.
    pub fn printed(&self, arguments: &[&str]) -> String {
        let output = self.baton(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command.args(arguments).current_dir(folder).env_remove("BATON_LOG").stdin(Stdio::null());
    command
}

/// A running server; killed at the end of its test.
pub struct Server(Child);

impl Server {
    /// Starts one on ports that are free, and waits until its API answers.
    pub fn start(folder: &Folder) -> Server {
        let mut child = command(&folder.0, &["run", "--config", "baton.toml", "--data", "data"]);
        let child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Server(child);
        for _ in 0..600 {
            if folder.baton(&["calls", "--data", "data"]).status.success() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the server does not answer");
    }

    /// SIGTERM, and its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A node on loopback and on ports that the system chooses.
pub const NODE: &str = "[[sip.listeners]]\ntransport = \"udp\"\naddress = \"127.0.0.1:0\"\n\n[media]\naddress = \"127.0.0.1\"\n\
                    shards = 1\nports = [1024, 1027]\n\n[api]\nlisten = \"127.0.0.1:0\"\n";

pub const DIRECTORY: &str = "[[queues]]\nname = \"support\"\n\n[[numbers]]\nnumber = \"100\"\nqueue = \"support\"\n\n\
                         [[users]]\nusername = \"anna\"\npassword = \"secret\"\nphones = [{ username = \"anna-desk\", password = \"x\" }]\n";
