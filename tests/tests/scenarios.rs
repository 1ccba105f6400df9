//! Whole calls in virtual time: each file one behaviour, with the ladder, who hears whom, and the record.

#[path = "scenarios/consult_join_leave.rs"]
mod consult_join_leave;
