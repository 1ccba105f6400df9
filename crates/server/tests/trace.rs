//! `baton trace` against a running server.
#![allow(clippy::unwrap_used, reason = "a helper of tests fails its test")]

mod support;

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::process::Stdio;
use std::time::Duration;

use support::{DIRECTORY, Folder, NODE, Server};

#[test]
fn messages_are_printed_as_they_come_and_go_without_their_secrets() {
    let folder = Folder::new("trace");
    let free = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let node = NODE.replacen("address = \"127.0.0.1:0\"", &format!("address = \"{free}\""), 1);
    folder.write("baton.toml", &node).write("directory.toml", DIRECTORY);
    let server = Server::start(&folder);
    let refused = folder.refused(&["trace", "--trunk", "nowhere", "--data", "data"]);
    assert_eq!(refused, "baton: There is no trunk nowhere.\n");

    let mut trace = support::command(&folder.0, &["trace", "--phone", "anna-desk", "--data", "data"]);
    let mut trace = trace.stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(trace.stdout.take().unwrap());
    let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
    let local = phone.local_addr().unwrap();
    // The trace may not listen yet when the first ones are sent.
    let sender = std::thread::spawn(move || {
        for number in 0..100 {
            let text = format!(
                "REGISTER sip:baton SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{number};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:anna-desk@baton>;tag=t\r\nTo: <sip:anna-desk@baton>\r\nCall-ID: c\r\n\
                 CSeq: {number} REGISTER\r\nAuthorization: Digest username=\"anna-desk\", realm=\"other\", \
                 nonce=\"n\", uri=\"sip:baton\", response=\"5ec2e7\"\r\nContent-Length: 0\r\n\r\n"
            );
            let _ = phone.send_to(text.as_bytes(), free);
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let mut text = String::new();
    for line in output.lines() {
        text.push_str(&line.unwrap());
        text.push('\n');
        if text.contains("SIP/2.0 401 ") {
            break;
        }
    }
    let _ = trace.kill();
    let _ = trace.wait();
    let first: Vec<&str> = text.lines().take(2).collect();
    let came = format!(" <- udp:{local} phone anna-desk");
    assert!(first[0].ends_with(&came) && first[1] == "REGISTER sip:baton SIP/2.0", "{text}");
    assert!(text.contains("response=(removed)") && !text.contains("5ec2e7"), "{text}");
    assert!(text.contains(&format!(" -> udp:{local} phone anna-desk\nSIP/2.0 401 ")), "{text}");
    assert_eq!(server.stop(), Some(0));
    drop(sender);
}
