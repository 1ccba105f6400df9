//! Requests outside a dialog (RFC 3261 §8.2): who sends them, whether they may, and what becomes of them. Nothing is
//! remembered of a sender that has not proven who it is.

use crate::dialog::Dialog;
use crate::digest::Verdict;
use crate::endpoint::Endpoint;
use crate::guard::Offence;
use crate::headers::{ACCEPT, ALLOW, KNOWN_OPTIONS, SDP, capabilities, contact, wants_sips};
use crate::interface::{Account, Event, Flow, History, IncomingInvite, Origin, PeerId, SessionId, UnknownSource};
use crate::outgoing::BRANCH_START;
use crate::random::{marked, read_marked};
use crate::registrar::RegisterRefused;
use crate::session::{Session, interval_too_small};
use crate::transaction::Key;
use crate::wire::{DigestCredentials, HeaderName, Message, Method, NameAddr, Uri, Via};

/// Most values of a header that goes on with its call; what is beyond is left behind.
const CARRIED_MAX: usize = 16;

/// After how many seconds without a keep-alive a phone has to take its flow for lost (RFC 5626 §5.4): less than NAT bindings of
/// TCP live, and what keeps those of UDP open is STUN, more often (§4.4.2).
const FLOW_TIMER_S: u32 = 120;

/// A request at the door.
pub(crate) struct Entry {
    /// The way it came.
    pub(crate) flow: Flow,
    /// The request.
    pub(crate) request: Message,
    /// Its transaction's key.
    pub(crate) key: Key,
    /// Whether a stranger has paid for it with a token.
    pub(crate) paid: bool,
}

/// What credentials proved.
enum Proof {
    /// They are this account's.
    Account(String),
    /// There were none for our realm.
    None,
    /// They were right, but the nonce was old.
    Stale,
    /// They were wrong.
    Wrong,
    /// They were for an account that does not exist.
    Nobody,
}

impl Endpoint {
    /// A request outside a dialog, seen for the first time.
    pub(crate) fn enter(&mut self, entry: Entry) {
        let is_register = *entry.request.method() == Method::Register;
        // Our Contact, which nobody guesses, tells more than an address, where several lines of one registrar may be.
        let shown = entry.flow.connection.and_then(|connection| self.peer_on(connection));
        let peer = shown.or_else(|| self.line_of(&entry.request)).or_else(|| self.peer_from(entry.flow.remote));
        let brings_credentials = !self.credentials_of(&entry.request).is_empty();
        // A registrar asks whether we live from where we registered: it is no stranger, though its name has many addresses.
        let is_asked = *entry.request.method() == Method::Options && self.peer_at(entry.flow.remote).is_some();
        if peer.is_none() && !brings_credentials && !is_asked {
            self.stack.counters.unknown_source += 1;
            match self.stack.config.unknown_source {
                UnknownSource::Silence => return,
                UnknownSource::Forbid => return self.refuse(&entry, 403),
                UnknownSource::Challenge => {}
            }
        }
        match entry.request.method() {
            Method::Invite | Method::Register => {}
            Method::Subscribe if self.refuses_subscribe(&entry) => return,
            Method::Subscribe => {}
            // RFC 4538: who names a dialog of ours is heard, once it has proven who it is.
            Method::Refer if entry.request.header(HeaderName::TargetDialog).is_some() => {}
            Method::Options => return self.answer_options(&entry),
            other => return self.refuse_method(&entry, &other.clone()),
        }
        let origin = match peer.filter(|_| !is_register) {
            Some(peer) => Origin::Peer(peer),
            None => match self.prove(&entry.request) {
                Proof::Account(account) => Origin::Account(account),
                Proof::Stale => return self.challenge(&entry, true),
                Proof::None => return self.challenge(&entry, false),
                Proof::Wrong => return self.doubt(&entry, Offence::WrongPassword),
                Proof::Nobody => return self.doubt(&entry, Offence::UnknownAccount),
            },
        };
        if entry.paid {
            self.refund(entry.flow, &entry.request);
        }
        match (is_register, origin) {
            (true, Origin::Account(account)) => self.register(entry, &account),
            (true, Origin::Peer(_)) => self.refuse(&entry, 403),
            (false, origin) if *entry.request.method() == Method::Subscribe => self.take_subscribe(entry, origin),
            (false, origin) if *entry.request.method() == Method::Refer => self.take_refer_outside(entry, &origin),
            (false, origin) => self.take_invite(entry, origin),
        }
    }

