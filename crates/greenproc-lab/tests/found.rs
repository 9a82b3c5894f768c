//! Bugs of the runtime that its lab has found: the choices that led to them lead to nothing any more, and a planted fault
//! brings each of them back.
#![cfg(feature = "racelab")]

use greenproc_lab::{Failure, Fault, Options, Race, Token, follow};

/// How the race ends with these choices, as far as they fit the code as it is today.
fn outcome(token: &str) -> Option<Failure> {
    let token: Token = token.parse().expect("a token");
    let race = Race::find(token.scenario()).expect("a race of this name");
    follow(&race.scenario(None), &token, &Options::default()).0
}

fn is_found(race: &str, fault: Fault) {
    let race = Race::find(race).expect("a race of this name");
    let found = race.scenario(Some(fault)).explore(&Options::default()).found.expect("it is found");
    let (failure, _) = follow(&race.scenario(None), &found.token, &Options::default());
    assert_eq!(failure, None, "without the fault the same choices lead to nothing");
}

/// A signal for an LWP that left between the look for it and the posting was kept for the process, and interrupted another
/// LWP: found by `race run kill-reap --strategy random --seed 5`.
#[test]
fn tgkill_leaving() {
    let found = "0.1.0:kill-reap:-:23b15b2b1b23b:877777f68d8888888881e4b411111cc5ccc9cc984d422444144b00401dd4888888da088888888";
    assert_eq!(outcome(found), None);
    is_found("tgkill-leaving", Fault::SignalOutlivesLwp);
}
