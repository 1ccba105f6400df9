//! A carrier that is known by its domain name alone: NAPTR, SRV and A through a running server, and the second server of the
//! name when the first one says nothing (RFC 3263 §4).

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton_tests::real::{Network, SERVER, Server, Sipp, TRUNK, until};

const A: u16 = 1;
const SRV: u16 = 33;
const NAPTR: u16 = 35;

/// Where the DNS is.
fn dns_address() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(SERVER), 5353)
}

fn node() -> String {
    format!(
        "[sip]\nt1_ms = 50\nt2_ms = 400\n\n[[sip.listeners]]\ntransport = \"udp\"\naddress = \"{SERVER}:5060\"\n\n\
         [dns]\nservers = [\"{}\"]\n\n[media]\naddress = \"{SERVER}\"\nports = [20000, 20999]\n",
        dns_address()
    )
}

fn directory() -> String {
    format!(
        "[[users]]\nusername = \"admin\"\npassword = \"admin-secret\"\nadmin = true\n\n\
         [[trunks]]\nname = \"carrier\"\naddress = \"carrier.test\"\ntransport = \"auto\"\nnetworks = [\"{TRUNK}\"]\n\
         tandem = true\n\n[[routes]]\nprefix = \"49\"\ntrunk = \"carrier\"\n"
    )
}

#[test]
fn the_second_server_of_a_domain_takes_the_call_that_the_first_one_lets_lie() {
    let Some(network) = Network::enter(&["sipp"]) else { return };
    let asked = serve_dns();
    let server = Server::start_with(&network, &node(), &directory());
    let trunk = |port| SocketAddr::new(IpAddr::V4(TRUNK), port);
    let sip = SocketAddr::new(IpAddr::V4(SERVER), 5060);
    let time = ["-t", "u1", "-timeout", "20", "-timeout_error"];
    let with = |more: &[&'static str]| [&time[..], more].concat();
    let mut silent = Sipp::start(&network, "callee_is_silent", trunk(5070), sip, &with(&["-d", "1000"]));
    let mut talks = Sipp::start(&network, "callee_talks", trunk(5071), sip, &with(&["-d", "300"]));
    until("SIPp to listen", 10.0, || {
        let sockets = std::fs::read_to_string("/proc/thread-self/net/udp").unwrap_or_default();
        [5070, 5071].iter().all(|port| sockets.contains(&format!(":{port:04X} ")))
    });
    let options = with(&["-s", "4912345", "-d", "500", "-key", "caller", "4930123456"]);
    let mut caller = Sipp::start(&network, "caller_talks", trunk(5300), sip, &options);
    for sipp in [&mut silent, &mut talks, &mut caller] {
        sipp.expect_success(25.0);
    }
    let asked = asked.lock().expect("no panic while it is held").clone();
    for question in
        [("carrier.test", NAPTR), ("_sip._udp.carrier.test", SRV), ("a.carrier.test", A), ("b.carrier.test", A)]
    {
        let told = (question.0.to_owned(), question.1);
        assert!(asked.contains(&told), "{question:?} of {asked:?}");
    }
    drop(server);
}

/// Answers what the test's domain has, and that the rest has nothing. What was asked is remembered.
fn serve_dns() -> Arc<Mutex<Vec<(String, u16)>>> {
    let socket = UdpSocket::bind(dns_address()).expect("the DNS's address");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let asked: Arc<Mutex<Vec<(String, u16)>>> = Arc::default();
    let remembered = Arc::clone(&asked);
    // It ends with the test's process, or when nobody asks any more.
    std::thread::spawn(move || {
        let mut buffer = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let Some((name, kind, end)) = question(&buffer[..length]) else { continue };
            let answer = answer(&buffer[..end], &records(&name, kind));
            if let Ok(mut remembered) = remembered.lock() {
                remembered.push((name, kind));
            }
            let _ = socket.send_to(&answer, from);
        }
    });
    asked
}

/// The data of the records of a name (RFC 2915, RFC 2782, RFC 1035).
fn records(name: &str, kind: u16) -> Vec<(u16, Vec<u8>)> {
    let service = |priority: u16, port: u16, host: &str| {
        let numbers = [priority, 0, port].map(u16::to_be_bytes).concat();
        (SRV, [numbers, labels(host)].concat())
    };
    match (name, kind) {
        ("carrier.test", NAPTR) => {
            let numbers = [10_u16, 10].map(u16::to_be_bytes).concat();
            let texts = ["S", "SIP+D2U", ""].map(|text| [&[text.len() as u8], text.as_bytes()].concat()).concat();
            vec![(NAPTR, [numbers, texts, labels("_sip._udp.carrier.test")].concat())]
        }
        ("_sip._udp.carrier.test", SRV) => {
            vec![service(10, 5070, "a.carrier.test"), service(20, 5071, "b.carrier.test")]
        }
        ("a.carrier.test" | "b.carrier.test", A) => vec![(A, TRUNK.octets().to_vec())],
        _ => Vec::new(),
    }
}

/// The name that is asked for, the type, and where the question ends.
fn question(message: &[u8]) -> Option<(String, u16, usize)> {
    let (mut at, mut names) = (12, Vec::new());
    loop {
        let length = usize::from(*message.get(at)?);
        if length == 0 {
            break;
        }
        names.push(String::from_utf8_lossy(message.get(at + 1..at + 1 + length)?).to_ascii_lowercase());
        at += 1 + length;
    }
    let kind = u16::from_be_bytes([*message.get(at + 1)?, *message.get(at + 2)?]);
    Some((names.join("."), kind, at + 5))
}

/// RFC 1035 §4.1: the header and the question again, and the records, all of the name that was asked for.
fn answer(question: &[u8], records: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut message = question[..2].to_vec();
    message.extend([0x85, 0x80, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]);
    message.extend(&question[12..]);
    for (kind, data) in records {
        message.extend([0xc0, 12]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend((data.len() as u16).to_be_bytes());
        message.extend(data);
    }
    message
}

fn labels(name: &str) -> Vec<u8> {
    let mut labels: Vec<u8> =
        name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    labels.push(0);
    labels
}