    /// A REFER outside a dialog would let any phone make calls in another's name (RFC 3515 §5).
    fn refuse_refer(&mut self, entry: &Entry) {
        self.stack.reply(&entry.request, entry.flow, 403, "REFER Needs Its Dialog Or Target-Dialog", |_| {});
    }

    /// RFC 4538 §5: a REFER that names a dialog of ours is taken as if it had come within it; what it is told goes along a
    /// dialog of its own.
    fn take_refer_outside(&mut self, entry: Entry, origin: &Origin) {
        if !entry.request.unknown_requirements(KNOWN_OPTIONS).is_empty() {
            return self.refuse_invite(&entry, 420);
        }
        let Some(session) = self.target_dialog(&entry.request) else { return self.refuse_refer(&entry) };
        let Entry { flow, request, key, .. } = entry;
        let tag = marked(session.0, self.stack.random.number());
        let own_contact = contact("", &flow, self.stack.advertised(&flow), wants_sips(&request));
        let along_flow = matches!(origin, Origin::Account(_));
        let Ok(mut dialog) = Dialog::of_request(&request, tag, own_contact, flow, along_flow) else {
            return self.stack.reply(&request, flow, 400, "Bad Contact Or Record-Route", |_| {});
        };
        dialog.subject = self.stack.subject_of(&flow);
        self.last_transfer += 1;
        let transfer = crate::interface::TransferId(self.last_transfer);
        let replaces = self.replaces_target(&request);
        let id = self.stack.begin_server(request.clone(), key, flow, Some(session));
        self.with_session(session, |session, stack| {
            session.take_refer(stack, id, &request, transfer, replaces, Some(Box::new(dialog)));
        });
    }

    /// Only phones may watch: a trunk, however it proves itself, has no business with who is on the phone here.
    fn take_subscribe(&mut self, entry: Entry, origin: Origin) {
        match origin {
            Origin::Account(account) if !self.access.asserting.contains(&account) => self.subscribe(entry, account),
            _ => self.refuse(&entry, 403),
        }
    }

    /// The peer that we registered with under the Contact that this call is for, or this question whether we live.
    fn line_of(&self, request: &Message) -> Option<PeerId> {
        if self.access.lines.is_empty() || !matches!(request.method(), Method::Invite | Method::Options) {
            return None;
        }
        let user = Uri::parse(request.request_uri()).ok()?.user();
        self.access.lines.get(&user).copied()
    }

    fn refuse(&mut self, entry: &Entry, status: u16) {
        self.stack.reply(&entry.request, entry.flow, status, "", |_| {});
    }

    /// Methods that make no sense here outside a dialog.
    fn refuse_method(&mut self, entry: &Entry, method: &Method) {
        match method {
            Method::Refer => self.refuse_refer(entry),
            Method::Bye | Method::Update | Method::Info | Method::Prack | Method::Notify | Method::Cancel => {
                self.refuse(entry, 481);
            }
            Method::Message | Method::Publish => self.refuse_with_allow(entry, 405),
            _ => self.refuse_with_allow(entry, 501),
        }
    }

    fn refuse_with_allow(&mut self, entry: &Entry, status: u16) {
        self.stack.reply(&entry.request, entry.flow, status, "", |builder| {
            builder.header(HeaderName::Allow, ALLOW);
        });
    }

    /// OPTIONS tells what any response tells, so it needs no proof: phones and trunks use it to see that we live.
    fn answer_options(&mut self, entry: &Entry) {
        if !has_known_scheme(&entry.request) {
            return self.refuse(entry, 416);
        }
        if !entry.request.unknown_requirements(KNOWN_OPTIONS).is_empty() {
            return self.refuse_invite(entry, 420);
        }
        self.stack.reply(&entry.request, entry.flow, 200, "", |builder| {
            capabilities(builder);
            builder.header(HeaderName::Accept, ACCEPT);
        });
    }

    pub(crate) fn credentials_of(&self, request: &Message) -> Vec<DigestCredentials> {
        let mut all = request.credentials(HeaderName::ProxyAuthorization);
        all.extend(request.credentials(HeaderName::Authorization));
        all.retain(|credentials| credentials.realm == self.stack.config.realm);
        all
    }

