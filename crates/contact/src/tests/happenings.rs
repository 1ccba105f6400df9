//! What happens when (the table of the domain), and the phone's own keys.

use baton_sip::{Binding, EndCause, Event as SipEvent};

use super::world::{Sent, World, binding};
use crate::command::{AddMode, Control, Query, Reply, Target};
use crate::event::{DisconnectReason, EventKind, TransferType};
use crate::ids::ContactId;
use crate::snapshot::AgentActivity;

const STAFF: [&str; 2] = ["anna", "bert"];

fn transfers(world: &World) -> Vec<(TransferType, String, bool)> {
    let all = world.events.iter().filter_map(|event| match &event.kind {
        EventKind::Transfer { transfer_type, outcome, completed, .. } => {
            Some((*transfer_type, outcome.clone(), *completed))
        }
        _ => None,
    });
    all.collect()
}

fn disconnects(world: &World) -> Vec<(ContactId, DisconnectReason)> {
    let all = world.events.iter().filter_map(|event| match event.kind {
        EventKind::Disconnected { reason, .. } => Some((event.contact_id, reason)),
        _ => None,
    });
    all.collect()
}

fn everything_is_returned(world: &World) {
    assert!(world.legs.is_empty(), "legs left: {:?}", world.legs);
    assert_eq!(world.desk.ports.used(), 0);
    assert!(world.desk.leg_index.is_empty());
}

#[test]
fn a_target_that_fails_leaves_the_customer_on_hold_and_the_agent_informed() {
    let cases = [(486, "busy"), (404, "invalidNumber"), (603, "rejected"), (480, "noAnswer"), (500, "unreachable")];
    for (status, outcome) in cases {
        let mut world = World::talking(&STAFF);
        world.consult("anna", "Bank");
        world.refuse("+49404040", status);
        assert_eq!((world.hears("C"), world.hears("anna")), (vec!["music".into()], vec!["silence".into()]));
        assert_eq!(transfers(&world), [(TransferType::Failed, outcome.to_string(), false)]);
        let shown = world.control("anna", Control::Resume).expect("resume").expect("a snapshot");
        let target = shown.connections.iter().find(|each| each.address == "+49404040").expect("shown");
        assert_eq!((target.outcome.as_deref(), target.sip_status), (Some(outcome), Some(status)));
        assert_eq!(world.hears("C"), ["anna"]);
    }
}

#[test]
fn r4_a_blind_target_that_fails_recalls_the_agent_then_the_queue() {
    let mut world = World::talking(&["anna"]);
    let target = Target::QuickConnect("Bank".into());
    world.control("anna", Control::Add { target, mode: AddMode::Blind }).expect("blind");
    let first = world.contact_of("anna");
    world.refuse("+49404040", 486);
    assert_eq!(world.hears("C"), ["music"]);
    world.alert("anna");
    assert!(world.events.iter().any(|e| matches!(&e.kind, EventKind::Recalled { agent, .. } if agent == "anna")));
    // Not taken: the queue it came from, where another agent gets it.
    world.control_on(Some("anna"), first, Control::Clear).expect("clear");
    world.register("bert");
    world.refuse("anna", 486);
    world.answer("bert");
    assert_eq!((world.hears("C"), world.hears("bert")), (vec!["bert".to_string()], vec!["C".to_string()]));
}

#[test]
fn r4_the_recalled_agent_has_the_customer_back() {
    let mut world = World::talking(&["anna"]);
    let target = Target::QuickConnect("Bank".into());
    world.control("anna", Control::Add { target, mode: AddMode::Blind }).expect("blind");
    world.wait_ms(61_000);
    world.answer("anna");
    assert_eq!((world.hears("C"), world.hears("anna")), (vec!["anna".to_string()], vec!["C".to_string()]));
    world.hang_up("C");
    everything_is_returned(&world);
}

#[test]
fn the_target_hangs_up_in_a_consult_the_customer_stays_held() {
    let mut world = World::talking(&STAFF);
    world.consult("anna", "Bank");
    world.answer("+49404040");
    world.hang_up("+49404040");
    assert_eq!((world.hears("C"), world.hears("anna")), (vec!["music".into()], vec!["silence".into()]));
    assert_eq!(transfers(&world), [(TransferType::ConsultOnly, "targetEnded".to_string(), false)]);
}

