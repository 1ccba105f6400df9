//! baresip as a phone, driven over its control socket (module `ctrl_tcp`: JSON in netstrings).
//!
//! What works with 1.0 of Debian 12: its tone is a wav file (`aufile`), which it plays once and wholly loads, so it is
//! long; the module `sndfile` writes what it hears, call by call, while it comes in; no player is configured.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use super::ear::{Ear, Mark, Recordings};
use super::network::{Host, Network};
use super::process::Process;
use super::tone::{Sound, write_wav};
use super::wait::{until, until_some};
use super::{Account, WhenRung};

const CONTROL_PORT: u16 = 4444;

/// Longer than any test.
const TONE_SECONDS: u32 = 180;

/// A running baresip.
#[derive(Debug)]
pub struct Baresip {
    process: Process,
    control: TcpStream,
    messages: Arc<Mutex<Vec<Value>>>,
    ear: Recordings,
    commands: u32,
}

impl Baresip {
    /// Starts it on this host, sending this tone in every call.
    pub fn start(network: &Network, host: &Host, account: &Account, tone_hz: u32, rung: WhenRung) -> Baresip {
        Baresip::start_watching(network, host, account, tone_hz, rung, &[])
    }

    /// As [`Baresip::start`], watching the presence of those whose URIs are in its address book.
    pub fn start_watching(
        network: &Network,
        host: &Host,
        account: &Account,
        tone_hz: u32,
        rung: WhenRung,
        watched: &[String],
    ) -> Baresip {
        let folder = network.directory().folder(&account.user);
        let tone = folder.join("tone.wav");
        write_wav(&tone, tone_hz, TONE_SECONDS).expect("a wav file");
        let presence = if watched.is_empty() { "" } else { "module_app contact.so\nmodule_app presence.so\n" };
        fs::write(folder.join("config"), config(host, &folder) + presence).expect("a file");
        fs::write(folder.join("accounts"), account_line(host, account, rung)).expect("a file");
        let contacts: String = watched.iter().map(|uri| format!("\"{uri}\" <{uri}>;presence=p2p\n")).collect();
        fs::write(folder.join("contacts"), contacts).expect("a file");

        let mut command = host.command("baresip");
        command.arg("-s").arg("-f").arg(&folder);
        let process = Process::start("baresip", command, &folder);
        let control = SocketAddr::from((host.address, CONTROL_PORT));
        let control = until_some("baresip's control socket", 10.0, || {
            TcpStream::connect_timeout(&control, Duration::from_secs(1)).ok()
        });
        let messages = Arc::new(Mutex::new(Vec::new()));
        let reader = control.try_clone().expect("a second handle of a socket");
        let kept = Arc::clone(&messages);
        std::thread::spawn(move || read_messages(reader, &kept));
        Baresip { process, control, messages, ear: Recordings { files: heard_files, folder }, commands: 0 }
    }

    /// Waits until it has registered.
    #[track_caller]
    pub fn expect_registered(&self) {
        // The event may come before the control socket is connected; the log has every message.
        until("baresip's registration", 10.0, || {
            let log = self.process.log();
            let mut messages = log.split("\n#\n");
            messages.any(|message| message.contains("SIP/2.0 200") && message.contains(" REGISTER"))
        });
    }

    /// Calls.
    #[track_caller]
    pub fn dial(&mut self, uri: &str) {
        self.command("dial", uri);
    }

    /// Answers what rings.
    #[track_caller]
    pub fn answer(&mut self) {
        self.command("accept", "");
    }

    /// Ends the current call, or refuses what rings.
    #[track_caller]
    pub fn hang_up(&mut self) {
        self.command("hangup", "");
    }

    /// Its hold key: re-INVITE with `sendonly`.
    #[track_caller]
    pub fn hold(&mut self) {
        self.command("hold", "");
    }

    /// Its hold key again.
    #[track_caller]
    pub fn resume(&mut self) {
        self.command("resume", "");
    }

    /// Its transfer key: hold, then REFER without Replaces. (1.0 has no attended transfer.)
    #[track_caller]
    pub fn transfer(&mut self, uri: &str) {
        self.command("transfer", uri);
    }

