//! Races and slips that other SIP servers published as bugs, each one file here:
//!
//! | what went wrong elsewhere | file |
//! |---|---|
//! | both sides send BYE at once | `both_sides_hang_up` |
//! | the transferor hangs up right after the 202 | `hang_up_after_202` |
//! | the final NOTIFY and the BYE leave 19 µs apart and are swapped | `final_notify_and_bye` |
//! | a REFER overtakes the 200 that it depends on | `refer_overtakes_200` |
//! | a BYE before the ACK of a re-INVITE | `bye_before_the_ack` |
//! | a challenge to a REFER is lost | `challenged_refer` |
//! | a REFER in a dialog falls through and loops | `refer_falls_through` |
//! | the transferee sends a re-INVITE during the transfer | `reinvite_in_a_transfer` |
//! | both hold at once, 491 both ways | `simultaneous_hold` |
//! | refresh or hold on a call with one leg | `one_legged_call` |
//! | the customer stays on hold after the transfer | `held_after_the_transfer` |
//! | hold before a consult leaves one-way audio | `hold_before_a_consult` |
//! | hold silently evicts a conference member | `hold_in_a_conference` |
//! | a REFER is repeated after its subscription is gone | `repeated_refer` |

#[path = "catalogue/both_sides_hang_up.rs"]
mod both_sides_hang_up;
#[path = "catalogue/bye_before_the_ack.rs"]
mod bye_before_the_ack;
#[path = "catalogue/challenged_refer.rs"]
mod challenged_refer;
#[path = "catalogue/final_notify_and_bye.rs"]
mod final_notify_and_bye;
#[path = "catalogue/hang_up_after_202.rs"]
mod hang_up_after_202;
#[path = "catalogue/held_after_the_transfer.rs"]
mod held_after_the_transfer;
#[path = "catalogue/hold_before_a_consult.rs"]
mod hold_before_a_consult;
#[path = "catalogue/hold_in_a_conference.rs"]
mod hold_in_a_conference;
#[path = "catalogue/one_legged_call.rs"]
mod one_legged_call;
#[path = "catalogue/refer_falls_through.rs"]
mod refer_falls_through;
#[path = "catalogue/refer_overtakes_200.rs"]
mod refer_overtakes_200;
#[path = "catalogue/reinvite_in_a_transfer.rs"]
mod reinvite_in_a_transfer;
#[path = "catalogue/repeated_refer.rs"]
mod repeated_refer;
#[path = "catalogue/simultaneous_hold.rs"]
mod simultaneous_hold;