#[test]
fn the_target_hangs_up_when_joined_the_others_go_on() {
    let mut world = World::talking(&STAFF);
    world.consult("anna", "Bank");
    world.answer("+49404040");
    world.control("anna", Control::Join).expect("join");
    world.hang_up("+49404040");
    assert_eq!((world.hears("C"), world.hears("anna")), (vec!["anna".to_string()], vec!["C".to_string()]));
    assert_eq!(transfers(&world), [(TransferType::ConferenceOnly, "targetEnded".to_string(), false)]);
}

#[test]
fn the_customer_hangs_up_on_hold_agent_and_target_go_on_until_one_leaves() {
    let mut world = World::talking(&STAFF);
    world.consult("anna", "Bert");
    world.answer("bert");
    world.hang_up("C");
    assert_eq!((world.hears("anna"), world.hears("bert")), (vec!["bert".to_string()], vec!["anna".to_string()]));
    world.hang_up("bert");
    everything_is_returned(&world);
    assert!(disconnects(&world).iter().all(|(_, reason)| *reason == DisconnectReason::CustomerDisconnect));
}

#[test]
fn the_agents_hang_up_with_a_target_is_leave() {
    let mut world = World::talking(&STAFF);
    world.consult("anna", "Bert");
    world.answer("bert");
    world.hang_up("anna");
    assert_eq!((world.hears("C"), world.hears("bert")), (vec!["bert".to_string()], vec!["C".to_string()]));
    assert_eq!(world.desk.agents["anna"].activity(), AgentActivity::Acw);
}

#[test]
fn the_agents_hang_up_ends_a_plain_call() {
    let mut world = World::talking(&STAFF);
    let contact = world.contact_of("anna");
    world.hang_up("anna");
    everything_is_returned(&world);
    assert_eq!(disconnects(&world), [(contact, DisconnectReason::AgentDisconnect)]);
}

#[test]
fn a_phone_that_dies_keeps_the_customer_and_recalls_the_agent() {
    let died: [fn(&mut World); 3] = [
        |world| {
            let stream = baton_media::StreamId(world.leg_of("anna"));
            world.media(baton_media::Event::Audible { stream });
            world.media(baton_media::Event::Silent { stream, for_ms: 2_000 });
            world.wait_ms(30_000);
        },
        |world| {
            let leg = world.leg_of("anna");
            world.hang_up_leg(leg, EndCause::Timeout);
        },
        |world| {
            world.control("anna", Control::Hold).expect("hold");
            world.hang_up("anna");
        },
    ];
    for die in died {
        let mut world = World::talking(&["anna"]);
        die(&mut world);
        assert_eq!(world.hears("C"), ["music"]);
        world.answer("anna");
        assert_eq!((world.hears("C"), world.hears("anna")), (vec!["anna".to_string()], vec!["C".to_string()]));
    }
}

#[test]
fn a_silent_customer_is_told_of_and_kept() {
    let mut world = World::talking(&["anna"]);
    let stream = baton_media::StreamId(world.leg_of("C"));
    world.media(baton_media::Event::Audible { stream });
    world.media(baton_media::Event::Silent { stream, for_ms: 2_000 });
    world.wait_ms(60_000);
    assert!(world.events.iter().any(|event| matches!(event.kind, EventKind::Audio { present: false, .. })));
    assert_eq!(world.hears("C"), ["anna"]);
}

#[test]
fn customer_and_outside_party_go_on_after_the_agent_left_and_end_together() {
    for gone in ["C", "+49404040"] {
        let mut world = World::talking(&STAFF);
        world.consult("anna", "Bank");
        world.answer("+49404040");
        world.control("anna", Control::Leave).expect("leave");
        world.hang_up(gone);
        everything_is_returned(&world);
        let last = disconnects(&world).last().map(|(_, reason)| *reason);
        let wanted =
            if gone == "C" { DisconnectReason::CustomerDisconnect } else { DisconnectReason::ThirdPartyDisconnect };
        assert_eq!(last, Some(wanted), "{gone} hangs up");
    }
}