    fn prove(&mut self, request: &Message) -> Proof {
        let mut proof = Proof::None;
        for credentials in self.credentials_of(request).iter().take(4) {
            // An unknown user is verified against an account that nobody can be, so that it takes as long as a known one.
            let nobody = Account { ha1_md5: String::new(), ha1_sha256: String::new() };
            let account = self.access.accounts.get(&credentials.username);
            let is_known = account.is_some();
            let account = account.unwrap_or(&nobody);
            let verdict = self.digest.verify(self.stack.now_us, request.method(), credentials, account);
            proof = match verdict {
                Verdict::Accepted if is_known => return Proof::Account(credentials.username.clone()),
                Verdict::Stale if is_known => Proof::Stale,
                _ if is_known => Proof::Wrong,
                _ => Proof::Nobody,
            };
        }
        proof
    }

    /// Credentials that prove nobody are challenged anew, until their sender is banned. A wrong password and an unknown
    /// account look the same from outside.
    fn doubt(&mut self, entry: &Entry, offence: Offence) {
        if self.guessed(entry.flow, &entry.request, offence) {
            self.challenge(entry, false);
        }
    }

    /// 401 to REGISTER, 407 to the rest, without a transaction (RFC 3261 §22.2, §22.3, §26.3.2.4).
    fn challenge(&mut self, entry: &Entry, stale: bool) {
        let (status, name) = if *entry.request.method() == Method::Register {
            (401, HeaderName::WwwAuthenticate)
        } else {
            (407, HeaderName::ProxyAuthenticate)
        };
        let user_agent = entry.request.header(HeaderName::UserAgent);
        let address = entry.flow.remote.ip();
        let challenges = self.digest.challenge_for(self.stack.now_us, stale, user_agent, address);
        let fits = self.stack.try_reply(&entry.request, entry.flow, status, "", |builder| {
            for challenge in &challenges {
                builder.header(name, challenge);
            }
        });
        // A very short request gets the shorter answer: the algorithm that everybody knows.
        if let Some(last) = challenges.last().filter(|_| !fits) {
            self.stack.reply(&entry.request, entry.flow, status, "", |builder| {
                builder.header(name, last);
            });
        }
    }

    fn register(&mut self, entry: Entry, account: &str) {
        let Entry { flow, request, key, .. } = entry;
        let id = self.stack.begin_server(request.clone(), key, flow, None);
        let tag = marked(id.0, self.stack.random.number());
        let unknown = request.unknown_requirements(&["path", "gruu", "outbound"]);
        if !unknown.is_empty() {
            self.stack.respond(id, 420, "", Some(&tag), |builder| {
                builder.header(HeaderName::Unsupported, unknown.join(", "));
            });
            return;
        }
        // An account registers itself and nobody else (RFC 3261 §10.3 step 4).
        let to = request.to().uri;
        let as_written = to.as_sip().and_then(|uri| uri.user.as_deref());
        if to.user() != account && as_written != Some(account) {
            self.stack.respond(id, 403, "", Some(&tag), |_| {});
            return;
        }
        let limits = (&self.stack.config).into();
        let before = self.bindings_if_subscribed(account);
        let done = self.registrar.register(self.stack.now_us, account, &request, flow, limits);
        match done {
            Err(refused) => self.refuse_register(id, &tag, refused),
            Ok(crate::registrar::Registered { changed, outbound }) => {
                if let Some(stream) = flow.connection.and_then(|connection| self.stack.streams.get_mut(connection)) {
                    stream.accounts.insert(account.to_owned());
                }
                self.confirm_register(id, &tag, account, &request, outbound);
                if changed {
                    self.subscriptions_follow(account, &before);
                    self.bindings_changed(account);
                }
            }
        }
    }

    fn refuse_register(&mut self, id: crate::transaction::TransactionId, tag: &str, refused: RegisterRefused) {
        let least_s = self.stack.config.expires_s.0;
        let status = match refused {
            RegisterRefused::Malformed => 400,
            RegisterRefused::TooBrief => 423,
            RegisterRefused::OutOfOrder => 500,
            RegisterRefused::TooMany => 403,
            RegisterRefused::NoOutbound => 439,
        };
        self.stack.respond(id, status, "", Some(tag), |builder| {
            if refused == RegisterRefused::TooBrief {
                builder.header(HeaderName::MinExpires, least_s);
            }
        });
    }

