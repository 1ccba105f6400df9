//! Supervisors listen unheard, whisper to one party, barge in and take over; nobody else's call knows of it.

use baton_contact::ConnectionId;
use baton_contact::command::{Command, Control, Refusal, RefusalKind, Reply, Target, Watched};
use baton_contact::directory::{SecurityProfile, Supervision};
use baton_contact::snapshot::{ConnectionState, ConnectionType, ContactState};
use baton_tests::world::{Behaviour, Dialect, World, office};
use serde_json::json;

const ALL: [Supervision; 4] =
    [Supervision::SilentMonitor, Supervision::Whisper, Supervision::Barge, Supervision::TakeOver];

/// Carla may do these as a supervisor; her phone answers by itself.
fn office_of(agents: &[&str], rights: &[Supervision]) -> World {
    let mut world = World::with(&[], 1, |_, directory| {
        let supervise = rights.to_vec();
        directory.security_profiles =
            vec![SecurityProfile { name: "lead".into(), supervise, ..SecurityProfile::default() }];
        directory.users[2].security_profile = Some("lead".into());
    });
    world.add_sound();
    agents.iter().for_each(|agent| world.register(agent));
    world.behave("carla", Behaviour::Answers(100));
    world.talking();
    world
}

fn ask(world: &mut World, mode: Supervision, to: Option<ConnectionId>) -> Result<Reply, Refusal> {
    let (supervisor, watched) = ("carla".into(), Watched::Agent("anna".into()));
    let done = world.command(Command::Supervise { supervisor, watched, mode, to });
    world.settle();
    world.settle();
    done
}

fn supervise(world: &mut World, mode: Supervision) {
    let done = ask(world, mode, None);
    assert!(done.is_ok(), "{mode:?}: {done:?}\n{}", world.ladder);
}

/// The two who talk heard nothing of what happened: no message to them, and each other as before.
fn undisturbed(world: &mut World) {
    for who in ["C", "anna"] {
        world.expect_ladder(who, &[]);
    }
}

#[test]
fn a_silent_supervisor_hears_all_and_is_heard_by_nobody() {
    let mut world = office_of(&["anna", "carla"], &ALL);
    world.ladder.rungs.clear();
    supervise(&mut world, Supervision::SilentMonitor);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("carla", "C anna")]);
    undisturbed(&mut world);
    let connections = world.connections();
    let (_, carla) = connections.iter().find(|(name, _)| name == "carla").expect("panels see her");
    assert_eq!((carla.kind, carla.state), (ConnectionType::Monitor, ConnectionState::SilentMonitor));
    let controls = &world.agents["carla"].contacts[0].controls;
    assert_eq!(*controls, ["silentMonitor", "whisper", "barge", "takeOver", "end"]);
    world.hang_up("carla");
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("carla", "nothing")]);
    undisturbed(&mut world);
    assert!(world.agents["carla"].contacts.is_empty(), "no after-contact work");
    world.run_ms(2_000);
    world.expect_record(2, &[("/InitiationMethod", json!("MONITOR")), ("/Agent/Username", json!("carla"))]);
    world.expect_record(1, &[("/NextContactId", json!(null)), ("/Baton/NextContactIds", json!(null))]);
    world.end_of_day();
}

#[test]
fn a_whisper_is_heard_by_one_party_and_a_barge_by_all_and_modes_change_back_and_forth() {
    let mut world = office_of(&["anna", "carla"], &ALL);
    supervise(&mut world, Supervision::Whisper);
    world.expect_hearing(&[("C", "anna"), ("anna", "C carla"), ("carla", "C anna")]);
    let customer = world.connection("C");
    assert!(ask(&mut world, Supervision::Whisper, Some(customer)).is_ok());
    world.expect_hearing(&[("C", "anna carla"), ("anna", "C"), ("carla", "C anna")]);
    supervise(&mut world, Supervision::Barge);
    world.expect_hearing(&[("C", "anna carla"), ("anna", "C carla"), ("carla", "C anna")]);
    world.freeze_and_revive();
    supervise(&mut world, Supervision::SilentMonitor);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("carla", "C anna")]);
    world.hang_up("carla");
    world.run_ms(2_000);
    let record = world.record(2);
    let states = record["Agent"]["StateTransitions"].as_array().expect("what she did stands in the record").clone();
    let named: Vec<&str> = states.iter().filter_map(|each| each["state"].as_str()).collect();
    assert_eq!(named, ["WHISPER", "WHISPER", "BARGE", "SILENT_MONITOR"]);
    assert!(states.iter().all(|each| each["stateEndTimestamp"].is_string()), "{states:?}");
    world.expect_record(2, &[("/Agent/AgentInteractionDuration", json!(0))]);
    world.end_of_day();
}