#[test]
fn a_missed_offer_goes_to_the_next_agent_and_waits_for_clear() {
    let mut world = World::new(&STAFF);
    world.call_in("C", "+4989222");
    world.wait_ms(20_000);
    assert_eq!(world.desk.agents["anna"].activity(), AgentActivity::Missed);
    assert_eq!(world.ringing.values().collect::<Vec<_>>(), ["bert"]);
    world.answer("bert");
    world.control("anna", Control::Clear).expect("clear");
    assert!(world.desk.agents["anna"].routable());
}

#[test]
fn the_longest_idle_agent_gets_the_oldest_contact() {
    let mut world = World::new(&["bert", "anna"]);
    world.call_in("C1", "+4989222");
    world.call_in("C2", "+4989222");
    let mut ringing: Vec<_> = world.ringing.values().cloned().collect();
    ringing.sort();
    assert_eq!(ringing, ["anna", "bert"]);
    assert_eq!(
        world.events.iter().find_map(|e| match &e.kind {
            EventKind::Offered { agent } => Some(agent.clone()),
            _ => None,
        }),
        Some("bert".to_string())
    );
}

#[test]
fn a_caller_who_gives_up_in_the_queue_is_recorded_as_such() {
    let mut world = World::new(&[]);
    world.call_in("C", "+4989222");
    assert_eq!(world.hears("C"), ["music"]);
    world.hang_up("C");
    everything_is_returned(&world);
    assert_eq!(disconnects(&world).len(), 1);
    assert_eq!(disconnects(&world)[0].1, DisconnectReason::CustomerDisconnect);
    assert!(world.desk.waiting.is_empty());
}

#[test]
fn a_tandem_call_is_led_from_trunk_to_trunk() {
    let mut world = World::new(&[]);
    let caller = world.call_in("C", "+49123");
    world.alert("+49123");
    world.answer("+49123");
    assert_eq!(world.sent, [Sent::Ring(caller, 180), Sent::Answer(caller)]);
    assert_eq!((world.hears("C"), world.hears("+49123")), (vec!["+49123".to_string()], vec!["C".to_string()]));
    world.hang_up("C");
    everything_is_returned(&world);
    assert!(world.desk.conversations.is_empty());
}

#[test]
fn unreachable_targets_of_a_caller_are_told_by_status() {
    let mut world = World::new(&[]);
    for (number, status) in [("999", 404), ("101", 480)] {
        let leg = world.call_in("C", number);
        let refused = world.sent.last().cloned();
        assert!(
            refused == Some(Sent::Refuse(leg, status)) || refused == Some(Sent::End(leg, status)),
            "{number}: {refused:?}"
        );
        everything_is_returned(&world);
    }
    let leg = world.call_in("C", "+49123");
    world.refuse("+49123", 486);
    assert_eq!(world.sent.last(), Some(&Sent::End(leg, 486)));
    everything_is_returned(&world);
}

#[test]
fn the_phones_hold_key_is_the_panels_hold() {
    let mut world = World::talking(&STAFF);
    let leg = world.leg_of("anna");
    world.phone_hold(leg, true);
    assert_eq!(world.hears("C"), ["music"]);
    assert!(world.control("anna", Control::Resume).is_err(), "the phone would not listen");
    world.phone_hold(leg, false);
    assert_eq!((world.hears("C"), world.hears("anna")), (vec!["anna".to_string()], vec!["C".to_string()]));
}

#[test]
fn r1_a_blind_refer_is_accepted_reported_and_completed() {
    let mut world = World::talking(&STAFF);
    let leg = world.leg_of("anna");
    world.phone_hold(leg, true);
    world.sent.clear();
    world.refer(leg, "+49404040", None);
    world.alert("+49404040");
    assert_eq!(world.hears("C"), ["ring-back"]);
    world.answer("+49404040");
    assert_eq!(
        world.sent,
        [Sent::AcceptTransfer(leg), Sent::Report(leg, 180), Sent::Report(leg, 200), Sent::End(leg, 480)]
    );
    assert_eq!(world.hears("C"), ["+49404040"]);
}

#[test]
fn r4_a_blind_refer_that_fails_gives_the_customer_back() {
    let mut world = World::talking(&STAFF);
    let leg = world.leg_of("anna");
    world.phone_hold(leg, true);
    world.refer(leg, "+49404040", None);
    world.refuse("+49404040", 486);
    assert_eq!(world.sent.last(), Some(&Sent::Report(leg, 486)));
    assert_eq!(world.hears("C"), ["music"]);
    world.phone_hold(leg, false);
    assert_eq!(world.hears("C"), ["anna"]);
}

