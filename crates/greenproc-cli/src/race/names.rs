//! Names of the command line: what they mean, and what was meant.

use std::str::FromStr;

use greenproc_lab::{Fault, Race, Shard, Token};

use super::options::Variant;
use crate::failure::Failure;

/// The race of this name.
pub(super) fn race(name: &str) -> Result<&'static Race, Failure> {
    Race::find(name).ok_or_else(|| {
        let known = Race::all().map(|race| race.name);
        unknown("race", name, known, "greenproc race list")
    })
}

/// What is planted.
pub(super) fn fault(race: &'static Race, variant: &Variant) -> Result<Option<Fault>, Failure> {
    match variant.buggy.as_deref() {
        None => Ok(None),
        Some("") => Ok(race.faults.first().copied()),
        Some(name) => planted(race, name).map(Some),
    }
}

/// The fault of this name, which has to be one of the race's.
pub(super) fn planted(race: &'static Race, name: &str) -> Result<Fault, Failure> {
    race.faults.iter().copied().find(|fault| fault.name() == name).ok_or_else(|| {
        let known = race.faults.iter().map(|fault| fault.name());
        unknown(
            &format!("fault of {}", race.name),
            name,
            known,
            &format!("greenproc race explain {}", race.name),
        )
    })
}

/// The token, and what it belongs to.
pub(super) fn token(text: &str) -> Result<(Token, &'static Race, Option<Fault>), Failure> {
    let token: Token = text.parse().map_err(|error| usage("replay", error))?;
    let race = race(token.scenario())?;
    let fault = token.fault().map(|name| planted(race, name)).transpose()?;
    Ok((token, race, fault))
}

/// A part of the schedules.
pub(super) fn shard(text: &str) -> Result<Shard, Failure> {
    Shard::from_str(text).map_err(|error| usage("--shard", error))
}

fn usage(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::Usage(format!("{what}: {error} (try 'greenproc race --help')"))
}

fn unknown(what: &str, name: &str, known: impl Iterator<Item = &'static str>, list: &str) -> Failure {
    let near =
        known.map(|known| (strsim::jaro_winkler(known, name), known)).filter(|(alike, _)| *alike > 0.7);
    let near = near.max_by(|one, two| one.0.total_cmp(&two.0));
    let hint = near.map_or_else(String::new, |(_, known)| format!("did you mean '{known}'? "));
    Failure::Usage(format!("no {what} is called '{name}' ({hint}try '{list}' or 'greenproc race --help')"))
}
