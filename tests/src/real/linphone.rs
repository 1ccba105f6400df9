//! linphonec as a phone, driven over its standard input.
//!
//! What works with 5.1 of Debian 12: `soundcard use files`, then `play` for its tone and `record` for what it hears,
//! which it writes while it comes in (256 ms at a time) and starts anew with each call. Its TCP and TLS ports are 0
//! (off); with -1 it has no listening point at all. The folder of its database must exist.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ear::{Ear, Mark, Recordings};
use super::network::{Host, Network};
use super::process::Process;
use super::tone::{Sound, write_wav};
use super::wait::until;
use super::{Account, WhenRung};

/// Longer than any test.
const TONE_SECONDS: u32 = 180;

/// A running linphonec.
#[derive(Debug)]
pub struct Linphone {
    process: Process,
    ear: Recordings,
}

impl Linphone {
    /// Starts it on this host, sending this tone in every call.
    pub fn start(network: &Network, host: &Host, account: &Account, tone_hz: u32, rung: WhenRung) -> Linphone {
        let folder = network.directory().folder(&account.user);
        fs::create_dir_all(folder.join(".local/share/linphone")).expect("a folder");
        write_wav(&folder.join("tone.wav"), tone_hz, TONE_SECONDS).expect("a wav file");
        fs::write(folder.join("linphonerc"), config(host, account)).expect("a file");

        let mut command = host.command("linphonec");
        command.arg("-c").arg(folder.join("linphonerc")).arg("-l").arg(folder.join("sip.log"));
        command.args(["-d", "6"]).env("HOME", &folder).env("XDG_DATA_HOME", folder.join(".local/share"));
        if rung == WhenRung::Answer {
            command.arg("-a");
        }
        let mut process = Process::start("linphonec", command, &folder);
        process.say("soundcard use files");
        process.say(&format!("play {}", folder.join("tone.wav").display()));
        process.say(&format!("record {}", folder.join("heard.wav").display()));
        let linphone = Linphone { process, ear: Recordings { files: heard_files, folder } };
        linphone.expect_said("Using wav files instead of soundcard", 1);
        linphone
    }

    /// Waits until it has registered.
    #[track_caller]
    pub fn expect_registered(&self) {
        until("linphonec's registration", 12.0, || self.sip_log().contains("to [LinphoneRegistrationOk]"));
    }

    /// Calls.
    pub fn dial(&mut self, uri: &str) {
        self.process.say(&format!("call {uri}"));
    }

    /// Answers what rings.
    pub fn answer(&mut self) {
        self.process.say("answer");
    }

    /// Ends a call, by linphonec's number (1 for the first), or the only one.
    pub fn hang_up(&mut self, call: Option<u32>) {
        let call = call.map_or(String::new(), |call| format!(" {call}"));
        self.process.say(&format!("terminate{call}"));
    }

    /// Its hold key: re-INVITE with `sendonly` (it goes on sending).
    pub fn hold(&mut self) {
        self.process.say("pause");
    }

    /// Its hold key again.
    pub fn resume(&mut self, call: u32) {
        self.process.say(&format!("resume {call}"));
    }

    /// Its transfer key for the current call: REFER without Replaces.
    pub fn transfer(&mut self, uri: &str) {
        self.process.say(&format!("transfer {uri}"));
    }

    /// Its transfer key for two calls: REFER with Replaces.
    pub fn transfer_to_call(&mut self, call: u32, target: u32) {
        self.process.say(&format!("transfer {call} --to-call {target}"));
    }

    /// Its conference key: it takes these calls together, resumes those on hold, and mixes them.
    pub fn confer(&mut self, calls: &[u32]) {
        for call in calls {
            self.process.say(&format!("conference add {call}"));
        }
    }

    /// Presses keys in a call, one after the other.
    pub fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.process.say(&key.to_string());
            std::thread::sleep(Duration::from_millis(400));
        }
    }

    /// Waits until it has said this so many times, such as `connected.`.
    #[track_caller]
    pub fn expect_said(&self, words: &str, count: usize) {
        until(&format!("linphonec's {words:?}, number {count}"), 12.0, || {
            self.process.log().matches(words).count() >= count
        });
    }

    /// What it has said.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Every SIP message, among much else.
    pub fn sip_log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.ear.folder.join("sip.log")).unwrap_or_default()).into_owned()
    }

    /// Its process, to end it as a crash would.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

impl Ear for Linphone {
    fn mark(&self) -> Mark {
        self.ear.mark()
    }

    fn since(&self, mark: &Mark) -> Sound {
        self.ear.since(mark)
    }
}

fn config(host: &Host, account: &Account) -> String {
    let Account { user, password, .. } = account;
    let address = host.address;
    let registration = match account.registrar {
        None => String::new(),
        Some(at) => format!(
            "[proxy_0]
reg_proxy=<sip:{at}>
reg_identity=<sip:{user}@{at}>
reg_expires=300
reg_sendregister=1
publish=0
[auth_info_0]
username={user}
passwd={password}
"
        ),
    };
    let default = if account.registrar.is_some() { 0 } else { -1 };
    format!(
        "[sip]
use_ipv6=0
sip_port=5060
sip_tcp_port=0
sip_tls_port=0
guess_hostname=1
default_proxy={default}
contact=\"{user}\" <sip:{user}@{address}>
keepalive_period=300000
[net]
mtu=0
[rtp]
audio_rtp_port=7078
[sound]
echocancellation=0
local_ring=
remote_ring=
[video]
enabled=0
capture=0
display=0
automatically_initiate=0
[audio_codec_0]
mime=PCMU
rate=8000
channels=1
enabled=1
[audio_codec_1]
mime=PCMA
rate=8000
channels=1
enabled=1
{registration}"
    )
}

fn heard_files(folder: &Path) -> Vec<PathBuf> {
    let file = folder.join("heard.wav");
    if file.exists() { vec![file] } else { Vec::new() }
}
