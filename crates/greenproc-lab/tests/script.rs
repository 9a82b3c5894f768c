//! Programs made of bytes: those that were kept, some thousands that are drawn at random, and those that found something.
//!
//! `scripts/fuzz` looks for more of them.
#![cfg(feature = "racelab")]

use std::fs;
use std::path::Path;

use greenproc_lab::{Script, run_bytes};

#[track_caller]
fn clean(bytes: &[u8]) {
    if let Some(found) = run_bytes(bytes) {
        let script = Script::decode(bytes).0;
        panic!("{}\n{bytes:02x?}\n{script}\n{}", found.failure, found.timeline);
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.chars().map(|digit| digit.to_digit(16).expect("a digit") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn the_corpus_is_clean() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut count = 0;
    for file in fs::read_dir(&corpus).expect("it is there") {
        clean(&fs::read(file.expect("a file").path()).expect("a file"));
        count += 1;
    }
    assert!(count >= 50, "{count} files in {}", corpus.display());
}

#[test]
fn what_is_drawn_at_random_is_clean() {
    for seed in 1..=3_000 {
        clean(&Script::draw(seed));
    }
}

/// A process ends whose child is the last of init's group with a parent outside of it, and one of that group stands still:
/// init was sent SIGHUP with the others, died, and took everybody with it.
#[test]
fn the_hangup_of_an_orphaned_group_spares_init() {
    clean(&bytes("d18c035eea04353a20a0aa859635ea0f2bb2a3954553c1b95938288aeb0d784637a3db56"));
}

/// A process that stands still on its way out is reported as stopped, and does stand still.
#[test]
fn a_stop_on_exit_is_a_stop() {
    clean(&bytes("0101b4ca102b9a036c73642d66e6140d55e803e443090000005f000000000000000000000062000000000000"));
}

#[test]
fn any_bytes_are_a_program() {
    for bytes in [&[][..], &[0], &[0xff; 3], &[7; 400]] {
        let (script, schedule) = Script::decode(bytes);
        assert!(schedule.len() <= bytes.len().div_ceil(2));
        assert!(script.to_string().starts_with("0: the first process"));
        clean(bytes);
    }
    assert_eq!(Script::draw(1), Script::draw(1));
    assert_ne!(Script::draw(1), Script::draw(2));
}
