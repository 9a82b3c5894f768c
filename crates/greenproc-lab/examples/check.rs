//! Finds the bug of a small user program: somebody looks whether a parcel is there, and goes to sleep if it is not.
//!
//! The bell rings when the parcel comes. If that is between the look and the sleep, nobody hears it. On threads that
//! nobody controls this shows once in a long while; here it is found in some dozen schedules, with all it takes to see why.
//!
//! Needs the feature `racelab`:
//! `cargo run -p greenproc-lab --features racelab --target-dir target/lab --example check`

use std::sync::Arc;

use greenproc::{Command, Runtime};
use greenproc_lab::{Failure, Options, Scenario, check};
use greenproc_sync::{Condvar, Mutex, lock_order};

lock_order! {
    /// Whether the parcel is there.
    Parcel = "parcel",
}

#[derive(Default)]
struct Desk {
    parcel: Mutex<Parcel, bool>,
    bell: Condvar<Parcel>,
}

impl Desk {
    fn deliver(&self) {
        *self.parcel.lock() = true;
        self.bell.notify_one();
    }

    /// What the lock says may have changed by the time it is taken again.
    fn fetch_carelessly(&self) {
        let is_there = *self.parcel.lock();
        if !is_there {
            self.bell.wait(&mut self.parcel.lock());
        }
    }

    fn fetch(&self) {
        let mut parcel = self.parcel.lock();
        while !*parcel {
            self.bell.wait(&mut parcel);
        }
    }
}

/// A process delivers, another one fetches.
fn program(runtime: &Runtime, fetch: fn(&Desk)) {
    let desk = Arc::new(Desk::default());
    let status = runtime.run(Command::new("clerk", move |p| {
        let outside = Arc::clone(&desk);
        p.spawn(Command::new("postman", move |_| outside.deliver()))?;
        fetch(&desk);
        p.wait().map(|_| ())
    }));
    assert!(status.expect("a process").success());
}

fn main() {
    let careless = Scenario::new("parcel", |runtime| program(runtime, Desk::fetch_carelessly));
    let report = careless.explore(&Options::default());
    let found = report.found.expect("some order goes wrong");
    println!("{}, in schedule {}:\n\n{}", found.failure.kind(), found.schedule, found.timeline);
    println!("token: {}\n", found.token);
    assert!(matches!(found.failure, Failure::LostWakeup(_)), "{}", found.failure);

    // In a test this is all: it panics if any schedule with up to two preemptions goes wrong.
    check(|runtime| program(runtime, Desk::fetch));
    println!("With the lock held from the look to the sleep all orders are fine.");
}