#[test]
fn a_supervisor_hears_what_goes_on_through_hold_consult_join_and_leave() {
    let mut world = office_of(&["anna", "bert", "carla"], &ALL);
    supervise(&mut world, Supervision::SilentMonitor);
    world.click("anna", Control::Hold);
    world.expect_hearing(&[("C", "music"), ("carla", "anna")]);
    world.consult("anna", "Bert");
    world.answer("bert");
    world.expect_hearing(&[("C", "music"), ("anna", "bert"), ("bert", "anna"), ("carla", "anna bert")]);
    world.click("anna", Control::Swap);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("bert", "music"), ("carla", "C anna")]);
    world.click("anna", Control::Join);
    world.expect_hearing(&[("C", "anna bert"), ("carla", "C anna bert")]);
    supervise(&mut world, Supervision::Barge);
    world.expect_hearing(&[("C", "anna bert carla"), ("bert", "C anna carla")]);
    // The agent whom she supervises has left: nothing is left to supervise.
    world.click("anna", Control::Leave);
    world.expect_hearing(&[("C", "bert"), ("bert", "C"), ("carla", "nothing")]);
    assert!(!world.is_up("carla"), "{}", world.ladder);
    world.end_of_day();
}

#[test]
fn the_phones_own_hold_key_works_beside_a_supervisor() {
    let mut world = office_of(&["anna", "carla"], &ALL);
    supervise(&mut world, Supervision::Barge);
    world.hold("anna", Dialect::SendOnly);
    world.expect_hearing(&[("C", "music")]);
    world.unhold("anna");
    world.expect_hearing(&[("C", "anna carla"), ("anna", "C carla")]);
    world.hang_up("C");
    assert!(!world.is_up("anna") && !world.is_up("carla"), "{}", world.ladder);
    world.clear_all();
    world.end_of_day();
}

#[test]
fn a_whisper_whose_hearer_has_gone_is_silence() {
    let mut world = office_of(&["anna", "bert", "carla"], &ALL);
    world.consult("anna", "Bert");
    world.answer("bert");
    world.click("anna", Control::Join);
    supervise(&mut world, Supervision::SilentMonitor);
    let bert = world.connection("bert");
    assert!(ask(&mut world, Supervision::Whisper, Some(bert)).is_ok());
    world.expect_hearing(&[("bert", "C anna carla"), ("anna", "C bert"), ("C", "anna bert")]);
    world.hang_up("bert");
    world.expect_hearing(&[("anna", "C"), ("C", "anna"), ("carla", "C anna")]);
    assert_eq!(world.state("carla"), Some(ConnectionState::SilentMonitor));
    world.end_of_day();
}

#[test]
fn a_supervisor_takes_the_contact_over() {
    let mut world = office_of(&["anna", "carla"], &ALL);
    supervise(&mut world, Supervision::Barge);
    supervise(&mut world, Supervision::TakeOver);
    world.expect_hearing(&[("C", "carla"), ("carla", "C"), ("anna", "nothing")]);
    assert_eq!(world.agents["anna"].contacts[0].state, ContactState::Acw);
    world.expect_record(1, &[("/Baton/TransferType", json!("WARM_CONFERENCE"))]);
    // The contact is hers with all its controls.
    world.click("carla", Control::Hold);
    world.expect_hearing(&[("C", "music")]);
    world.click("carla", Control::Resume);
    world.hang_up("C");
    world.clear_all();
    world.run_ms(2_000);
    world.expect_record(
        2,
        &[("/InitiationMethod", json!("MONITOR")), ("/Agent/StateTransitions/0/state", json!("BARGE"))],
    );
    world.expect_record(3, &[("/InitiationMethod", json!("TRANSFER")), ("/Agent/Username", json!("carla"))]);
    world.end_of_day();
}

#[test]
fn a_phone_listens_by_a_code_and_changes_its_part_by_keys() {
    let mut world = office_of(&["anna", "carla"], &ALL);
    world.ladder.rungs.clear();
    world.dial("carla", "*0101");
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("carla", "C anna")]);
    undisturbed(&mut world);
    let keys = [('2', "C carla", "anna"), ('3', "C carla", "anna carla"), ('1', "C", "anna")];
    for (key, agent_hears, customer_hears) in keys {
        world.press_by_info("carla", '*');
        world.press_by_info("carla", key);
        world.expect_hearing(&[("anna", agent_hears), ("C", customer_hears), ("carla", "C anna")]);
    }
    world.press_by_info("carla", '*');
    world.press_by_info("carla", '4');
    world.expect_hearing(&[("C", "carla"), ("carla", "C"), ("anna", "nothing")]);
    world.end_of_day();
}