#[test]
fn r3_the_transferors_bye_right_after_the_202_is_normal() {
    let mut world = World::talking(&STAFF);
    let leg = world.leg_of("anna");
    world.refer(leg, "+49404040", None);
    world.hang_up("anna");
    assert_eq!(world.hears("C"), ["ring-back"]);
    world.answer("+49404040");
    assert_eq!(world.hears("C"), ["+49404040"]);
}

#[test]
fn r6_an_attended_refer_splices_the_two_lines_of_a_phone() {
    let mut world = World::talking(&STAFF);
    let first = world.leg_of("anna");
    world.phone_hold(first, true);
    let second = world.call_in("anna", "102");
    world.alert("bert");
    world.answer("bert");
    assert_eq!((world.leg_hears(second), world.hears("bert")), (vec!["bert".to_string()], vec!["anna".to_string()]));
    assert_eq!(world.hears("C"), ["music"]);
    let bert = world.leg_of("bert");
    world.sent.clear();
    world.refer(first, "102", Some(second));
    assert_eq!(world.sent[..2], [Sent::AcceptTransfer(first), Sent::Report(first, 200)]);
    assert_eq!((world.hears("C"), world.leg_hears(bert)), (vec!["bert".to_string()], vec!["C".to_string()]));
    assert!(!world.sent.iter().any(|sent| matches!(sent, Sent::End(leg, _) if *leg == bert)));
}

#[test]
fn r7_a_semi_attended_refer_keeps_the_ringing_leg() {
    let mut world = World::talking(&STAFF);
    let first = world.leg_of("anna");
    world.phone_hold(first, true);
    let second = world.call_in("anna", "102");
    world.alert("bert");
    let ringing = world.ringing_leg("bert");
    world.refer(first, "102", Some(second));
    assert_eq!(world.ringing_leg("bert"), ringing);
    assert_eq!(world.hears("C"), ["ring-back"]);
    world.answer("bert");
    assert_eq!(world.hears("C"), ["bert"]);
}

#[test]
fn r5_a_replaces_of_a_foreign_dialog_is_refused() {
    let mut world = World::talking(&STAFF);
    let first = world.leg_of("anna");
    let stranger = world.leg_of("C");
    world.refer(first, "102", Some(stranger));
    assert_eq!(world.sent.last(), Some(&Sent::RefuseTransfer(first, 403)));
}

#[test]
fn two_conversations_of_one_agent_become_one_by_an_attended_refer() {
    let mut world = World::talking(&STAFF);
    let first = world.leg_of("anna");
    world.phone_hold(first, true);
    // Bert calls anna's extension: a call of its own, on her second line.
    let bert = world.call_in("bert", "101");
    assert_eq!(world.sent.last(), Some(&Sent::End(bert, 486)), "an agent on a contact is busy for plain calls");
}

#[test]
fn a_trunks_refer_moves_its_own_end() {
    let mut world = World::new(&[]);
    let caller = world.call_in("C", "+49123");
    world.answer("+49123");
    world.refer(caller, "+49555", None);
    world.answer("+49555");
    assert_eq!((world.hears("+49123"), world.hears("+49555")), (vec!["+49555".into()], vec!["+49123".into()]));
    world.hang_up("+49555");
    everything_is_returned(&world);
}

#[test]
fn a_conference_room_mixes_all_who_dial_it() {
    let mut world = World::new(&["anna"]);
    world.call_in("A", "800");
    assert_eq!(world.hears("A"), ["music"]);
    world.call_in("B", "800");
    world.call_in("anna", "800");
    assert_eq!(world.hears("A"), ["B", "anna"]);
    for party in ["A", "B", "anna"] {
        world.hang_up(party);
    }
    everything_is_returned(&world);
    assert!(world.desk.conversations.is_empty(), "a room is no contact to work on after");
}

#[test]
fn an_agents_own_call_out_answers_its_phone_when_the_customer_answers() {
    let mut world = World::new(&["anna"]);
    let own = world.call_in("anna", "+49777");
    world.alert("+49777");
    world.answer("+49777");
    assert_eq!(world.sent, [Sent::Ring(own, 180), Sent::Answer(own)]);
    assert_eq!((world.hears("anna"), world.hears("+49777")), (vec!["+49777".into()], vec!["anna".into()]));
}