    /// 200 with all bindings and what is left of them (RFC 3261 §10.3 step 8).
    fn confirm_register(
        &mut self,
        id: crate::transaction::TransactionId,
        tag: &str,
        account: &str,
        request: &Message,
        outbound: bool,
    ) {
        let now_us = self.stack.now_us;
        let bindings = self.registrar.bindings(account).to_vec();
        self.stack.respond(id, 200, "", Some(tag), |builder| {
            for binding in &bindings {
                let left_s = binding.expires_at_us.saturating_sub(now_us) / 1_000_000;
                match (binding.reg_id, &binding.instance) {
                    (Some(reg_id), Some(instance)) => builder.header(
                        HeaderName::Contact,
                        format_args!(
                            "<{}>;expires={left_s};reg-id={reg_id};+sip.instance=\"<{instance}>\"",
                            binding.contact
                        ),
                    ),
                    _ => builder.header(HeaderName::Contact, format_args!("<{}>;expires={left_s}", binding.contact)),
                };
            }
            if outbound {
                builder.header(HeaderName::Require, "outbound");
                builder.header(HeaderName::Supported, "outbound, path");
                builder.header(HeaderName::FlowTimer, FLOW_TIMER_S);
            }
            // RFC 3327 §5.3.
            if request.has_token(HeaderName::Supported, "path") {
                builder.copy(request, HeaderName::Path);
            }
        });
    }

    /// RFC 3261 §8.2 and §13.3, in that order.
    fn take_invite(&mut self, entry: Entry, origin: Origin) {
        if let Err(status) = self.check_invite(&entry.request) {
            return self.refuse_invite(&entry, status);
        }
        let replaces = match self.replaced_by(&entry.request) {
            Ok(replaces) => replaces,
            Err(status) => return self.refuse(&entry, status),
        };
        let Entry { flow, request, key, .. } = entry;
        let id = self.allocate_session();
        let tag = marked(id.0, self.stack.random.number());
        let uri = Uri::parse(request.request_uri()).ok();
        let user = uri.as_ref().and_then(|uri| uri.as_sip()).and_then(|sip| sip.user.as_deref()).unwrap_or("");
        let own_contact = contact(user, &flow, self.stack.advertised(&flow), wants_sips(&request));
        let along_flow = matches!(origin, Origin::Account(_));
        let Ok(mut dialog) = Dialog::of_request(&request, tag, own_contact, flow, along_flow) else {
            return self.stack.reply(&request, flow, 400, "Bad Contact Or Record-Route", |_| {});
        };
        dialog.subject = self.stack.subject_of(&flow);
        let asserts = match &origin {
            Origin::Peer(_) => true,
            Origin::Account(account) => self.access.asserting.contains(account),
        };
        let invite = describe(&request, origin, asserts, flow, replaces);
        let transaction = self.stack.begin_server(request.clone(), key, flow, Some(id));
        let session = Session::invited(&mut self.stack, id, &request, transaction, dialog);
        self.begin_session(session);
        self.stack.tell(Event::Incoming { session: id, invite: Box::new(invite) });
    }

    fn check_invite(&mut self, request: &Message) -> Result<(), u16> {
        if !has_known_scheme(request) {
            return Err(416);
        }
        // RFC 3261 §8.2.2.2: the same request by another way.
        if self.stack.transactions.of_merge_key(self.stack.transactions.key_maker().merge_key(request)).is_some() {
            return Err(482);
        }
        if self.is_ours_come_back(request) {
            return Err(482);
        }
        if !request.unknown_requirements(KNOWN_OPTIONS).is_empty() {
            return Err(420);
        }
        // We pass calls on like a proxy, so a request that may go no further ends here (§16.3).
        if request.max_forwards() == Ok(Some(0)) {
            return Err(483);
        }
        if request.has_foreign_body(&[SDP]) || request.header(HeaderName::ContentEncoding).is_some() {
            return Err(415);
        }
        // Our answer is a session description, so who takes none cannot be answered (RFC 4475 §3.3.15).
        if !accepts_sdp(request) {
            return Err(406);
        }
        if interval_too_small(request, &self.stack.config).is_some() {
            return Err(422);
        }
        if self.sessions.len() >= self.stack.config.sessions_max {
            self.stack.counters.over_limit += 1;
            return Err(503);
        }
        Ok(())
    }

    /// RFC 3261 §16.3 step 4: a call of ours that somebody has led back to us, known by its own names or by our Via below
    /// others'. Answered, it would go out again and again.
    fn is_ours_come_back(&self, request: &Message) -> bool {
        let by_names = request.from_tag().and_then(|tag| self.session_of_tag(tag));
        if by_names.is_some_and(|session| session.dialog.call_id == request.call_id()) {
            return true;
        }
        // The topmost is that of whoever sent it to us.
        let mut below = request.values(HeaderName::Via).skip(1);
        below.any(|value| {
            let via = Via::parse(value).ok();
            let branch = via.as_ref().and_then(|via| via.params.get("branch"));
            let marks = branch.and_then(|branch| read_marked(branch.strip_prefix(BRANCH_START)?));
            let own = |(number, random)| self.stack.transactions.of_response(number, random, &Method::Invite);
            marks.and_then(own).is_some()
        })
    }

