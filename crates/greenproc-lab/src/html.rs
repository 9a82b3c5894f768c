//! A page that shows a schedule step by step. It needs nothing but itself.

use serde::Serialize;

use crate::races::Race;
use crate::timeline::{Telling, Timeline};
use crate::token::Token;

/// The page, with a mark where the data go.
const PAGE: &str = include_str!("page.html");
const MARK: &str = "\"the data\"";

#[derive(Serialize)]
struct Data<'a> {
    race: &'a str,
    invariant: &'a str,
    story: &'a str,
    fault: Option<&'a str>,
    kind: &'a str,
    token: String,
    sides: Vec<Side>,
}

#[derive(Serialize)]
struct Side {
    title: String,
    #[serde(flatten)]
    telling: Telling,
}

/// One self-contained page: the schedule, and beside it, if there is one, what the same choices lead to without the fault.
///
/// # Panics
/// Never: what it shows can be written as JSON.
pub fn page(race: &Race, kind: &str, token: &Token, timeline: &Timeline, fixed: Option<&Timeline>) -> String {
    let first =
        token.fault().map_or_else(|| "The schedule".to_owned(), |fault| format!("With {fault} planted"));
    let mut sides = vec![Side { title: first, telling: timeline.tell() }];
    if let Some(fixed) = fixed {
        sides.push(Side { title: "The code as it is, the same choices".to_owned(), telling: fixed.tell() });
    }
    let data = Data {
        race: race.name,
        invariant: race.invariant,
        story: race.story,
        fault: token.fault(),
        kind,
        token: token.to_string(),
        sides,
    };
    let json = serde_json::to_string(&data).expect("strings, numbers and lists");
    // Inside of a script element nothing may look like a tag.
    let json = json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
    PAGE.replace(MARK, &json)
}