#[test]
fn a_dial_from_the_panel_rings_the_agents_phone_first() {
    let mut world = World::new(&["anna"]);
    let target = Target::PhoneNumber("+49777".into());
    world.command(crate::command::Command::Dial { agent: "anna".into(), target }).expect("dialled");
    world.answer("anna");
    world.alert("+49777");
    assert_eq!(world.hears("anna"), ["ring-back"]);
    world.answer("+49777");
    assert_eq!(world.hears("anna"), ["+49777"]);
    world.hang_up("+49777");
    everything_is_returned(&world);
}

#[test]
fn a_customer_on_hold_for_long_is_not_forgotten() {
    let mut world = World::talking(&STAFF);
    world.control("anna", Control::Hold).expect("hold");
    world.wait_ms(30_000);
    assert!(world.events.iter().any(|event| event.kind == EventKind::HoldReminder { held_ms: 30_000 }));
}

#[test]
fn at_the_deadline_everybody_is_hung_up_on_and_recorded() {
    let mut world = World::talking(&STAFF);
    world.consult("anna", "Bert");
    world.answer("bert");
    world.call_in("D", "+49123");
    world.command(crate::command::Command::EndAll).expect("done");
    everything_is_returned(&world);
    assert!(world.desk.conversations.is_empty(), "after-contact work does not outlive the server");
    let late = world.call_in("E", "+49123");
    assert_eq!(world.sent.last(), Some(&Sent::Refuse(late, 503)));
}

#[test]
fn a_mute_does_not_outlive_the_agent_who_could_lift_it() {
    let mut world = World::talking(&STAFF);
    world.consult("anna", "Bank");
    world.answer("+49404040");
    let bank = world.call().connections.iter().find(|party| party.address == "+49404040").map(|party| party.id);
    world.control("anna", Control::Mute(bank.expect("a party"))).expect("mute");
    world.control("anna", Control::Leave).expect("leave");
    assert_eq!((world.hears("C"), world.hears("+49404040")), (vec!["+49404040".into()], vec!["C".into()]));
}

#[test]
fn r12_a_trunk_without_tandem_does_not_get_outside_by_refer() {
    let mut world = World::talking(&STAFF);
    world.desk.trunks[0].tandem = false;
    let caller = world.leg_of("C");
    world.refer(caller, "+49900", None);
    assert_eq!(world.sent.last(), Some(&Sent::RefuseTransfer(caller, 403)));
    assert_eq!(world.hears("C"), ["anna"]);
}

#[test]
fn who_missed_a_contact_has_no_say_in_it_any_more() {
    let mut world = World::new(&STAFF);
    world.call_in("C", "+4989222");
    let contact = world.contact_of("anna");
    world.wait_ms(20_000);
    world.answer("bert");
    for control in [Control::End, Control::Hold, Control::Accept] {
        let refusal = world.control_on(Some("anna"), contact, control).expect_err("refused");
        assert_eq!((refusal.kind, refusal.snapshot), (crate::command::RefusalKind::NotAllowed, None));
    }
    world.control_on(Some("anna"), contact, Control::Clear).expect("acknowledged");
    assert_eq!(world.hears("C"), ["bert"]);
}

#[test]
fn r4_an_attended_refer_to_a_target_that_has_just_gone_keeps_the_customer() {
    let mut world = World::talking(&STAFF);
    let first = world.leg_of("anna");
    world.phone_hold(first, true);
    let second = world.call_in("anna", "+49555");
    world.answer("+49555");
    world.hang_up("+49555");
    // Its line has ended with it, as the phone is just being told.
    world.refer(first, "+49555", Some(second));
    assert_eq!(world.sent.last(), Some(&Sent::RefuseTransfer(first, 481)));
    assert_eq!(world.hears("C"), ["music"]);
    world.phone_hold(first, false);
    assert_eq!(world.hears("C"), ["anna"]);
}

#[test]
fn r4_a_phone_that_dies_twice_does_not_keep_the_customer_from_the_queue() {
    let mut world = World::talking(&["anna"]);
    let leg = world.leg_of("anna");
    world.hang_up_leg(leg, EndCause::Timeout);
    let leg = world.answer("anna");
    world.hang_up_leg(leg, EndCause::Timeout);
    assert_eq!(world.desk.waiting.len() + world.ringing.len(), 1, "in the queue, or offered out of it");
    assert_eq!(world.hears("C"), ["music"]);
}

