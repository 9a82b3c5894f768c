//! A page that shows a schedule step by step.

use crate::races::Race;
use crate::timeline::Timeline;
use crate::token::Token;

/// One self-contained page.
pub fn page(race: &Race, kind: &str, token: &Token, timeline: &Timeline, fixed: Option<&Timeline>) -> String {
    let fixed = fixed.map(ToString::to_string).unwrap_or_default();
    format!("<pre>{} {kind} {token}\n{timeline}\n{fixed}</pre>", race.name)
}
