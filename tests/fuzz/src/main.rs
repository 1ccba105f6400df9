//! The targets under libFuzzer; `FUZZ_TARGET` names one, or `list` prints them all. `tests/fuzz/run` builds and starts it.

#![no_main]
#![allow(unsafe_code, missing_docs, reason = "the library's macros")]

use std::sync::LazyLock;

use baton_fuzz::{TARGETS, Target, mutate, target};

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET: there is no target {name:?}"))
});

libfuzzer_sys::fuzz_target!(
    init: {
        if std::env::var("FUZZ_TARGET").is_ok_and(|name| name == "list") {
            for target in TARGETS {
                println!("{} {} {}", target.name, target.length_max, target.beginnings.join(" "));
            }
            std::process::exit(0);
        }
    },
    |data: &[u8]| (TARGET.run)(data)
);

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    // The library knows bytes, we know lines: turn about.
    if !seed.is_multiple_of(3) {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    let changed = mutate::mutate(&data[..size], &[], TARGET.text, u64::from(seed));
    let length = changed.len().min(max_size);
    data[..length].copy_from_slice(&changed[..length]);
    length
});