#[test]
fn whoever_has_not_the_right_cannot_even_listen() {
    let mut world = office_of(&["anna", "bert", "carla"], &[Supervision::SilentMonitor]);
    world.dial("bert", "*0101");
    assert_eq!(world.line("bert").refused, Some(403));
    let watched = || Watched::Agent("anna".into());
    let mode = Supervision::SilentMonitor;
    let refusal = world.command(Command::Supervise { supervisor: "bert".into(), watched: watched(), mode, to: None });
    assert_eq!(refusal.unwrap_err().kind, RefusalKind::NotPermitted);
    supervise(&mut world, Supervision::SilentMonitor);
    for mode in [Supervision::Whisper, Supervision::Barge, Supervision::TakeOver] {
        assert_eq!(ask(&mut world, mode, None).unwrap_err().kind, RefusalKind::NotPermitted, "{mode:?}");
    }
    world.press_by_info("carla", '*');
    world.press_by_info("carla", '3');
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("carla", "C anna")]);
    // A supervisor's phone can transfer nobody.
    world.ladder.rungs.clear();
    world.refer("carla", office::BANK);
    world.expect_ladder("carla", &["> REFER", "< 403 REFER"]);
    world.end_of_day();
}

#[test]
fn what_cannot_be_supervised_is_refused() {
    let mut world = office_of(&["anna", "bert", "carla"], &ALL);
    assert_eq!(ask(&mut world, Supervision::TakeOver, None).unwrap_err().kind, RefusalKind::WrongState);
    let to = Some(ConnectionId(4711));
    assert_eq!(ask(&mut world, Supervision::Whisper, to).unwrap_err().kind, RefusalKind::NotFound);
    let of = |watched: &str| Command::Supervise {
        supervisor: "carla".into(),
        watched: Watched::Agent(watched.into()),
        mode: Supervision::SilentMonitor,
        to: None,
    };
    assert_eq!(world.command(of("bert")).unwrap_err().kind, RefusalKind::WrongState, "bert is on no contact");
    assert_eq!(world.command(of("zoe")).unwrap_err().kind, RefusalKind::NotFound);
    world.behave("carla", Behaviour::Busy(486));
    assert!(world.command(of("anna")).is_ok());
    world.settle();
    assert!(world.agents["carla"].contacts.is_empty(), "her phone was busy: nothing is left of it");
    world.dial("carla", office::PLUMBER);
    assert_eq!(world.command(of("anna")).unwrap_err().kind, RefusalKind::WrongState, "she is on a call");
    let target = Target::Agent("carla".into());
    assert!(world.command(Command::Dial { agent: "carla".into(), target }).is_err());
    world.expect_hearing(&[("C", "anna"), ("anna", "C")]);
    world.end_of_day();
}

#[test]
fn the_panels_end_ends_only_the_supervision() {
    let mut world = office_of(&["anna", "carla"], &ALL);
    supervise(&mut world, Supervision::Barge);
    world.click("carla", Control::End);
    world.expect_hearing(&[("C", "anna"), ("anna", "C"), ("carla", "nothing")]);
    // Neither can an agent hold or drop its supervisor: there is none in its call.
    supervise(&mut world, Supervision::Barge);
    let carla = world.connection("carla");
    for control in [Control::HoldConnection(carla), Control::Drop(carla), Control::Mute(carla)] {
        assert_eq!(world.try_click("anna", control).unwrap_err().kind, RefusalKind::NotFound);
    }
    world.click("anna", Control::End);
    assert!(!world.is_up("C") && !world.is_up("carla"), "{}", world.ladder);
    world.clear_all();
    world.end_of_day();
}

#[test]
fn a_supervisor_of_a_call_in_a_room_does_not_come_into_that_room_and_hear_itself() {
    let mut world = office_of(&["anna", "carla"], &ALL);
    world.call_in("guest", "800");
    supervise(&mut world, Supervision::Barge);
    world.dial("anna", "800");
    world.expect_hearing(&[("guest", "anna carla")]);
    world.dial("carla", "800");
    assert_eq!(world.line("carla/2").refused, Some(486), "it would hear itself\n{}", world.ladder);
    world.expect_hearing(&[("guest", "anna carla")]);
    world.end_of_day();
}

#[test]
fn a_call_is_not_led_into_a_room_that_its_supervisor_has_dialled() {
    let mut world = office_of(&["anna", "carla"], &ALL);
    world.call_in("guest", "800");
    supervise(&mut world, Supervision::SilentMonitor);
    world.dial("carla", "800");
    world.expect_hearing(&[("guest", "carla")]);
    world.dial("anna", "800");
    assert_eq!(world.line("anna/2").refused, Some(403), "carla would hear itself\n{}", world.ladder);
    world.hang_up("carla/2");
    world.dial("anna", "800");
    world.expect_hearing(&[("guest", "anna")]);
    world.end_of_day();
}
