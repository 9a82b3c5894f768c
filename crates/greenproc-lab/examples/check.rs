//! Finds the bug of a small user program: a parent that asks whether its worker has ended, and goes to sleep if not.
//!
//! The worker rings when it is done. If it does so between the look and the sleep, nobody hears it.
//!
//! Needs the feature `racelab`: `cargo run -p greenproc-lab --features racelab --target-dir target/lab --example check`

use std::sync::Arc;

use greenproc::{Command, Runtime};
use greenproc_lab::{Failure, Options, Scenario, check};
use greenproc_sync::{Class, Condvar, Mutex};

/// What a worker hands over.
struct Desk {
    done: Mutex<bool, Leaf>,
    bell: Condvar,
}

fn main() {}
