//! Stores many simple calls, so that `time` can tell what one costs:
//! `time cargo run -p baton-store --example store_cost -- <store file> <calls> <events a batch>`.

use std::error::Error;
use std::path::PathBuf;

use baton_contact::ContactId;
use baton_contact::event::{ContactEvent, DisconnectReason, EndpointAddress, EventKind, InitiationMethod};
use baton_store::Store;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("which store file?")?);
    let calls: u64 = arguments.next().ok_or("how many calls?")?.parse()?;
    let batch: usize = arguments.next().ok_or("how many events a batch?")?.parse()?;
    let mut store = Store::open(&path)?;
    store.set_sinks(&["file"])?;
    // 256 calls are up at a time, their events woven into each other.
    for first in (0..calls).step_by(256) {
        let calls: Vec<Vec<ContactEvent>> = (first..calls.min(first + 256)).map(call).collect();
        let woven: Vec<ContactEvent> =
            (0..8).flat_map(|step| calls.iter().map(move |call| call[step].clone())).collect();
        for events in woven.chunks(batch.max(1)) {
            store.append(events)?;
        }
    }
    println!("{calls} calls, {} open", store.open_contacts().len());
    Ok(())
}

/// A call of 8 events; its id is spread over all values, as random ones are.
fn call(number: u64) -> Vec<ContactEvent> {
    let id = ContactId(u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64 | u128::from(number));
    let address = |text: &str| Some(EndpointAddress { address: text.to_owned(), name: None });
    let initiated = EventKind::Initiated {
        initial_contact_id: None,
        previous_contact_id: None,
        method: InitiationMethod::Inbound,
        customer_endpoint: address("+49301234567"),
        system_endpoint: address("+49409876543"),
        quick_connect: None,
        recalled_from: None,
    };
    let agent = EventKind::ConnectedToAgent { agent: "agent1".to_owned(), routing_profile: Some("Basic".to_owned()) };
    let reason = DisconnectReason::CustomerDisconnect;
    let kinds = [
        initiated,
        EventKind::ConnectedToSystem,
        EventKind::Offered { agent: "agent1".to_owned() },
        agent,
        EventKind::InteractionStarted,
        EventKind::InteractionEnded,
        EventKind::Disconnected { reason, sip_status: 0, q850: None },
        EventKind::Completed,
    ];
    let event = |(index, kind)| ContactEvent {
        contact_id: id,
        root_contact_id: id,
        sequence: index as u64 + 1,
        at_ms: 1_772_409_600_000 + number * 10 + index as u64 * 1_000,
        kind,
    };
    kinds.into_iter().enumerate().map(event).collect()
}