    fn refuse_invite(&mut self, entry: &Entry, status: u16) {
        let unknown = entry.request.unknown_requirements(KNOWN_OPTIONS);
        let least_s = interval_too_small(&entry.request, &self.stack.config).unwrap_or(0);
        self.stack.reply(&entry.request, entry.flow, status, "", |builder| {
            match status {
                415 => builder.header(HeaderName::Accept, ACCEPT).header(HeaderName::AcceptEncoding, "identity"),
                420 => builder.header(HeaderName::Unsupported, unknown.join(", ")),
                422 => builder.header(HeaderName::MinSe, least_s),
                503 => builder.header(HeaderName::RetryAfter, 5),
                _ => builder,
            };
        });
    }
}

/// RFC 3323 §4.2: `none` asks for nothing, whatever stands beside it.
fn wants_privacy(request: &Message) -> bool {
    let asked = |wanted: &str| {
        let values = request.headers(HeaderName::Privacy).flat_map(|value| value.split([';', ',']));
        values.into_iter().any(|value| value.trim().eq_ignore_ascii_case(wanted))
    };
    !asked("none") && ["id", "user", "header"].into_iter().any(asked)
}

/// draft-ietf-sip-privacy-04 §5.1: a trunk that writes Remote-Party-ID says there that its caller is not to be shown.
fn is_screened_by_rpid(request: &Message) -> bool {
    let first = request.name_addrs(HeaderName::RemotePartyId).ok().and_then(|all| all.into_iter().next());
    let privacy = first.and_then(|party| party.params.get("privacy").map(str::to_owned)).unwrap_or_default();
    privacy
        .trim_matches('"')
        .split(',')
        .any(|hides| ["full", "uri"].iter().any(|each| hides.trim().eq_ignore_ascii_case(each)))
}

fn history_of(request: &Message) -> History {
    History {
        history_info: some_values(request, HeaderName::HistoryInfo),
        diversion: some_values(request, HeaderName::Diversion),
    }
}

fn some_values(request: &Message, name: HeaderName<'_>) -> Vec<String> {
    request.values(name).take(CARRIED_MAX).map(str::to_owned).collect()
}

/// RFC 3261 §8.2.2.1.
fn has_known_scheme(request: &Message) -> bool {
    Uri::parse(request.request_uri()).is_ok_and(|uri| matches!(uri.scheme(), "sip" | "sips" | "tel"))
}

/// Whether a session description may come back (RFC 3261 §20.1): without Accept it may.
fn accepts_sdp(request: &Message) -> bool {
    let mut accepted = request.values(HeaderName::Accept).map(|value| value.split(';').next().unwrap_or("").trim());
    let fits =
        |kind: &str| ["application/sdp", "application/*", "*/*"].iter().any(|fit| kind.eq_ignore_ascii_case(fit));
    request.header(HeaderName::Accept).is_none() || accepted.any(fits)
}

fn describe(
    request: &Message,
    origin: Origin,
    asserts: bool,
    flow: Flow,
    replaces: Option<SessionId>,
) -> IncomingInvite {
    let target = Uri::parse(request.request_uri()).map(|uri| NameAddr::of(uri).party()).unwrap_or_default();
    // RFC 3325 §6: only peers that we trust may assert.
    let asserted = |name| {
        let all = request.name_addrs(name).ok().filter(|_| asserts)?;
        all.first().map(NameAddr::party)
    };
    IncomingInvite {
        origin,
        flow,
        target,
        from: request.from().party(),
        to: request.to().party(),
        asserted_identity: asserted(HeaderName::PAssertedIdentity),
        remote_party_id: asserted(HeaderName::RemotePartyId),
        wants_privacy: wants_privacy(request) || (asserts && is_screened_by_rpid(request)),
        user_to_user: some_values(request, HeaderName::UserToUser),
        // Who is not trusted could tell any story.
        history: if asserts { history_of(request) } else { History::default() },
        call_id: request.call_id().to_owned(),
        user_agent: request.header(HeaderName::UserAgent).map(str::to_owned),
        sdp: request.body_of_type(SDP),
        replaces,
        referred_by: request.header(HeaderName::ReferredBy).map(str::to_owned),
        max_forwards: request.max_forwards().ok().flatten().unwrap_or(70),
        max_breadth: request.max_breadth(),
    }
}
