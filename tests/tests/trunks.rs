//! What common exchanges and carriers send, message by message, and what is made of it: each sample of
//! `sip-fixtures/trunks/` comes from the address that the `directory.toml` beside it gives to the trunk, in the call
//! that it belongs to, and is answered. No socket is open, and time is a number.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use baton_contact::check::validate;
use baton_contact::directory::{Directory, ReferPolicy, TrunkTransport, parse_network};
use baton_sdp::{Capabilities, Codec, LocalMedia, Negotiated, Negotiation};
use baton_sip::wire::{HeaderName, Message};
use baton_sip::{
    Access, Command, Config, ConnectionHandle, Destination, Endpoint, Event, Flow, Input, Listener, ListenerId, Origin,
    OutgoingInvite, Output, Party, PeerId, SessionId, Transport, TrustedPeer,
};
use bytes::Bytes;

/// The folder of a dialect, and what is made of each of its samples, in the order in which they come: those of the call
/// to baton first, then those of the call of baton's.
type Dialect = (&'static str, &'static [(&'static str, &'static str)]);

const DIALECTS: &[Dialect] = &[
    (
        "asterisk",
        &[
            ("invite", "4930123456 calls 4930900100, 198.51.100.10:18432 Pcma, digits 101; 100 INVITE; 200 INVITE"),
            (
                "hold",
                "confirmed; offers 198.51.100.10:18432 Pcma, digits 101, holds by SendOnly, answered \
                 recvonly; 200 INVITE",
            ),
            ("refer", "transfers to \"1002\" (sip:1002@192.0.2.1); 202 REFER; NOTIFY sip:asterisk@198.51.100.10:5060"),
            ("ok", "answers, 198.51.100.10:18432 Pcma, digits 101; ACK sip:198.51.100.10:5060"),
        ],
    ),
    (
        "freeswitch",
        &[
            ("invite", "4930123456 calls 4930900100, 198.51.100.20:27912 Pcma, digits 101; 100 INVITE; 200 INVITE"),
            (
                "hold",
                "confirmed; offers 198.51.100.20:27912 Pcma, digits 101, holds by SendOnly, answered \
                 recvonly; 200 INVITE",
            ),
            (
                "refer",
                "transfers to \"1002\" (sip:1002@192.0.2.1); 202 REFER; NOTIFY \
                 sip:gw+baton@198.51.100.20:5080;transport=udp;gw=baton",
            ),
            (
                "ok",
                "answers as 4940555000, 198.51.100.20:28310 Pcma, digits 101; ACK \
                 sip:4940555000@198.51.100.20:5080;transport=udp",
            ),
        ],
    ),
    (
        "kamailio-opensips",
        &[
            ("invite", "4930123456 calls 4930900100, 198.51.100.30:31002 Pcma, digits 101; 100 INVITE; 200 INVITE"),
            (
                "hold",
                "confirmed; offers 198.51.100.30:31002 Pcma, digits 101, holds by SendOnly, answered \
                 recvonly; 200 INVITE",
            ),
            (
                "refer",
                "transfers to \"1002\" (sip:1002@pbx.example.com); 202 REFER; NOTIFY \
                 sip:15@10.20.0.15:5062;alias=203.0.113.40~40211~1 by \
                 <sip:198.51.100.30;lr=on;ftag=2817393043;did=b41.c2a1;nat=yes>",
            ),
            (
                "ok",
                "answers, 198.51.100.30:31044 Pcma, digits 101; ACK \
                 sip:15@10.20.0.15:5062;alias=203.0.113.40~40211~1 by \
                 <sip:198.51.100.30;lr=on;ftag=tag-of-baton;did=5c1.1b71>",
            ),
        ],
    ),
    (
        "3cx-style",
        &[
            ("invite", "4930123456 calls 4930900100, 198.51.100.40:7036 Pcma, digits 101; 100 INVITE; 200 INVITE"),
            (
                "hold",
                "confirmed; offers 198.51.100.40:7036 Pcma, digits 101, holds by Inactive, answered \
                 inactive; 200 INVITE",
            ),
            (
                "refer",
                "transfers to \"1002\" (sip:1002@192.0.2.1:5060); 202 REFER; NOTIFY \
                 sip:10001@198.51.100.40:5060",
            ),
            ("ok", "answers, 198.51.100.40:7040 Pcma, digits 101; ACK sip:4940555000@198.51.100.40:5060"),
        ],
    ),
    (
        "teams-style-sbc",
        &[
            ("options", "200 OPTIONS"),
            ("invite_secured_only", "+4930123456 calls +4930900100, NoAudio; 100 INVITE; 488 INVITE"),
            ("invite", "+4930123456 calls +4930900100, 198.51.100.50:6122 Pcma, digits 101; 100 INVITE; 200 INVITE"),
            (
                "hold",
                "confirmed; offers 198.51.100.50:6122 Pcma, digits 101, holds by Inactive, answered \
                 inactive; 200 INVITE",
            ),
            (
                "refer",
                "transfers to \"\" \
                 (sip:sip.pstnhub.microsoft.com:5061;transport=tls;x-m=8:orgid:fce2158f-0e99-4ff7-a0b3-5b6b87d16689); \
                 403 REFER",
            ),
            (
                "ok",
                "answers, 198.51.100.50:6130 Pcma, digits 101; ACK \
                 sip:+4940555000@sbc.example.com:5061;transport=tls",
            ),
        ],
    ),
    (
        "ims-carrier",
        &[
            ("invite", "+4930123456 calls +4930900100, 198.51.100.61:40210 Pcma, digits 101; 100 INVITE; 200 INVITE"),
            // The call has been answered here, without a reliable 18x before.
            ("prack", "confirmed; 481 PRACK"),
            ("hold", "offers 198.51.100.61:40210 Pcma, digits 101, holds by SendOnly, answered recvonly; 200 INVITE"),
            (
                "progress",
                "rings 183, 198.51.100.61:40244 Pcma, digits 101; PRACK \
                 sip:198.51.100.60:5060;Hpt=8e48_26;CxtId=4;TRC=ffffffff-ffffffff by \
                 <sip:198.51.100.60:5060;lr;Hpt=8e48_26;CxtId=4;TRC=ffffffff-ffffffff>",
            ),
            (
                "ok",
                "answers as +4940555000, 198.51.100.61:40244 Pcma, digits 101; ACK \
                 sip:198.51.100.60:5060;Hpt=8e48_26;CxtId=4;TRC=ffffffff-ffffffff by \
                 <sip:198.51.100.60:5060;lr;Hpt=8e48_26;CxtId=4;TRC=ffffffff-ffffffff>",
            ),
        ],
    ),
];

