//! UPDATE in both directions (RFC 3311), and what it tells about identity (R14).

use bytes::Bytes;

use super::offer_in::Obstacle;
use super::send::assert_identity;
use super::{OFFERS_QUEUED_MAX, Offer, Phase, Session, interval_too_small};
use crate::headers::SDP;
use crate::interface::{CommandRefused, Event, Party};
use crate::stack::Stack;
use crate::transaction::{Purpose, TransactionId};
use crate::wire::{HeaderName, Message, Method, NameAddr};

impl Session {
    /// The peer's UPDATE.
    pub(super) fn take_update(&mut self, stack: &mut Stack, transaction: TransactionId, request: &Message) {
        if let Some(min_s) = interval_too_small(request, &stack.config) {
            self.respond_with(stack, transaction, 422, |builder| {
                builder.header(HeaderName::MinSe, min_s);
            });
            return;
        }
        let Some(sdp) = request.body_of_type(SDP) else {
            self.take_target(request);
            let _ = self.accept_update(stack, transaction, request, None);
            return;
        };
        match self.obstacle_to_update(request.from_tag()) {
            // RFC 3311 §5.2.
            Some(Obstacle::Ours) => self.respond(stack, transaction, 491),
            Some(Obstacle::Theirs) => self.respond_later(stack, transaction),
            Some(Obstacle::Ending) => self.respond(stack, transaction, 487),
            None => {
                self.ask_contact(stack, transaction, false, false);
                stack.tell(Event::Offered { session: self.id, sdp: Some(sdp) });
            }
        }
    }

    /// 200 to an UPDATE.
    pub(super) fn accept_update(
        &mut self,
        stack: &mut Stack,
        transaction: TransactionId,
        request: &Message,
        sdp: Option<Bytes>,
    ) -> Result<(), CommandRefused> {
        let agreed = self.refresh_agreed_as_server(request);
        if let Some(sdp) = &sdp {
            self.local_sdp = sdp.clone();
        }
        self.respond_with(stack, transaction, 200, |builder| {
            if let Some(agreed) = &agreed {
                agreed.write_as_server(builder);
            }
            if let Some(sdp) = sdp {
                builder.body(SDP, sdp);
            }
        })
        .ok_or(CommandRefused::BadText)?;
        if self.phase == Phase::Established {
            self.start_refresh(stack, agreed);
        }
        Ok(())
    }

    /// Tells the peer whom it talks to now (R14).
    pub(super) fn identify(
        &mut self,
        stack: &mut Stack,
        identity: &Party,
        by_offer: bool,
    ) -> Result<(), CommandRefused> {
        if NameAddr::from_party(identity).is_err() {
            return Err(CommandRefused::BadText);
        }
        if self.phase != Phase::Established {
            return Err(CommandRefused::WrongState);
        }
        if !self.peer_allows_update {
            if by_offer {
                self.identify_by_offer(identity);
            }
            return Ok(());
        }
        let refresh = self.refresh.clone();
        let least_s = self.interval.least_s;
        self.send(stack, Method::Update, Purpose::Identify, None, |builder| {
            assert_identity(builder, Some(identity));
            if let Some(refresh) = &refresh {
                refresh.write_as_client(builder, least_s);
            }
        });
        Ok(())
    }

    /// A re-INVITE with the description that stands, so that no media changes. One that still waits tells the newer name.
    fn identify_by_offer(&mut self, identity: &Party) {
        let waiting = self.offers.iter_mut().find(|offer| offer.is_refresh && offer.identity.is_some());
        if let Some(offer) = waiting {
            offer.identity = Some(identity.clone());
        } else if self.offers.len() < OFFERS_QUEUED_MAX {
            let (sdp, identity) = (self.local_sdp.clone(), Some(identity.clone()));
            self.offers.push_back(Offer { sdp, identity, glares: 0, is_refresh: true });
        }
    }
}
