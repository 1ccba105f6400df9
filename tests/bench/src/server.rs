//! The server under test: its files, its process.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::gateway::Over;
use crate::system;

/// A running server with a store of its own; stopped when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: RefCell<Child>,
    pid: u32,
    directory: PathBuf,
    /// Where it takes SIP.
    pub(crate) sip: SocketAddr,
}

/// The node: everything on loopback, quiet.
const NODE: &str = include_str!("../baton.toml");

/// The business: two trunks, two prefixes, twenty rooms.
const BUSINESS: &str = include_str!("../directory.toml");

impl Server {
    /// Starts it with the business of the benchmark, and more of it: TOML.
    pub(crate) fn start(binary: &Path, more: &str) -> io::Result<Self> {
        let directory = std::env::temp_dir().join(format!("baton-bench-{}-{}", std::process::id(), system::now()));
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join("baton.toml"), NODE)?;
        std::fs::write(directory.join("directory.toml"), business() + more)?;
        let child = spawn(binary, &directory)?;
        let pid = child.id();
        let sip = SocketAddr::from(([127, 0, 0, 1], 5060));
        Ok(Self { child: RefCell::new(child), pid, directory, sip })
    }

    /// Starts it with TCP or TLS alone, the trunks too.
    pub(crate) fn start_over(binary: &Path, over: &Over) -> io::Result<Self> {
        let directory = std::env::temp_dir().join(format!("baton-bench-{}-{}", std::process::id(), system::now()));
        std::fs::create_dir_all(&directory)?;
        let (name, tls) = match over {
            Over::Tcp => ("tcp", None),
            Over::Tls(certificates) => ("tls", Some(certificates)),
        };
        let mut node = NODE.replace("transport = \"udp\"", &format!("transport = \"{name}\""));
        if let Some(certificates) = tls {
            let own = "address = \"127.0.0.1:5060\"\ncertificate = \"own.pem\"\nprivate_key = \"own.key\"";
            node = node.replacen("address = \"127.0.0.1:5060\"", own, 1);
            node = format!("[sip]\ntrusted_ca = \"ca.pem\"\n\n{node}");
            let (certificate, key) = &certificates.server;
            for (file, text) in [("ca.pem", &certificates.authority), ("own.pem", certificate), ("own.key", key)] {
                std::fs::write(directory.join(file), text)?;
            }
        }
        let trunks = business().replace("networks = [", &format!("transport = \"{name}\"\nnetworks = ["));
        std::fs::write(directory.join("baton.toml"), node)?;
        std::fs::write(directory.join("directory.toml"), trunks)?;
        let child = spawn(binary, &directory)?;
        let pid = child.id();
        let sip = SocketAddr::from(([127, 0, 0, 1], 5060));
        Ok(Self { child: RefCell::new(child), pid, directory, sip })
    }

    /// Kills it and starts it once more on what it has stored.
    pub(crate) fn start_again(&mut self, binary: &Path) -> io::Result<()> {
        let child = self.child.get_mut();
        child.kill()?;
        child.wait()?;
        *child = spawn(binary, &self.directory)?;
        self.pid = child.id();
        Ok(())
    }

    /// CPU nanoseconds so far.
    pub(crate) fn cpu(&self) -> io::Result<u64> {
        system::cpu_time(self.pid)
    }

    /// PSS in KB.
    pub(crate) fn memory_kb(&self) -> io::Result<u64> {
        system::memory_kb(self.pid)
    }

    /// How many entries `/proc/PID/WHAT` has: `fd`, open file handles; `task`, threads.
    pub(crate) fn count_of(&self, what: &str) -> io::Result<u64> {
        Ok(std::fs::read_dir(format!("/proc/{}/{what}", self.pid))?.count() as u64)
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.child.borrow_mut().try_wait(), Ok(None))
    }

    /// The end of its log.
    pub(crate) fn log(&self) -> String {
        let text = std::fs::read(self.directory.join("log")).unwrap_or_default();
        let tail = text.get(text.len().saturating_sub(2000)..).unwrap_or_default();
        String::from_utf8_lossy(tail).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut child = self.child.borrow_mut();
        // Nothing is left to be told to a server whose part is over.
        let _ = child.kill();
        let _ = child.wait();
        if std::env::var_os("BENCH_KEEP").is_none() {
            let _ = std::fs::remove_dir_all(&self.directory);
        }
    }
}

fn spawn(binary: &Path, directory: &Path) -> io::Result<Child> {
    let log = std::fs::File::create(directory.join("log"))?;
    Command::new(binary)
        .args(["run", "--config", "baton.toml"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
}

fn business() -> String {
    let mut text = BUSINESS.to_owned();
    for room in 0..20 {
        text.push_str(&format!(
            "\n[[conferences]]\nname = \"room{room:02}\"\n\n[[numbers]]\nnumber = \"70{room:02}\"\nconference = \"room{room:02}\"\n"
        ));
    }
    text
}
