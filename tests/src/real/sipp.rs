//! SIPp with one of the scenarios of `sip-fixtures/sipp/`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::network::{Network, skip};
use super::process::{Process, target};

/// A running SIPp: one call.
#[derive(Debug)]
pub struct Sipp {
    process: Process,
    messages: PathBuf,
    errors: PathBuf,
}

impl Sipp {
    /// Starts a scenario (a file name without `.xml`) at this local address, towards `remote`, with more options.
    pub fn start(
        network: &Network,
        scenario: &str,
        local: impl Into<SocketAddr>,
        remote: impl Into<SocketAddr>,
        options: &[&str],
    ) -> Sipp {
        Sipp::start_program(Path::new("sipp"), network, scenario, local, remote, options)
    }

    /// As [`Sipp::start`], with a SIPp of the test's choice, such as [`Sipp::with_tls`].
    pub fn start_program(
        program: &Path,
        network: &Network,
        scenario: &str,
        local: impl Into<SocketAddr>,
        remote: impl Into<SocketAddr>,
        options: &[&str],
    ) -> Sipp {
        let (local, remote) = (local.into(), remote.into());
        let folder = network.directory().folder(&format!("{scenario}-{}", local.port()));
        let (messages, errors) = (folder.join("messages"), folder.join("errors"));
        let mut command = Process::command(program);
        command
            .arg("-sf")
            .arg(Sipp::scenario(scenario))
            .args(["-i", &local.ip().to_string(), "-p", &local.port().to_string()])
            .args(["-m", "1", "-l", "1", "-nostdin", "-trace_msg", "-message_file"])
            .arg(&messages)
            .args(["-trace_err", "-error_file"])
            .arg(&errors)
            .args(options)
            .arg(remote.to_string());
        Sipp { process: Process::start("sipp", command, &folder), messages, errors }
    }

    /// The SIPp that has TLS: the installed one, or the one that `tests/install` has unpacked. `None`, with the reason
    /// printed, if there is none; where `CI` is set, that fails the test.
    pub fn with_tls() -> Option<PathBuf> {
        let unpacked = target().join("sipp-tls/sipp");
        let found = [PathBuf::from("sipp"), unpacked].into_iter().find(|program| has_tls(program));
        found.or_else(|| skip("no SIPp with TLS is here (tests/install)"))
    }

    /// The file of a scenario (a file name without `.xml`).
    pub fn scenario(name: &str) -> PathBuf {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../sip-fixtures/sipp/{name}.xml"));
        file.canonicalize().expect("a scenario of sip-fixtures/sipp")
    }

    /// Waits until the scenario has come to its end, as it should.
    #[track_caller]
    pub fn expect_success(&mut self, seconds: f64) {
        let status = self.process.expect_end(seconds);
        assert!(status.success(), "SIPp: {status}\n{}", self.errors());
    }

    /// Every SIP message so far, as SIPp logs them.
    pub fn messages(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.messages).unwrap_or_default()).into_owned()
    }

    /// Start lines of what it has received, in order.
    pub fn received(&self) -> Vec<String> {
        received(&self.messages()).iter().filter_map(|text| text.lines().next().map(str::to_owned)).collect()
    }

    /// Where the last session description that it received wants the sound.
    pub fn remote_media(&self) -> Option<SocketAddr> {
        received(&self.messages()).iter().rev().find_map(|text| media_address(text))
    }

    /// What it complains of.
    pub fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap_or_default()
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// SIPp tells after its version what it has: `SIPp v3.8.0-TLS-…`. Before 3.8 Debian's either has no TLS or cannot send with it.
fn has_tls(program: &Path) -> bool {
    let output = Command::new(program).arg("-v").output();
    let text = output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.contains("-TLS") && !(0..8).any(|minor| text.contains(&format!("v3.{minor}.")))
}

/// The messages received, out of SIPp's log: a line of dashes and the time, a line that tells the direction, an
/// empty line, the message.
fn received(log: &str) -> Vec<String> {
    log.split("----------------------------------------------- ")
        .filter(|entry| entry.contains("message received"))
        .filter_map(|entry| entry.split_once("\n\n").map(|(_, message)| message.to_owned()))
        .collect()
}

fn media_address(message: &str) -> Option<SocketAddr> {
    let address = message.lines().find_map(|line| line.strip_prefix("c=IN IP4 "))?;
    let port = message.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    let address: Ipv4Addr = address.trim().parse().ok()?;
    let port: u16 = port.split(' ').next()?.parse().ok()?;
    (port > 0 && !address.is_unspecified()).then(|| SocketAddr::from((address, port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "----------------------------------------------- 2026-11-23 02:21:02.065000\n\
        UDP message sent (20 bytes):\n\nINVITE sip:a@b SIP/2.0\n\n\
        ----------------------------------------------- 2026-11-23 02:21:02.065000\n\
        UDP message received [20] bytes :\n\nSIP/2.0 200 OK\nc=IN IP4 10.77.0.1\nm=audio 4000 RTP/AVP 0\n";

    #[test]
    fn reads_where_the_sound_goes_from_its_log() {
        let messages = received(LOG);
        assert_eq!(messages.len(), 1);
        assert_eq!(media_address(&messages[0]), Some("10.77.0.1:4000".parse().unwrap()));
    }
}
