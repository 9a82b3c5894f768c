//! From the text of the file to a [`Plan`], or to all that is wrong with it.

mod child;
mod order;
mod section;
mod tree;

use toml::de::DeTable;

use super::plan::Plan;
use section::{Complaints, Section};

pub(crate) use section::Complaint;

/// Reads the text. `name` is what the supervisor is called if the text does not say.
///
/// # Errors
/// All that is wrong with it, line by line. Where the text is no TOML, only what is wrong with it as such.
pub(crate) fn read(source: &str, name: &str) -> Result<Plan, Vec<Complaint>> {
    let mut complaints = Complaints::new(source);
    let (table, errors) = DeTable::parse_recoverable(source);
    for error in &errors {
        complaints.add(error.span().unwrap_or_default(), error.message());
    }
    let plan =
        errors.is_empty().then(|| tree::read(Section::new("", &table, &mut complaints), name)).flatten();
    let complaints = complaints.into_sorted();
    match plan {
        Some(plan) if complaints.is_empty() => Ok(plan),
        _ => Err(complaints),
    }
}

#[cfg(test)]
mod tests;
