//! Transfers, conferences and supervision from the keys of real phones, and in each state everybody's ears are asked.
//!
//! baresip 1.0 knows REFER to a number alone; its user transfers with a second line by naming the number that the line is
//! on. linphonec names the line itself (Replaces), and mixes two calls when it is told to.

use baton_tests::real::{
    Baresip, CUSTOMER_HZ, Ear, Linphone, OUTSIDE, OUTSIDE_HZ, Office, Room, SUPPORT, TrunkCall, WhenRung, tone_of,
    until,
};
use serde_json::json;

/// Who hears what, by name: `agent1`, `agent2`, `agent3`, `outside`, `customer`, in this order.
type Heard<'a> = [(&'static str, &'a dyn Ear, &'static str)];

#[track_caller]
fn expect_heard(heard: &Heard) {
    let tone = |name: &str| match name {
        "customer" => CUSTOMER_HZ,
        "outside" => OUTSIDE_HZ,
        agent => tone_of(agent.trim_start_matches("agent").parse().expect("agent1, agent2 or agent3")),
    };
    let room = heard.iter().fold(Room::new(), |room, (name, ear, _)| room.with(name, tone(name), *ear));
    let lines: Vec<String> = heard.iter().map(|(name, _, heard)| format!("{name}: {heard}")).collect();
    room.expect(&lines.iter().map(String::as_str).collect::<Vec<_>>());
}

