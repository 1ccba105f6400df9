//! Changes to an input that bytes alone would seldom find: lines taken away, repeated and exchanged, words and numbers of the
//! protocols put in.

use crate::dice::Dice;

/// Words that make a difference to the readers.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1",
    "255",
    "256",
    "65535",
    "65536",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "SIP/2.0",
    "sip:",
    "sips:",
    "tel:",
    ";tag=",
    ";lr",
    "<",
    ">",
    "\"",
    "\\",
    "%00",
    "%",
    "@",
    "[::1]",
    "[",
    "]",
    ":",
    ";",
    ",",
    "=",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r\n ",
    "\t",
    "\0",
    "\u{fffd}",
    "é",
    "*",
    "z9hG4bK",
    ";rport",
    ";received=",
    ";maddr=",
    ";alias",
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "REFER",
    "NOTIFY",
    "PRACK",
    "UPDATE",
    "OPTIONS",
    "INFO",
    "SUBSCRIBE",
    "Via: ",
    "Contact: ",
    "Content-Length: ",
    "CSeq: ",
    "Require: ",
    "Supported: 100rel, timer, replaces",
    "Replaces: ",
    "Refer-To: ",
    "RSeq: ",
    "RAck: ",
    "Session-Expires: ",
    "Min-SE: ",
    "Route: ",
    "Record-Route: ",
    "Expires: ",
    "Event: refer",
    "multipart/mixed;boundary=b",
    "--b",
    "--b--",
    "application/sdp",
    "message/sipfrag",
    ";handling=optional",
    "Digest ",
    "realm=",
    "nonce=",
    "qop=\"auth,auth-int\"",
    "algorithm=SHA-256",
    "algorithm=MD5-sess",
    "stale=true",
    "nc=00000001",
    "m=audio 4000 RTP/AVP 0 8 101",
    "a=rtpmap:101 telephone-event/8000",
    "a=sendonly",
    "a=inactive",
    "a=recvonly",
    "c=IN IP4 0.0.0.0",
    "c=IN IP6 ::1",
    "a=ptime:20",
    "a=rtcp-mux",
    "a=rtcp:5",
    "m=video 0 RTP/AVP 31",
    "a=fmtp:101 0-15",
    "a=crypto:1 ",
    "a=group:BUNDLE 0",
    "s=-",
    "t=0 0",
    "o=- 1 1 IN IP4 192.0.2.1",
];

/// A changed input: one to four changes, `others` being what may be spliced in.
pub fn mutate(input: &[u8], others: &[&[u8]], text: bool, seed: u64) -> Vec<u8> {
    let mut dice = Dice::new(seed);
    let mut bytes = input.to_vec();
    for _ in 0..=dice.roll(4) {
        if text && dice.roll(2) == 0 {
            change_lines(&mut bytes, others, &mut dice);
        } else {
            change_bytes(&mut bytes, others, &mut dice);
        }
    }
    bytes
}

fn change_lines(bytes: &mut Vec<u8>, others: &[&[u8]], dice: &mut Dice) {
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let at = dice.roll(lines.len());
    let to = dice.roll(lines.len() + 1);
    match dice.roll(6) {
        0 if !lines.is_empty() => {
            lines.remove(at);
        }
        1 if !lines.is_empty() => {
            let line = lines[at].clone();
            lines.insert(to, line);
        }
        2 if to < lines.len() => lines.swap(at, to),
        3 => {
            let other = dice.pick(others).copied().unwrap_or_default();
            let theirs: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
            if let Some(line) = dice.pick(&theirs) {
                lines.insert(to, line.to_vec());
            }
        }
        4 if !lines.is_empty() => {
            // A value becomes another line's.
            let value =
                |line: &[u8]| line.iter().position(|byte| matches!(byte, b':' | b'=')).map_or(0, |colon| colon + 1);
            let from = dice.roll(lines.len());
            let taken = lines[from][value(&lines[from])..].to_vec();
            let keep = value(&lines[at]);
            lines[at].truncate(keep);
            lines[at].extend(taken);
        }
        _ => lines.insert(to, [dice.pick(WORDS).unwrap_or(&"").as_bytes(), b"\r\n"].concat()),
    }
    *bytes = lines.concat();
}

fn change_bytes(bytes: &mut Vec<u8>, others: &[&[u8]], dice: &mut Dice) {
    let at = dice.roll(bytes.len() + 1);
    let end = (at + 1 + dice.roll(16)).min(bytes.len());
    match dice.roll(8) {
        0 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
        1 if at < bytes.len() => bytes[at] = dice.roll(256) as u8,
        2 => {
            bytes.drain(at.min(end)..end);
        }
        3 => {
            let block = bytes[at.min(end)..end].to_vec();
            let to = dice.roll(bytes.len() + 1);
            bytes.splice(to..to, block);
        }
        4 => {
            // A number becomes another one.
            let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let from = (at..bytes.len()).find(|from| digits(*from) > 0).unwrap_or(bytes.len());
            let length = digits(from);
            let number = WORDS[dice.roll(11)].bytes();
            bytes.splice(from..from + length, number);
        }
        5 => {
            let other = dice.pick(others).copied().unwrap_or_default();
            let from = dice.roll(other.len() + 1);
            let to = (from + dice.roll(64)).min(other.len());
            bytes.splice(at..at, other[from..to].iter().copied());
        }
        6 => {
            bytes.splice(at..end.max(at), (0..dice.roll(9)).map(|_| dice.roll(256) as u8).collect::<Vec<_>>());
        }
        _ => {
            bytes.splice(at..at, dice.pick(WORDS).unwrap_or(&"").bytes());
        }
    }
}