#[test]
fn d7_a_final_answer_may_differ_from_the_early_one() {
    let mut world = World::new(&[]);
    world.call_in("C", "+49123");
    let leg = world.ringing_leg("+49123");
    world.early(leg, 5_000);
    world.answer_leg(leg);
    let conversation = world.call();
    let found = conversation.connections.iter().find_map(|party| party.leg(leg)).and_then(|leg| leg.negotiated());
    assert_eq!(found.expect("negotiated").remote.port(), 4_002);
}

#[test]
fn the_phones_own_conference_is_not_bridged_twice() {
    let mut world = World::talking(&STAFF);
    let first = world.leg_of("anna");
    world.phone_hold(first, true);
    let second = world.call_in("anna", "+49555");
    world.answer("+49555");
    world.phone_hold(first, false);
    assert_eq!((world.leg_hears(first), world.leg_hears(second)), (vec!["C".to_string()], vec!["+49555".to_string()]));
    assert_eq!((world.hears("C"), world.hears("+49555")), (vec!["anna".to_string()], vec!["anna".to_string()]));
}

#[test]
fn a_target_that_cannot_be_reached_at_all_holds_nobody() {
    let mut world = World::talking(&["anna"]);
    world.consult("anna", "Bert");
    assert_eq!((world.hears("C"), world.hears("anna")), (vec!["anna".to_string()], vec!["C".to_string()]));
    assert_eq!(transfers(&world), [(TransferType::Failed, "unreachable".to_string(), false)]);
}

#[test]
fn a_blind_transfer_is_no_hold() {
    let mut world = World::talking(&STAFF);
    let target = Target::QuickConnect("Bank".into());
    world.control("anna", Control::Add { target, mode: AddMode::Blind }).expect("blind");
    assert!(!world.events.iter().any(|event| matches!(event.kind, EventKind::Held { .. })));
}

#[test]
fn the_customer_leaves_the_contact_that_it_is_on() {
    let mut world = World::talking(&STAFF);
    let first = world.contact_of("anna");
    world.consult("anna", "Bert");
    world.answer("bert");
    world.control("anna", Control::Leave).expect("leave");
    let second = world.contact_of("bert");
    world.hang_up("C");
    let left: Vec<(ContactId, String)> = (world.events.iter())
        .filter_map(|event| match &event.kind {
            EventKind::Left { by } => Some((event.contact_id, by.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(left[..2], [(first, "agent".to_string()), (second, "customer".to_string())]);
}

#[test]
fn r4_a_phone_that_hangs_up_on_a_failed_transfer_does_not_lose_the_customer() {
    let mut world = World::talking(&["anna"]);
    let leg = world.leg_of("anna");
    world.refer(leg, "+49404040", None);
    world.refuse("+49404040", 480);
    world.wait_ms(4);
    world.hang_up("anna");
    assert_eq!(world.hears("C"), ["music"]);
    world.answer("anna");
    assert_eq!((world.hears("C"), world.hears("anna")), (vec!["anna".to_string()], vec!["C".to_string()]));
}

#[test]
fn the_operator_sees_each_flow_of_a_device_and_the_way_to_it() {
    let mut world = World::new(&[]);
    let flow = |number| Binding {
        instance: Some("<urn:uuid:1>".into()),
        reg_id: Some(number),
        path: vec!["<sip:edge.example;lr>".into()],
        ..binding("anna")
    };
    let (account, bindings) = ("anna-desk".into(), vec![flow(1), flow(2)]);
    world.sip(SipEvent::BindingsChanged { account, bindings });
    let Ok(Reply::Registrations(shown)) = world.desk.query(&Query::Registrations) else { panic!("no registrations") };
    let flows: Vec<_> = shown.iter().map(|each| (each.instance.as_deref(), each.reg_id)).collect();
    assert_eq!(flows, [(Some("<urn:uuid:1>"), Some(1)), (Some("<urn:uuid:1>"), Some(2))]);
    assert_eq!(
        (shown[0].transport.as_str(), shown[0].path.as_slice()),
        ("udp", ["<sip:edge.example;lr>".to_owned()].as_slice())
    );
}