    /// Waits until its address book shows somebody so: `Online`, `Busy` or `Offline`.
    #[track_caller]
    pub fn expect_presence(&mut self, uri: &str, shown: &str) {
        let mut book = String::new();
        until(&format!("baresip to show {uri} as {shown}"), 15.0, || {
            book = self.command("contacts", "")["data"].as_str().unwrap_or_default().to_owned();
            book.lines().any(|line| line.contains(uri) && line.contains(shown))
        });
    }

    /// Presses keys in a call, one after the other, as telephone events.
    #[track_caller]
    pub fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            self.command("sndcode", &key.to_string());
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// How many events of this type have come, such as `CALL_INCOMING`, `CALL_ESTABLISHED`, `CALL_CLOSED`.
    pub fn count(&self, event: &str) -> usize {
        self.with_messages(|messages| messages.iter().filter(|message| message["type"] == event).count())
    }

    /// Waits for the `count`th event of this type and gives it.
    #[track_caller]
    pub fn expect_event(&self, event: &str, count: usize) -> Value {
        until_some(&format!("baresip's {event}, number {count}"), 10.0, || {
            self.with_messages(|messages| {
                messages.iter().filter(|message| message["type"] == event).nth(count - 1).cloned()
            })
        })
    }

    /// Its log, with every SIP message.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Its process, to end it as a crash would.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Gives a command and waits for its response.
    #[track_caller]
    pub fn command(&mut self, command: &str, parameters: &str) -> Value {
        self.commands += 1;
        let token = self.commands.to_string();
        let text = json!({"command": command, "params": parameters, "token": token}).to_string();
        write!(self.control, "{}:{text},", text.len()).expect("baresip listens");
        until_some(&format!("baresip's response to {command}"), 5.0, || {
            self.with_messages(|messages| messages.iter().find(|message| message["token"] == token.as_str()).cloned())
        })
    }

    fn with_messages<T>(&self, look: impl FnOnce(&[Value]) -> T) -> T {
        look(&self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Ear for Baresip {
    fn mark(&self) -> Mark {
        self.ear.mark()
    }

    fn since(&self, mark: &Mark) -> Sound {
        self.ear.since(mark)
    }
}

fn config(host: &Host, folder: &Path) -> String {
    let (address, folder) = (host.address, folder.display());
    format!(
        "sip_listen {address}:5060
audio_source aufile,{folder}/tone.wav
audio_alert none,
audio_channels 1-1
audio_srate 8000-8000
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports 20000-20100
jitter_buffer_type off
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module sndfile.so
module_tmp account.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {address}:{CONTROL_PORT}
snd_path {folder}
"
    )
}

fn account_line(host: &Host, account: &Account, rung: WhenRung) -> String {
    let mode = match rung {
        WhenRung::Ring => "manual",
        WhenRung::Answer => "auto",
    };
    let Account { user, password, .. } = account;
    let (at, registration) = match account.registrar {
        Some(at) => (at.to_string(), format!("regint=300;auth_user={user};auth_pass={password}")),
        None => (host.address.to_string(), "regint=0".to_owned()),
    };
    format!("<sip:{user}@{at}>;{registration};answermode={mode};audio_codecs=PCMU,PCMA;medianat=;ptime=20\n")
}

/// `dump-<date>-dec.wav`, one for each call.
fn heard_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.to_string_lossy().ends_with("-dec.wav")).collect()
}

/// Keeps every message until the socket closes. A netstring is `<length>:<bytes>,`.
fn read_messages(mut control: TcpStream, messages: &Mutex<Vec<Value>>) {
    let mut waiting = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length) = control.read(&mut buffer) {
        if length == 0 {
            return;
        }
        waiting.extend(buffer.iter().take(length));
        while let Some(message) = next_message(&mut waiting) {
            messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        }
    }
}

fn next_message(waiting: &mut Vec<u8>) -> Option<Value> {
    let colon = waiting.iter().position(|&byte| byte == b':')?;
    let length: usize = std::str::from_utf8(waiting.get(..colon)?).ok()?.parse().ok()?;
    let message = waiting.get(colon + 1..colon + 1 + length)?;
    let message = serde_json::from_slice(message).unwrap_or(Value::Null);
    waiting.drain(..(colon + length + 2).min(waiting.len()));
    Some(message)
}
