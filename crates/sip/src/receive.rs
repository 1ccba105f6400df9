//! What comes from the wire, up to the point where it is clear whose it is.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::front_door::Entry;
use crate::headers::capabilities;
use crate::interface::{ConnectionHandle, Flow, ListenerId, Output, SessionId, TransferId, Transport, UnknownSource};
use crate::stun::{self, is_stun};
use crate::timer::Timer;
use crate::transaction::{InviteServer, Key, ServerMachine};
use crate::wire::{Frame, HeaderName, Message, Method};

impl Endpoint {
    /// One datagram.
    pub(crate) fn take_datagram(&mut self, listener: ListenerId, source: SocketAddr, bytes: Bytes) {
        // RFC 5626 §3.5.1 and older habits: blank datagrams keep a NAT binding open and ask for nothing.
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0)) {
            return;
        }
        if self.drops(self.stack.now_us, source) {
            return;
        }
        let flow = Flow { transport: Transport::Udp, listener, remote: source, connection: None };
        if is_stun(&bytes) {
            return self.take_stun(flow, &bytes);
        }
        self.take_message(flow, bytes);
    }

    /// A stream connection is up; a banned source's is closed again at once. A stranger that opens one has something to say
    /// at once.
    pub(crate) fn stream_opened(
        &mut self,
        connection: ConnectionHandle,
        listener: ListenerId,
        remote: SocketAddr,
        peer_names: Vec<String>,
    ) {
        // One that we opened is known already, and who shows a trunk's certificate is no stranger.
        let is_known = self.stack.streams.get(connection).is_some() || !self.peers_named(&peer_names).is_empty();
        if self.peers_named(&peer_names).len() > 1 && self.peer_named(&peer_names, remote).is_none() {
            tracing::warn!(%remote, ?peer_names, "a certificate bears the names of several trunks, and its address is of none");
        }
        if !is_known && self.drops(self.stack.now_us, remote) {
            return self.stack.outputs.push_back(Output::Close { connection });
        }
        self.stack.stream_opened(connection, listener, remote, peer_names);
        if !connection.is_ours() && self.peer_on(connection).or_else(|| self.peer_at(remote)).is_none() {
            self.stack.await_message(connection);
        }
    }

    /// Bytes of a stream, or a whole message of a WebSocket.
    pub(crate) fn take_stream_bytes(&mut self, connection: ConnectionHandle, bytes: Bytes) {
        let Some(stream) = self.stack.streams.get(connection) else { return };
        let flow = stream.flow(connection);
        if self.peer_on(connection).is_none() && self.drops(self.stack.now_us, flow.remote) && self.cut_off(flow) {
            return;
        }
        if matches!(flow.transport, Transport::Ws | Transport::Wss) {
            return self.take_web_socket_message(flow, connection, bytes);
        }
        let Some(stream) = self.stack.streams.get_mut(connection) else { return };
        stream.framer.push(&bytes);
        // A message may end its own connection, so the stream is looked up for each.
        while let Some(stream) = self.stack.streams.get_mut(connection) {
            match stream.framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => self.take_stream_message(flow, connection, bytes),
                Ok(Some(Frame::KeepAlive)) => self.take_ping(flow, connection),
                Ok(None) => {
                    if stream.framer.is_within_message() {
                        self.stack.await_message(connection);
                    }
                    break;
                }
                Err(_) => {
                    self.take_noise(flow);
                    if self.stack.streams.get(connection).is_some() {
                        self.close_stream(connection);
                    }
                }
            }
        }
    }

    /// RFC 7118 §4.2: one SIP message a WebSocket message. A blank one keeps the connection alive.
    fn take_web_socket_message(&mut self, flow: Flow, connection: ConnectionHandle, bytes: Bytes) {
        if bytes.as_ref() == b"\r\n\r\n" {
            self.take_ping(flow, connection);
        } else if !bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
            self.take_stream_message(flow, connection, bytes);
        }
    }

    fn take_stream_message(&mut self, flow: Flow, connection: ConnectionHandle, bytes: Bytes) {
        self.stack.touch_stream(connection);
        self.stack.timers.stop(&Timer::StreamMessage(connection));
        self.take_message(flow, bytes);
    }

    /// RFC 5626 §3.5.1: a ping is answered by a pong. It keeps a stranger's connection no longer than silence would.
    fn take_ping(&mut self, flow: Flow, connection: ConnectionHandle) {
        if self.is_registered_along(connection) || self.peer_along(&flow).is_some() {
            self.stack.touch_stream(connection);
        }
        self.stack.outputs.push_back(Output::Transmit { flow, bytes: Bytes::from_static(b"\r\n") });
    }

    /// Where strangers are met with silence, STUN is for peers only: a phone would not know that it has lost its way.
    fn take_stun(&mut self, flow: Flow, bytes: &[u8]) {
        if self.stack.config.unknown_source == UnknownSource::Silence && self.peer_at(flow.remote).is_none() {
            return;
        }
        if let Some(bytes) = stun::answer(bytes, flow.remote) {
            self.stack.outputs.push_back(Output::Transmit { flow, bytes });
        }
    }

    /// A stream has ended: what waits on it goes by another or fails, what is reached by it is unregistered.
    pub(crate) fn stream_closed(&mut self, connection: ConnectionHandle) {
        self.stack.timers.stop(&Timer::Stream(connection));
        self.stack.timers.stop(&Timer::StreamMessage(connection));
        let Some(stream) = self.stack.streams.close(connection) else { return };
        for transaction in &stream.transactions {
            let goes_on = match stream.is_open {
                true => self.send_again(*transaction, connection, &stream),
                false => self.stack.fall_back(*transaction),
            };
            if !goes_on {
                self.stack.unsent.push_back(*transaction);
            }
        }
        for account in stream.accounts {
            if self.registrar.disconnect(&account, connection) {
                self.bindings_changed(&account);
            }
        }
    }

    /// A stream has carried nothing for its time: it is closed unless something lives on it.
    pub(crate) fn stream_idled(&mut self, connection: ConnectionHandle) {
        let Some(stream) = self.stack.streams.get(connection) else { return };
        let is_used = !stream.sessions.is_empty() || !stream.transactions.is_empty();
        if is_used || self.is_registered_along(connection) {
            return self.stack.touch_stream(connection);
        }
        self.close_stream(connection);
    }

    /// Whether a phone is reached along a stream; one that was is not any more when its registration has ended.
    pub(crate) fn is_registered_along(&self, connection: ConnectionHandle) -> bool {
        let Some(stream) = self.stack.streams.get(connection) else { return false };
        let along = |account: &String| {
            self.registrar.bindings(account).iter().any(|binding| binding.flow.connection == Some(connection))
        };
        stream.accounts.iter().any(along)
    }

    /// A stream's peer has not sent a whole message in time.
    pub(crate) fn stream_cut_off(&mut self, connection: ConnectionHandle) {
        self.stack.counters.streams_cut_off += 1;
        self.close_stream(connection);
    }

    fn close_stream(&mut self, connection: ConnectionHandle) {
        self.stack.outputs.push_back(Output::Close { connection });
        self.stream_closed(connection);
    }

    fn take_message(&mut self, flow: Flow, bytes: Bytes) {
        self.stack.counters.messages_received += 1;
        if self.tracing {
            let traced = self.attribute(flow, true, self.stack.now_us, &bytes);
            self.stack.outputs.push_back(traced);
        }
        let length = bytes.len();
        let mut message = match Message::parse(bytes) {
            Ok(message) => message,
            Err(malformed) => return self.take_malformed(flow, &malformed, length),
        };
        if !message.is_request() {
            if let Some(up) = self.stack.take_response(flow, message) {
                self.take_up(up);
            }
            return;
        }
        message.set_source(flow.remote);
        self.note_alias(&flow, &message);
        self.take_request(flow, message, length);
    }

    /// A trunk that takes its requests along the connection that it has opened (RFC 5923 §8.2). TCP proves as much as the
    /// trunk's address does; a TLS connection must have shown a certificate.
    fn note_alias(&mut self, flow: &Flow, request: &Message) {
        let Some(connection) = flow.connection.filter(|connection| !connection.is_ours()) else { return };
        let via = request.via();
        let is_proven = match flow.transport {
            Transport::Tcp => true,
            Transport::Tls => {
                let verifies = self.stack.listener(flow.listener).is_some_and(|listener| listener.verifies_peers);
                verifies || self.peer_on(connection).is_some()
            }
            _ => false,
        };
        if is_proven && via.params.has("alias") && self.peer_by(flow).is_some() {
            self.stack.streams.alias(connection, via.listening_address(flow.remote));
        }
    }

    fn take_request(&mut self, flow: Flow, request: Message, length: usize) {
        if *request.method() == Method::Ack {
            return self.take_ack(flow, &request);
        }
        let key = self.stack.transactions.key_maker().server_key(&request, request.method());
        if let Some(id) = self.stack.transactions.of_key(key) {
            return self.stack.repeat_request(id);
        }
        let mut paid = false;
        if !self.is_in_progress(&request) {
            match self.admits(flow, &request) {
                Some(has_paid) => paid = has_paid,
                None => return,
            }
        }
        if length > self.stack.config.message_bytes_max {
            self.stack.counters.over_limit += 1;
            return self.stack.reply(&request, flow, 513, "", |_| {});
        }
        if self.stack.transactions.len() >= self.stack.config.transactions_max {
            self.stack.counters.over_limit += 1;
            return self.stack.reply(&request, flow, 503, "", |builder| {
                builder.header(HeaderName::RetryAfter, 5);
            });
        }
        if *request.method() == Method::Cancel {
            return self.take_cancel(flow, request, key);
        }
        let Some(tag) = request.to_tag() else { return self.enter(Entry { flow, request, key, paid }) };
        if let Some(subscription) = self.subscription_of(&request) {
            return self.take_in_subscription(subscription, flow, request, key);
        }
        let session = self
            .session_of_tag(tag)
            .filter(|session| session.takes_request_of(request.call_id(), request.from_tag()))
            .map(|session| session.id);
        match session {
            Some(session) => self.take_in_dialog(session, flow, request, key),
            // R13, RFC 3261 §12.2.2: no such dialog.
            None => self.stack.reply(&request, flow, 481, "", |_| {}),
        }
    }

    fn take_in_dialog(&mut self, session: SessionId, flow: Flow, request: Message, key: Key) {
        let mut transfer = TransferId(0);
        let mut replaces = None;
        if *request.method() == Method::Refer {
            self.last_transfer += 1;
            transfer = TransferId(self.last_transfer);
            replaces = self.replaces_target(&request);
        }
        let id = self.stack.begin_server(request.clone(), key, flow, Some(session));
        self.with_session(session, |session, stack| session.request(stack, id, &request, flow, transfer, replaces));
    }

    fn take_ack(&mut self, flow: Flow, ack: &Message) {
        if let Some(id) = self.stack.transactions.server_of(ack, &Method::Invite) {
            let machine = self.stack.transactions.server(id).map(|server| server.machine);
            // The ACK to a 2xx is the session's even when its sender uses the INVITE's branch again.
            if machine != Some(ServerMachine::Invite(InviteServer::Accepted)) {
                return self.stack.take_failure_ack(id);
            }
        }
        let session = ack
            .to_tag()
            .and_then(|tag| self.session_of_tag(tag))
            .filter(|session| session.is_of_dialog(ack.call_id(), ack.from_tag()))
            .map(|session| session.id);
        if let Some(session) = session {
            self.with_session(session, |session, stack| session.acknowledged(stack, ack, flow));
        }
    }

    /// RFC 3261 §9.2.
    fn take_cancel(&mut self, flow: Flow, cancel: Message, key: Key) {
        let Some(invite) = self.stack.transactions.server_of(&cancel, &Method::Invite) else {
            return self.stack.reply(&cancel, flow, 481, "", |_| {});
        };
        let session = self.stack.transactions.server(invite).and_then(|server| server.session);
        let tag = session.and_then(|id| self.sessions.get(&id)).map(|session| session.dialog.local_tag.clone());
        let tag = tag.unwrap_or_else(|| crate::incoming::stateless_tag(&cancel));
        let id = self.stack.begin_server(cancel.clone(), key, flow, session);
        self.stack.respond(id, 200, "", Some(&tag), capabilities);
        if let Some(session) = session {
            self.with_session(session, |session, stack| session.cancelled(stack, invite, &cancel));
        }
    }
}