/// Where a trunk is that is known by its certificate: the samples say so, the directory does not.
const SBC: [u8; 4] = [198, 51, 100, 50];
/// Midnight at the beginning of 2026.
const NOW_US: u64 = 1_767_225_600_000_000;

#[test]
fn every_sample_is_read_and_answered() {
    let mut wrong = String::new();
    for (folder, samples) in DIALECTS {
        let mut trunk = Trunk::of(folder);
        for (name, expected) in *samples {
            let done = trunk.sample(name);
            if done != *expected {
                let _ = writeln!(wrong, "{folder}/{name}:\n     {done}\nnot  {expected}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_sample_is_listed_and_ends_its_lines_as_on_the_wire() {
    for (folder, samples) in DIALECTS {
        let listed: BTreeSet<String> = samples.iter().map(|(name, _)| format!("{name}.sip")).collect();
        let files = fs::read_dir(path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let files = files.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let (samples, rest): (BTreeSet<_>, BTreeSet<_>) = files.partition(|file| file.ends_with(".sip"));
        assert_eq!(samples, listed, "{folder}");
        assert_eq!(rest, BTreeSet::from(["README.md".to_owned(), "directory.toml".to_owned()]), "{folder}");
        for sample in &samples {
            let text = read(folder, sample);
            assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{folder}/{sample}");
        }
    }
    let folders = fs::read_dir(path("asterisk").join("..")).expect("the samples").count();
    assert_eq!(folders, DIALECTS.len());
}

#[test]
fn every_directory_is_valid() {
    for (folder, _) in DIALECTS {
        assert_eq!(validate(&directory(folder)), [], "{folder}");
    }
}

/// The two ends of a trunk: baton's endpoint, and who sends the samples.
struct Trunk {
    folder: &'static str,
    /// The way between them; with TCP and TLS, a connection that the trunk has opened.
    flow: Flow,
    /// What the directory says of its REFER.
    refer: ReferPolicy,
    endpoint: Endpoint,
    /// Events that nobody has looked at.
    events: Vec<Event>,
    /// What baton has sent since the last look.
    sent: Vec<String>,
    /// The call to baton: its session, its media, and baton's tag.
    incoming: Option<(SessionId, Negotiation, String)>,
    /// The call of baton's: its session and its INVITE.
    outgoing: Option<(SessionId, Negotiation, baton_sdp::PendingOffer, String)>,
}

impl Trunk {
    /// With the directory's trunk as the only peer, by its first network or by the name in its certificate.
    fn of(folder: &'static str) -> Trunk {
        let directory = directory(folder);
        let trunk = directory.trunks.first().unwrap_or_else(|| panic!("{folder}: no trunk"));
        let peer_names = trunk.certificate_names.clone();
        let certificate_names = peer_names.iter().map(|name| (name.clone(), PeerId(0))).collect();
        let network = trunk.networks.first().unwrap_or(&trunk.address);
        let anywhere = || peer_names.first().map(|_| (SBC.into(), 32, None));
        let network = parse_network(network).or_else(anywhere);
        let (network, prefix, port) = network.unwrap_or_else(|| panic!("{folder}: not known by anything"));
        let transport = match trunk.transport {
            TrunkTransport::Udp | TrunkTransport::Auto => Transport::Udp,
            TrunkTransport::Tcp => Transport::Tcp,
            TrunkTransport::Tls => Transport::Tls,
        };
        let remote = SocketAddr::new(network, port.unwrap_or(transport.standard_port()));
        let local = SocketAddr::from(([192, 0, 2, 1], transport.standard_port()));
        let listener = Listener { id: ListenerId(0), transport, local, advertised: local, verifies_peers: false };
        let mut endpoint = Endpoint::new(Config { listeners: vec![listener], ..Config::default() }, [7; 32]);
        let peer = TrustedPeer { peer: PeerId(0), network, prefix, port };
        let peers = if peer_names.is_empty() { vec![peer] } else { Vec::new() };
        let access = Access { peers, certificate_names, ..Access::default() };
        endpoint.command(NOW_US, Command::SetAccess(access)).expect("an access list");
        let connection = transport.is_reliable().then_some(ConnectionHandle(1));
        if let Some(connection) = connection {
            endpoint.handle(NOW_US, Input::StreamOpened { connection, listener: ListenerId(0), remote, peer_names });
        }
        let flow = Flow { transport, listener: ListenerId(0), remote, connection };
        let (refer, events, sent) = (trunk.refer, Vec::new(), Vec::new());
        Trunk { folder, flow, refer, endpoint, events, sent, incoming: None, outgoing: None }
    }

    /// Sends a sample, does what the contact centre would do, and says in one line what came of it.
    fn sample(&mut self, name: &str) -> String {
        let text = read(self.folder, &format!("{name}.sip"));
        let sample = Message::parse(Bytes::from(text.clone()));
        let sample = sample.unwrap_or_else(|error| panic!("{}/{name}: {error:?}", self.folder));
        let status = if sample.is_request() { 0 } else { sample.status() };
        let text = match (&self.incoming, status) {
            (Some((_, _, tag)), 0) => text.replace("tag-of-baton", tag),
            (None, 0) => text,
            _ => self.as_answer_to_our_invite(&text),
        };
        self.receive(text);
        let events = std::mem::take(&mut self.events);
        let mut told = Vec::new();
        for event in events {
            told.push(self.act(event));
        }
        told.extend(self.sent.drain(..).map(|text| title(&text)));
        told.join("; ")
    }

    /// The sample with the fields of our INVITE that every answer repeats. The call is begun at the first one.
    fn as_answer_to_our_invite(&mut self, text: &str) -> String {
        let invite = match &self.outgoing {
            Some((_, _, _, invite)) => invite.clone(),
            None => self.call(),
        };
        let repeated = |name: &str| {
            let line = invite.lines().find(|line| line.starts_with(name));
            line.unwrap_or_else(|| panic!("our INVITE has no {name}")).to_owned()
        };
        let line = |line: &str| match line.split_once(": ").map(|(name, _)| name) {
            Some(name @ ("Via" | "From" | "Call-ID" | "CSeq")) => repeated(&format!("{name}: ")),
            _ => line.to_owned(),
        };
        let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
        let head: Vec<String> = head.split("\r\n").map(line).collect();
        format!("{}\r\n\r\n{body}", head.join("\r\n"))
    }

    /// Begins a call of ours and gives its INVITE.
    fn call(&mut self) -> String {
        let session = self.endpoint.allocate_session();
        let mut media = media();
        let (offer, pending) = media.offer();
        let party = |uri: &str| Party { display: String::new(), uri: uri.to_owned(), user: String::new() };
        let invite = OutgoingInvite {
            uri: format!("sip:4940555000@{}", self.flow.remote),
            destination: Destination::Flow(self.flow),
            other_flows: Vec::new(),
            voice: Default::default(),
            route: Vec::new(),
            from: party("sip:4930900100@192.0.2.1"),
            to: party("sip:4940555000@192.0.2.1"),
            asserted_identity: None,
            referred_by: None,
            replaces: None,
            headers: Vec::new(),
            sdp: Some(offer),
            credentials: None,
            max_forwards: 70,
            redirects_max: 0,
            patience_ms: None,
        };
        self.command(Command::Invite { session, invite: Box::new(invite) });
        let invite = self.sent.pop().expect("an INVITE was sent");
        self.outgoing = Some((session, media, pending, invite.clone()));
        invite
    }

    /// What the contact centre does at an event, and what it reads in it.
    fn act(&mut self, event: Event) -> String {
        match event {
            Event::Incoming { session, invite } => {
                assert_eq!(invite.origin, Origin::Peer(PeerId(0)), "{}", self.folder);
                let caller = invite.asserted_identity.as_ref().unwrap_or(&invite.from).user.clone();
                let mut media = media();
                let offer = invite.sdp.as_ref().expect("an offer in the sample");
                let answered = media.answer(offer);
                let read = match answered {
                    Ok((answer, negotiated)) => {
                        self.command(Command::Answer { session, sdp: answer, identity: None });
                        let tag = self.answered();
                        self.incoming = Some((session, media, tag));
                        shown(&negotiated)
                    }
                    Err(error) => {
                        let (status, reason) = (error.status(), String::new());
                        self.command(Command::Refuse { session, status, reason, retry_after_s: None });
                        format!("{error:?}")
                    }
                };
                format!("{caller} calls {}, {read}", invite.target.user)
            }
            Event::Offered { session, sdp } => {
                let (_, media, _) = self.incoming.as_mut().expect("a call");
                let (answer, negotiated) =
                    media.answer(&sdp.expect("an offer in the sample")).expect("a hold that can be answered");
                let text = String::from_utf8_lossy(&answer).into_owned();
                let direction = ["sendrecv", "sendonly", "recvonly", "inactive"]
                    .into_iter()
                    .find(|direction| text.contains(&format!("a={direction}")));
                self.command(Command::AcceptOffer { session, sdp: answer });
                format!("offers {}, answered {}", shown(&negotiated), direction.unwrap_or("nothing"))
            }
            Event::TransferAsked { session, transfer, target, .. } => {
                self.command(match self.refer {
                    ReferPolicy::Refuse => Command::RefuseTransfer { session, transfer, status: 403 },
                    _ => Command::AcceptTransfer { session, transfer },
                });
                format!("transfers to {:?} ({})", target.target.user, target.target.uri)
            }
            Event::Ringing { status, sdp, .. } => format!("rings {status}, {}", self.reads(sdp, false)),
            Event::Answered { sdp, identity, .. } => {
                let identity = identity.map(|party| format!(" as {}", party.user)).unwrap_or_default();
                format!("answers{identity}, {}", self.reads(sdp, true))
            }
            Event::Confirmed { .. } => "confirmed".to_owned(),
            other => panic!("{}: not of these samples: {other:?}", self.folder),
        }
    }

    /// The answer to our offer. An early one is read on a copy: the final one settles it.
    fn reads(&mut self, sdp: Option<Bytes>, is_final: bool) -> String {
        let Some(sdp) = sdp else { return "no description".to_owned() };
        let (session, mut media, pending, invite) = self.outgoing.take().expect("a call of ours");
        let mut early = media.clone();
        let read = if is_final { &mut media } else { &mut early }.accept(pending.clone(), &sdp);
        self.outgoing = Some((session, media, pending, invite));
        shown(&read.expect("an answer that can be used"))
    }

    /// Our tag in the 200 that has just been sent; it gets its ACK.
    fn answered(&mut self) -> String {
        let ok = self.sent.last().expect("a 200").clone();
        let ok = Message::parse(Bytes::from(ok)).expect("a 200 of ours");
        let tag = ok.to_tag().expect("a tag").to_owned();
        let mut ack = String::from("ACK sip:baton@192.0.2.1:5060 SIP/2.0\r\n");
        for name in [HeaderName::From, HeaderName::To, HeaderName::CallId] {
            let _ = write!(ack, "{}: {}\r\n", name.as_str(), ok.header(name).expect("a header of a 200"));
        }
        let _ =
            write!(ack, "Via: SIP/2.0/{} {};branch=z9hG4bK-ack\r\n", self.flow.transport.via_token(), self.flow.remote);
        let _ = write!(ack, "CSeq: {} ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n", ok.cseq().number);
        self.receive(ack);
        tag
    }

    fn receive(&mut self, text: String) {
        let bytes = Bytes::from(text);
        let input = match self.flow.connection {
            Some(connection) => Input::StreamBytes { connection, bytes },
            None => Input::Datagram { listener: self.flow.listener, source: self.flow.remote, bytes },
        };
        self.endpoint.handle(NOW_US, input);
        self.drain();
    }

    fn command(&mut self, command: Command) {
        self.endpoint.command(NOW_US, command).unwrap_or_else(|error| panic!("{}: {error}", self.folder));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { bytes, flow } => {
                    assert_eq!(flow.connection, self.flow.connection, "{}", self.folder);
                    self.sent.push(String::from_utf8_lossy(&bytes).into_owned());
                }
                Output::Event(event) => self.events.push(event),
                other => panic!("{}: not of these samples: {other:?}", self.folder),
            }
        }
    }
}

/// A leg that does what baton does by default.
fn media() -> Negotiation {
    let codecs = vec![Codec::Pcma, Codec::Pcmu];
    let capabilities = Capabilities { codecs, telephone_event: true, ptime_ms: 20, rtcp_mux: false };
    let address = "192.0.2.1".parse().expect("an address");
    Negotiation::new(LocalMedia { address, port: 20_000 }, capabilities, 1)
}

/// `198.51.100.10:18432 Pcma, digits 101` and what the peer does about hold.
fn shown(negotiated: &Negotiated) -> String {
    let mut text = format!("{} {:?}", negotiated.remote, negotiated.codec);
    if let Some(digits) = negotiated.dtmf_payload_type_send {
        let _ = write!(text, ", digits {digits}");
    }
    if negotiated.is_held() {
        let _ = write!(text, ", holds by {:?}", negotiated.remote_hold);
    }
    text
}

/// `200 INVITE`, `NOTIFY`; of an ACK also where it goes.
fn title(text: &str) -> String {
    let message = Message::parse(Bytes::from(text.to_owned())).expect("a message of ours");
    let method = message.cseq().method;
    if !message.is_request() {
        return format!("{} {}", message.status(), method.as_str());
    }
    match message.header(HeaderName::Route) {
        Some(route) => format!("{} {} by {route}", method.as_str(), message.request_uri()),
        None => format!("{} {}", method.as_str(), message.request_uri()),
    }
}

fn directory(folder: &str) -> Directory {
    toml::from_str(&read(folder, "directory.toml")).unwrap_or_else(|error| panic!("{folder}: {error}"))
}

fn read(folder: &str, file: &str) -> String {
    let path = path(folder).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn path(folder: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sip-fixtures/trunks").join(folder)
}
