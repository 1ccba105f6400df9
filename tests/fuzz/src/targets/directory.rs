//! `directory.toml`: every fault in it has a name, and a directory without faults can be worked with and reads back.

use baton_contact::check::validate;
use baton_contact::command::Command;
use baton_contact::directory::Directory;
use baton_contact::{Config, Core, Input, RequestId};

const NOW_US: u64 = 1_700_000_000_000_000;
/// Most of its timers that are looked at.
const TIMEOUTS_MAX: usize = 50;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(directory) = toml::from_str::<Directory>(text) else { return };
    let faults = validate(&directory);
    assert!(faults.iter().all(|fault| !fault.table.is_empty() && !fault.message.is_empty()), "{faults:?}");
    let printed = toml::to_string(&directory).expect("a directory can be exported");
    assert_eq!(toml::from_str::<Directory>(&printed).as_ref(), Ok(&directory), "and reads back");
    if !faults.is_empty() {
        return;
    }
    let mut core = Core::new(Config::default(), [3; 32], Directory::default());
    core.handle(NOW_US, Input::Command(RequestId(1), Box::new(Command::SetDirectory(Box::new(directory)))));
    let mut now_us = NOW_US;
    for _ in 0..TIMEOUTS_MAX {
        while core.poll_output().is_some() {}
        let Some(due_us) = core.next_timeout_us() else { return };
        now_us = now_us.max(due_us);
        core.handle(now_us, Input::Timeout);
    }
}
