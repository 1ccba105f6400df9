//! A network of a test's own.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::process::Process;
use super::wait::until;
use super::{Directory, SERVER, STRANGER, TRUNK};

/// Set in the run that has become root of its own user namespace.
const SECOND_RUN: &str = "BATON_E2E_SECOND_RUN";

/// The network namespace that the test's thread has entered. It holds the server and the trunks, and a bridge to the
/// hosts of the phones. Kernel and all it is gone when the last process in it is.
#[derive(Debug)]
pub struct Network {
    // Dropped in this order: what runs, then what it wrote.
    holder: Holder,
    directory: Directory,
}

/// A machine of its own beside the server's: a namespace with one interface, so that a phone finds an interface
/// that is not the loopback one (baresip skips that).
#[derive(Debug)]
pub struct Host {
    holder: Holder,
    /// Its address.
    pub address: Ipv4Addr,
}

/// A process that does nothing but keep a namespace.
#[derive(Debug)]
struct Holder(Child);

impl Network {
    /// Moves this thread, and all that it starts from now on, into a new network. `None`, with the reason printed, if
    /// that cannot be had or a program is missing; where `CI` is set, that fails the test.
    ///
    /// Without root, the test runs once more as root of a user namespace, and `None` says that this has passed.
    pub fn enter(programs: &[&str]) -> Option<Network> {
        let needed = ["ip", "setpriv", "unshare", "nsenter"];
        for program in needed.iter().chain(programs) {
            if !is_installed(program) {
                return skip(&format!("{program} is not installed (tests/install)"));
            }
        }
        if !rustix::process::geteuid().is_root() {
            return run_again_as_root_of_a_user_namespace();
        }
        let holder = match Holder::start() {
            Ok(holder) => holder,
            Err(reason) => return skip(&reason),
        };
        holder.enter();
        let network = Network { holder, directory: Directory::new() };
        network.lay_out();
        Some(network)
    }

    /// Whether a program is installed.
    pub fn has(program: &str) -> bool {
        is_installed(program)
    }

    /// The test's folder.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Adds the host 10.77.0.`last`, with a name of at most eight letters.
    pub fn host(&self, name: &str, last: u8) -> Host {
        let address = Ipv4Addr::new(10, 77, 0, last);
        let holder = Holder::start().expect("a namespace, as there was one before");
        let host = Host { holder, address };
        let pid = host.holder.pid().to_string();
        ip(&["link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", &pid]);
        ip(&["link", "set", name, "master", "bridge", "up"]);
        host.ip(&["link", "set", "lo", "up"]);
        host.ip(&["addr", "add", &format!("{address}/24"), "dev", "eth0"]);
        host.ip(&["link", "set", "eth0", "up"]);
        host.ip(&["route", "add", "default", "via", &SERVER.to_string()]);
        host
    }

    /// Gives the server's namespace an address more, which can be used at once.
    pub fn add_address(&self, address: impl Into<IpAddr>) {
        match address.into() {
            IpAddr::V4(address) => ip(&["addr", "add", &format!("{address}/24"), "dev", "bridge"]),
            // Nobody else is there who could have it.
            IpAddr::V6(address) => ip(&["addr", "add", &format!("{address}/64"), "dev", "bridge", "nodad"]),
        }
    }

    fn lay_out(&self) {
        assert!(self.holder.pid() > 0);
        ip(&["link", "set", "lo", "up"]);
        ip(&["link", "add", "bridge", "type", "bridge"]);
        [SERVER, TRUNK, STRANGER].into_iter().for_each(|address| self.add_address(address));
        ip(&["link", "set", "bridge", "up"]);
    }
}

impl Host {
    /// A command that runs on this host and dies with the thread that starts it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Process::command("nsenter");
        command.arg(format!("--net={}", self.holder.namespace())).arg(program);
        command
    }

    /// Pulls the cable (`false`) or plugs it in again.
    pub fn plug(&self, plugged: bool) {
        let state = if plugged { "up" } else { "down" };
        self.ip(&["link", "set", "eth0", state]);
    }

    fn ip(&self, arguments: &[&str]) {
        let mut command = self.command("ip");
        command.args(arguments);
        run(command);
    }
}

impl Holder {
    fn start() -> Result<Holder, String> {
        let mut command = Process::command("unshare");
        command.args(["--net", "sleep", "infinity"]).stdin(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| format!("unshare does not start: {error}"))?;
        let mut holder = Holder(child);
        let ours = fs::read_link("/proc/thread-self/ns/net").ok();
        let mut refused = false;
        until("a network namespace", 5.0, || {
            refused = matches!(holder.0.try_wait(), Ok(Some(_)));
            let theirs = fs::read_link(holder.namespace()).ok();
            refused || (theirs.is_some() && theirs != ours && holder.is_asleep())
        });
        if refused {
            return Err("the kernel gives no network namespace here".to_owned());
        }
        Ok(holder)
    }

    fn enter(&self) {
        let namespace = File::open(self.namespace()).expect("the holder's namespace");
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("a thread may enter a namespace that it has made");
    }

    fn namespace(&self) -> String {
        format!("/proc/{}/ns/net", self.pid())
    }

    /// Whether it has got as far as `sleep`.
    fn is_asleep(&self) -> bool {
        fs::read_to_string(format!("/proc/{}/comm", self.pid())).is_ok_and(|name| name.trim() == "sleep")
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ip(arguments: &[&str]) {
    let mut command = Command::new(installed("ip").expect("ip is installed"));
    command.args(arguments);
    run(command);
}

fn run(mut command: Command) {
    let output = command.output().expect("a command that starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
}

fn is_installed(program: &str) -> bool {
    installed(program).is_some()
}

/// Where a program is; administrators' folders are looked through too, as they are not on every user's path.
fn installed(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Says why a test does not run. That is an error where tests must run.
pub(super) fn skip<T>(reason: &str) -> Option<T> {
    let refused = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    assert!(!refused, "this test must run here, but: {reason}");
    eprintln!("SKIPPED: {reason}");
    None
}

fn run_again_as_root_of_a_user_namespace() -> Option<Network> {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("main");
    if name == "main" || std::env::var_os(SECOND_RUN).is_some() {
        return skip("it needs root, or user namespaces and a test thread of its own");
    }
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--"])
        .arg(std::env::current_exe().expect("the test's program"))
        .args([name, "--exact", "--nocapture"])
        .env(SECOND_RUN, "1")
        .status();
    match status {
        Ok(status) if status.success() => None,
        Ok(status) if status.code() == Some(101) => panic!("the test failed as root of a user namespace"),
        _ => skip("it needs root, and there are no user namespaces here"),
    }
}
