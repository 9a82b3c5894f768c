//! What the benchmark `peers` found, for the page.

use std::path::Path;

use serde::Deserialize;

use super::charts::Ratio;
use crate::failure::{Failure, plainly};
use crate::stress::output::unusable;

/// A line of its `--json`, as far as it is shown.
#[derive(Debug, Deserialize)]
struct Row {
    name: String,
    peer: String,
    ratio: f64,
    p10: f64,
    p90: f64,
    pinned: bool,
}

/// Reads the ratios; an object on each line.
pub(crate) fn read(path: &Path) -> Result<Vec<Ratio>, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| unusable(&name, &plainly(&error)))?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let ratios: Vec<Ratio> = lines
        .map(|line| serde_json::from_str::<Row>(line).map(|row| ratio(&row)))
        .collect::<Result<_, _>>()
        .map_err(|_| unusable(&name, "not what the benchmark 'peers' prints with --json"))?;
    if ratios.is_empty() { Err(unusable(&name, "there is nothing in it")) } else { Ok(ratios) }
}

fn ratio(row: &Row) -> Ratio {
    let how = match &*row.name {
        "batch1000" => "1000 at a time",
        "sequential" => "one after another",
        other => other,
    };
    let cpus = if row.pinned { ", one CPU" } else { "" };
    Ratio {
        beside: format!("{}, {how}{cpus}", row.peer.replace('_', " ")),
        class: if row.pinned { "s1" } else { "s0" },
        median: row.ratio,
        p10: row.p10,
        p90: row.p90,
    }
}
