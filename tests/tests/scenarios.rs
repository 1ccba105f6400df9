//! Whole calls in virtual time: each file one behaviour, with the ladder, who hears whom, and the record.

#[path = "scenarios/attended_refer.rs"]
mod attended_refer;
#[path = "scenarios/blind_refer.rs"]
mod blind_refer;
#[path = "scenarios/carried.rs"]
mod carried;
#[path = "scenarios/catalogue.rs"]
mod catalogue;
#[path = "scenarios/conference.rs"]
mod conference;
#[path = "scenarios/conference_focus.rs"]
mod conference_focus;
#[path = "scenarios/conference_guests.rs"]
mod conference_guests;
#[path = "scenarios/consult_join_leave.rs"]
mod consult_join_leave;
#[path = "scenarios/dial_out.rs"]
mod dial_out;
#[path = "scenarios/dtmf.rs"]
mod dtmf;
#[path = "scenarios/empty_room.rs"]
mod empty_room;
#[path = "scenarios/external_number.rs"]
mod external_number;
#[path = "scenarios/far_names.rs"]
mod far_names;
#[path = "scenarios/feature_codes.rs"]
mod feature_codes;
#[path = "scenarios/freeze_and_revive.rs"]
mod freeze_and_revive;
#[path = "scenarios/identity.rs"]
mod identity;
#[path = "scenarios/identity_updates.rs"]
mod identity_updates;
#[path = "scenarios/in_dialog_requests.rs"]
mod in_dialog_requests;
#[path = "scenarios/lost_phone.rs"]
mod lost_phone;
#[path = "scenarios/offerless.rs"]
mod offerless;
#[path = "scenarios/parallel_consults.rs"]
mod parallel_consults;
#[path = "scenarios/permissions.rs"]
mod permissions;
#[path = "scenarios/phone_hold.rs"]
mod phone_hold;
#[path = "scenarios/press_one.rs"]
mod press_one;
#[path = "scenarios/queue_transfer.rs"]
mod queue_transfer;
#[path = "scenarios/queues.rs"]
mod queues;
#[path = "scenarios/races.rs"]
mod races;
#[path = "scenarios/recall_policy.rs"]
mod recall_policy;
#[path = "scenarios/refer_targets.rs"]
mod refer_targets;
#[path = "scenarios/refused_calls.rs"]
mod refused_calls;
#[path = "scenarios/replaces.rs"]
mod replaces;
#[path = "scenarios/room_target.rs"]
mod room_target;
#[path = "scenarios/semi_attended.rs"]
mod semi_attended;
#[path = "scenarios/serial_ringing.rs"]
mod serial_ringing;
#[path = "scenarios/supervisors.rs"]
mod supervisors;
#[path = "scenarios/tone_continuity.rs"]
mod tone_continuity;
#[path = "scenarios/trunk_accounts.rs"]
mod trunk_accounts;
#[path = "scenarios/trunk_caps.rs"]
mod trunk_caps;
#[path = "scenarios/trunk_failover.rs"]
mod trunk_failover;
#[path = "scenarios/trunk_health.rs"]
mod trunk_health;
#[path = "scenarios/trunk_hold.rs"]
mod trunk_hold;
#[path = "scenarios/trunk_media.rs"]
mod trunk_media;
#[path = "scenarios/trunk_numbers.rs"]
mod trunk_numbers;
#[path = "scenarios/trunk_refer_on.rs"]
mod trunk_refer_on;
#[path = "scenarios/trunk_take_back.rs"]
mod trunk_take_back;
#[path = "scenarios/trunk_transfers.rs"]
mod trunk_transfers;
#[path = "scenarios/two_phones.rs"]
mod two_phones;
#[path = "scenarios/undo.rs"]
mod undo;
#[path = "scenarios/watching.rs"]
mod watching;
