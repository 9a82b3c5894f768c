//! Bytes whose first half is what a few processes do to each other, and whose second half is the order of their turns.
#![no_main]

use greenproc_lab::{Script, run_bytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(found) = run_bytes(bytes) {
        eprintln!("{}\n{bytes:02x?}\n{}\n{}", found.failure, Script::decode(bytes).0, found.timeline);
        std::process::abort();
    }
});
