//! A program that a test has started.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::until_some;

/// A running program with its output in a file. Killed by pid on drop.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    stdin: Option<ChildStdin>,
}

impl Process {
    /// Starts a program in `folder`, with standard output and error in `<name>.log` there.
    pub fn start(name: &str, mut command: Command, folder: &Path) -> Process {
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log).expect("a log file");
        let mut child = command
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().expect("a second handle of a log file"))
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} ({command:?}) does not start: {error}"));
        let stdin = child.stdin.take();
        Process { name: name.to_owned(), child, log, stdin }
    }

    /// A command that dies with the thread that starts it, whatever happens to the test.
    pub fn command(program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its standard input.
    pub fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        writeln!(stdin, "{line}")
            .and_then(|()| stdin.flush())
            .unwrap_or_else(|error| panic!("{} does not listen: {error}", self.name));
    }

    /// Asks it to end (SIGTERM) without waiting.
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it without asking, as a crash would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end, at most `seconds`.
    #[track_caller]
    pub fn expect_end(&mut self, seconds: f64) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        until_some(&what, seconds, || self.ended())
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let start = log.char_indices().rev().nth(1500).map_or(0, |(at, _)| at);
            eprintln!("--- end of {}'s log ---\n{}", self.name, &log[start..]);
        }
    }
}

/// Where `tests/install` puts what is not installed for the whole machine: beside what is built.
pub(super) fn target() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from)
}