/// A customer of agent 1, who has baresip; agent 2 has linphonec, which waits to be answered.
fn customer_of_a_baresip(office: &Office) -> (Baresip, Linphone, TrunkCall) {
    let one = office.baresip(1, WhenRung::Answer);
    let two = office.linphone(2, WhenRung::Ring);
    let agents = office.all_available(&[1, 2]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    (one, two, customer)
}

/// A customer of agent 2, who has linphonec; agent 1 has baresip.
fn customer_of_a_linphone(office: &Office, other: WhenRung) -> (Baresip, Linphone, TrunkCall) {
    let one = office.baresip(1, other);
    let two = office.linphone(2, WhenRung::Answer);
    let agents = office.all_available(&[2, 1]);
    let customer = office.customer_calls(5080, SUPPORT);
    customer.expect_answered(10.0);
    agents[0].expect_contact("connected");
    (one, two, customer)
}

/// The second line of agent 1's baresip calls agent 2, while the customer is on hold.
fn second_line_of_a_baresip(one: &mut Baresip, two: &Linphone) {
    one.hold();
    one.dial("sip:1002@10.77.0.1");
    two.expect_said("Receiving new incoming call", 1);
}

/// On the customer's line, the transfer key and the number that the second line is on.
fn transfer_the_first_line(one: &mut Baresip) {
    one.command("line", "1");
    one.transfer("sip:1002@10.77.0.1");
}

/// Agent 2's phone was called once, and both lines of agent 1's are free.
fn expect_handed_on(one: &Baresip, two: &Linphone) {
    one.expect_event("CALL_CLOSED", 2);
    assert_eq!(two.log().matches("Receiving new incoming call").count(), 1, "the target is never called twice");
}

#[test]
fn r7_baresip_transfers_while_its_second_line_still_rings() {
    let Some(office) = Office::open() else { return };
    let (mut one, mut two, customer) = customer_of_a_baresip(&office);
    second_line_of_a_baresip(&mut one, &two);
    transfer_the_first_line(&mut one);
    expect_heard(&[("agent2", &two, "-"), ("customer", &customer, "music")]);
    two.answer();
    expect_heard(&[("agent1", &one, "-"), ("agent2", &two, "customer"), ("customer", &customer, "agent2")]);
    expect_handed_on(&one, &two);
}

#[test]
fn r6_baresip_transfers_when_its_second_line_talks() {
    let Some(office) = Office::open() else { return };
    let (mut one, mut two, customer) = customer_of_a_baresip(&office);
    second_line_of_a_baresip(&mut one, &two);
    two.answer();
    expect_heard(&[("agent1", &one, "agent2"), ("agent2", &two, "agent1"), ("customer", &customer, "music")]);
    transfer_the_first_line(&mut one);
    expect_heard(&[("agent1", &one, "-"), ("agent2", &two, "customer"), ("customer", &customer, "agent2")]);
    expect_handed_on(&one, &two);
}

#[test]
fn a_second_line_whose_target_hangs_up_is_hung_up_and_baresip_goes_back_to_the_customer() {
    let Some(office) = Office::open() else { return };
    let (mut one, mut two, customer) = customer_of_a_baresip(&office);
    second_line_of_a_baresip(&mut one, &two);
    two.answer();
    expect_heard(&[("agent1", &one, "agent2"), ("agent2", &two, "agent1"), ("customer", &customer, "music")]);
    two.hang_up(None);
    one.expect_event("CALL_CLOSED", 1);
    // It resumes by itself the line that it held, of which it decodes no more: only the customer can be asked.
    Room::new().with_voice("agent1", tone_of(1)).with("customer", CUSTOMER_HZ, &customer).expect(&["customer: agent1"]);
}

#[test]
fn r7_linphone_transfers_while_its_second_line_still_rings() {
    let Some(office) = Office::open() else { return };
    let (mut one, mut two, customer) = customer_of_a_linphone(&office, WhenRung::Ring);
    two.hold();
    two.dial("sip:1001@10.77.0.1");
    one.expect_event("CALL_INCOMING", 1);
    // It names its second line from the moment on that it knows it to ring.
    two.expect_said("Call 2 to sip:1001@10.77.0.1 ringing", 1);
    two.transfer_to_call(1, 2);
    until("the transfer to be taken", 5.0, || two.sip_log().contains("SIP/2.0 202"));
    one.answer();
    expect_heard(&[("agent1", &one, "customer"), ("agent2", &two, "-"), ("customer", &customer, "agent1")]);
    assert_eq!(one.count("CALL_INCOMING"), 1, "the target is never called twice");
}

#[test]
fn p4_r1_linphones_transfer_key_sends_the_customer_outside() {
    let Some(office) = Office::open() else { return };
    let (_one, mut two, customer) = customer_of_a_linphone(&office, WhenRung::Ring);
    let outside = office.outside_waits(500);
    two.transfer(&format!("sip:{OUTSIDE}@10.77.0.1"));
    outside.expect_answered(10.0);
    expect_heard(&[("agent2", &two, "-"), ("outside", &outside, "customer"), ("customer", &customer, "outside")]);
}

#[test]
fn linphones_conference_key_mixes_its_two_calls() {
    let Some(office) = Office::open() else { return };
    let (one, mut two, customer) = customer_of_a_linphone(&office, WhenRung::Answer);
    two.hold();
    two.dial("sip:1001@10.77.0.1");
    one.expect_event("CALL_ESTABLISHED", 1);
    two.expect_said("connected.", 2);
    two.confer(&[1, 2]);
    // Without a sound card linphonec itself is silent and deaf in its mix.
    let others = |heard: [&'static str; 2]| {
        expect_heard(&[("agent1", &one, heard[0]), ("customer", &customer, heard[1])]);
    };
    others(["customer", "agent1"]);
    // It is the phone that mixes, and nobody else: without it they hear nothing.
    two.process().kill();
    others(["-", "-"]);
}

#[test]
fn two_consults_at_a_time_are_swapped_and_joined_by_keys() {
    let Some(office) = Office::open() else { return };
    let (mut one, mut two, customer) = customer_of_a_baresip(&office);
    let three = office.linphone(3, WhenRung::Answer);
    let agents = office.all_available(&[3]);
    let agent1 = office.log_in(1);
    agent1.add(&json!({"quickConnectId": "Agent two", "mode": "consult"}));
    two.expect_said("Receiving new incoming call", 1);
    agent1.add(&json!({"quickConnectId": "Agent three", "mode": "consult"}));
    agents[0].expect_contact("connected");
    // Whoever answers is talked to; then the other one answers.
    two.answer();
    let room = |one: &Baresip, heard: [&'static str; 4]| {
        expect_heard(&[
            ("agent1", one, heard[0]),
            ("agent2", &two, heard[1]),
            ("agent3", &three, heard[2]),
            ("customer", &customer, heard[3]),
        ]);
    };
    room(&one, ["agent2", "agent1", "music", "music"]);
    // Round, to whoever has been held longest.
    one.press("*4");
    room(&one, ["customer", "music", "music", "agent1"]);
    one.press("*4");
    room(&one, ["agent3", "music", "agent1", "music"]);
    one.press("*3");
    room(
        &one,
        ["agent2, agent3, customer", "agent1, agent3, customer", "agent1, agent2, customer", "agent1, agent2, agent3"],
    );
}

#[test]
fn a_leave_is_taken_back_by_a_key_while_the_target_rings() {
    let undo = |business: String| business.replace("extension = \"2001\"", "extension = \"2001\"\nundoSeconds = 20");
    let Some(office) = Office::open_with(undo) else { return };
    let (mut one, mut two, customer) = customer_of_a_baresip(&office);
    let agent1 = office.log_in(1);
    agent1.add(&json!({"quickConnectId": "Agent two", "mode": "consult"}));
    two.expect_said("Receiving new incoming call", 1);
    agent1.press("leave");
    expect_heard(&[("agent1", &one, "-"), ("customer", &customer, "music")]);
    one.press("*5");
    // Back at her consult, which rings on.
    expect_heard(&[("agent1", &one, "music"), ("customer", &customer, "music")]);
    two.answer();
    expect_heard(&[("agent1", &one, "agent2"), ("agent2", &two, "agent1"), ("customer", &customer, "music")]);
    assert_eq!(two.log().matches("Receiving new incoming call").count(), 1, "it rang on");
}

#[test]
fn r4_a_target_that_does_not_answer_brings_the_customer_back_to_the_phone_that_has_hung_up() {
    let brief = |business: String| {
        business.replace("extension = \"2001\"", "extension = \"2001\"\nrecall = { ringSeconds = 5 }")
    };
    let Some(office) = Office::open_with(brief) else { return };
    let (mut one, two, customer) = customer_of_a_baresip(&office);
    one.transfer("sip:1002@10.77.0.1");
    two.expect_said("Receiving new incoming call", 1);
    one.hang_up();
    one.expect_event("CALL_CLOSED", 1);
    // It answers by itself.
    one.expect_event("CALL_ESTABLISHED", 2);
    expect_heard(&[("agent1", &one, "customer"), ("agent2", &two, "-"), ("customer", &customer, "agent1")]);
    assert!(one.log().contains("urn:alert:service:recall:transfer"), "the phone is told why it rings");
}

#[test]
fn an_outside_target_takes_the_customer_by_pressing_1() {
    let asked = |business: String| {
        business.replace("phoneNumber = \"4940555000\"", "phoneNumber = \"4940555000\"\npressOne = true")
    };
    let Some(office) = Office::open_with(asked) else { return };
    let (one, _two, customer) = customer_of_a_baresip(&office);
    let outside = office.outside_waits(500);
    office.log_in(1).add(&json!({"quickConnectId": "Outside", "mode": "blind"}));
    outside.expect_answered(10.0);
    // It hears what it is to do; the customer hears the ring-back, whose pauses are longer than a prompt.
    Room::new().with("outside", OUTSIDE_HZ, &outside).with_voice("customer", CUSTOMER_HZ).expect(&["outside: music"]);
    Room::new().with_voice("outside", OUTSIDE_HZ).with("customer", CUSTOMER_HZ, &customer).expect(&["customer: music"]);
    outside.party().press(1);
    expect_heard(&[("agent1", &one, "-"), ("outside", &outside, "customer"), ("customer", &customer, "outside")]);
}

#[test]
fn a_supervisor_dials_in_unheard_and_barges_in_by_a_key() {
    let lead = |business: String| {
        let lead = "\n[[securityProfiles]]\nname = \"lead\"\nsupervise = [\"SILENT_MONITOR\", \"BARGE\"]\n";
        business.replace("extension = \"1003\"", "extension = \"1003\"\nsecurityProfile = \"lead\"") + lead
    };
    let Some(office) = Office::open_with(lead) else { return };
    let (one, _two, customer) = customer_of_a_baresip(&office);
    let mut three = office.linphone(3, WhenRung::Ring);
    three.dial("sip:*01001@10.77.0.1");
    three.expect_said("connected.", 1);
    let room = |three: &Linphone, heard: [&'static str; 3]| {
        expect_heard(&[("agent1", &one, heard[0]), ("agent3", three, heard[1]), ("customer", &customer, heard[2])]);
    };
    room(&three, ["customer", "agent1, customer", "agent1"]);
    three.press("*3");
    room(&three, ["agent3, customer", "agent1, customer", "agent1, agent3"]);
    three.hang_up(None);
    room(&three, ["customer", "-", "agent1"]);
}
