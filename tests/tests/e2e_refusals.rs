//! What is refused, in one clear sentence: bad files and places at the start, strangers and unknown numbers on the wire.

use std::fs;
use std::net::{SocketAddrV4, UdpSocket};
use std::process::Command;
use std::time::Duration;

use baton_tests::real::{Directory, Network, Office, Process, SERVER, STRANGER, TRUNK, run, text};

/// The binary's refusal: a non-zero exit, and at most a few lines that name all of this.
#[track_caller]
fn expect_refusal(folder: &Directory, arguments: &[&str], names: &[&str]) {
    let output = run(folder.path(), arguments);
    let said = text(&output);
    assert!(matches!(output.status.code(), Some(1..=2)), "{arguments:?}: {}: {said}", output.status);
    for name in names {
        assert!(said.contains(name), "{arguments:?} does not name {name:?}: {said}");
    }
    assert!(said.lines().count() <= 6 && !said.contains("panicked"), "{said}");
}

#[test]
fn a_misspelt_key_is_named_with_its_place_and_the_nearest_valid_one() {
    let folder = Directory::new();
    fs::write(folder.path().join("baton.toml"), "[sip]\n\n[media]\nport = [20000, 20999]\n").expect("a file");
    for command in ["run", "check"] {
        expect_refusal(&folder, &[command, "--config", "baton.toml"], &["baton.toml:4", "port", "ports"]);
    }
    assert!(!folder.path().join("data").exists(), "something was started");
}

#[test]
fn a_directory_that_names_nothing_there_is_refused_with_its_place() {
    let folder = Directory::new();
    let text = "[[queues]]\nname = \"Support\"\n\n[[numbers]]\nnumber = \"1\"\nqueue = \"Suport\"\n";
    fs::write(folder.path().join("directory.toml"), text).expect("a file");
    expect_refusal(&folder, &["check", "directory.toml"], &["directory.toml:6", "Suport", "Support"]);
}

#[test]
fn a_missing_configuration_and_a_missing_directory_are_named() {
    let folder = Directory::new();
    expect_refusal(&folder, &["run", "--config", "nowhere.toml"], &["nowhere.toml"]);
    expect_refusal(&folder, &["run", "--data", "nowhere"], &["nowhere"]);
    expect_refusal(&folder, &["records", "--data", "nowhere"], &["nowhere"]);
}

#[test]
fn a_port_in_use_is_named() {
    let Some(network) = Network::enter(&[]) else { return };
    let folder = network.directory();
    let _taken = UdpSocket::bind("10.77.0.1:5060").expect("a free port");
    let node = "[[sip.listeners]]\ntransport = \"udp\"\naddress = \"10.77.0.1:5060\"\n";
    fs::write(folder.path().join("baton.toml"), node).expect("a file");
    expect_refusal(folder, &["run", "--config", "baton.toml"], &["10.77.0.1:5060", "use"]);
}

#[test]
fn a_store_that_cannot_be_written_is_named() {
    let Some(network) = Network::enter(&[]) else { return };
    let folder = network.directory();
    let data = folder.folder("data");
    fs::write(data.join("baton.db"), "").expect("a file");
    // Root without its right to write everywhere: what stands in the permissions counts.
    let changed = Command::new("chmod").args(["-R", "a-w"]).arg(&data).status().expect("chmod");
    assert!(changed.success());
    let binary = std::env::current_exe().expect("the test's own path");
    let binary = std::env::var("BATON_BIN").map_or_else(|_| binary.with_file_name("../baton"), Into::into);
    let mut command = Process::command("setpriv");
    command.args(["--bounding-set", "-dac_override", "--inh-caps", "-dac_override", "timeout", "20"]);
    let output = command.arg(binary).args(["run", "--data", "data"]).current_dir(folder.path()).output().expect("it");
    let said = text(&output);
    assert!(matches!(output.status.code(), Some(1..=2)), "{}: {said}", output.status);
    assert!(said.contains("data") && said.lines().count() <= 4 && !said.contains("panicked"), "{said}");
    let _ = Command::new("chmod").args(["-R", "u+w"]).arg(&data).status();
}

/// The start line of the final answer to an INVITE from this address, without SIPp's politeness.
fn answer_to_invite(from: std::net::Ipv4Addr, number: &str) -> Option<String> {
    let socket = UdpSocket::bind((from, 0)).expect("a free port");
    socket.set_read_timeout(Some(Duration::from_secs(3))).expect("a timeout above zero");
    let local = socket.local_addr().expect("a bound socket");
    let invite = format!(
        "INVITE sip:{number}@{SERVER} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK-{number}-{p};rport\r\n\
         From: <sip:somebody@{from}>;tag=a\r\nTo: <sip:{number}@{SERVER}>\r\nCall-ID: {number}-{p}@{from}\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:somebody@{local}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        p = local.port()
    );
    socket.send_to(invite.as_bytes(), SocketAddrV4::new(SERVER, 5060)).expect("a route");
    let mut buffer = [0; 4096];
    loop {
        let (length, _) = socket.recv_from(&mut buffer).ok()?;
        let message = String::from_utf8_lossy(buffer.get(..length)?).into_owned();
        let line = message.lines().next()?.to_owned();
        if !line.starts_with("SIP/2.0 1") {
            return Some(line);
        }
    }
}

#[test]
fn an_unknown_number_gets_404_and_a_stranger_407() {
    let Some(_office) = Office::open() else { return };
    let unknown = answer_to_invite(TRUNK, "7777");
    assert!(unknown.as_deref().is_some_and(|line| line.starts_with("SIP/2.0 404")), "{unknown:?}");
    let stranger = answer_to_invite(STRANGER, "4930900100");
    assert!(stranger.as_deref().is_some_and(|line| line.starts_with("SIP/2.0 407")), "{stranger:?}");
}
