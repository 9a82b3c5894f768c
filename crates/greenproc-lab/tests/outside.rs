//! A thread that waits for something that the scheduler knows nothing of is named.
#![cfg(feature = "racelab")]

use std::sync::mpsc::channel;

use greenproc::Command;
use greenproc_lab::{Failure, Options, Scenario};

#[test]
fn who_waits_outside_is_named() {
    let scenario = Scenario::new("outside", |runtime| {
        let waits = Command::new("waits", |_| {
            let (_sender, receiver) = channel::<()>();
            let _ = receiver.recv();
        });
        drop(runtime.run(waits));
    });
    let found = scenario.explore(&Options::default()).found.expect("it comes to no end");
    let Failure::Outside(name) = &found.failure else { panic!("{}", found.failure) };
    assert!(name.starts_with("waits"), "{name}");
}
