//! The page that shows a schedule: it needs nothing but itself, is well-formed, and holds everything.
#![cfg(feature = "racelab")]

use greenproc_lab::{Fault, Options, Race, follow, page};
use serde_json::Value;

/// The page of a found race, and how many rows each side has.
fn shown() -> (String, [usize; 2]) {
    let race = Race::find("exit-wait").expect("it is one of them");
    let options = Options::default();
    let found = race.scenario(Some(Fault::CheckOutsideLock)).explore(&options).found.expect("it is found");
    let (failure, fixed) = follow(&race.scenario(None), &found.token, &options);
    assert_eq!(failure, None, "without the fault the same choices lead to no failure");
    let rows = [found.timeline.tell().rows.len(), fixed.tell().rows.len()];
    (page(race, found.failure.kind(), &found.token, &found.timeline, Some(&fixed)), rows)
}

#[test]
fn it_needs_nothing_but_itself() {
    let (page, _) = shown();
    for outside in
        ["http:", "https:", "src=", "href=", "url(", "@import", "fetch(", "XMLHttpRequest", "import "]
    {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn it_is_well_formed() {
    let (page, _) = shown();
    assert!(page.starts_with("<!DOCTYPE html>"));
    let void = ["meta", "input", "!doctype"];
    let mut open: Vec<String> = Vec::new();
    let mut rest = page.as_str();
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("a tag ends");
        rest = after;
        let name: String =
            tag.chars().take_while(|sign| !sign.is_whitespace()).collect::<String>().to_lowercase();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
        } else if !void.contains(&name.as_str()) {
            if name == "script" || name == "style" {
                rest = rest.split_once(&format!("</{name}>")).expect("it ends").1;
            } else {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn it_holds_all_events_of_both_sides() {
    let (page, rows) = shown();
    let (_, json) = page.split_once("type=\"application/json\">").expect("the data");
    let (json, _) = json.split_once("</script>").expect("they end");
    let data: Value = serde_json::from_str(json).expect("JSON");
    let sides = data["sides"].as_array().expect("a list");
    let counted = [0, 1].map(|side| sides[side]["rows"].as_array().expect("a list").len());
    assert_eq!(counted, rows);
    for side in sides {
        let pictures = side["pictures"].as_array().expect("a list").len();
        let lanes = side["lanes"].as_array().expect("a list").len();
        assert!(pictures > 3, "the processes come and go");
        for row in side["rows"].as_array().expect("a list") {
            assert!(row["picture"].as_u64().is_none_or(|picture| picture < pictures as u64));
            assert!(row["lane"].as_u64().is_some_and(|lane| lane < lanes as u64));
        }
    }
    assert!(sides[0]["failure"].as_str().is_some_and(|failure| failure.contains("nobody can go on")));
    assert_eq!(sides[1]["failure"], Value::Null);
    let zombie = |picture: &Value| picture.to_string().contains("Zombie");
    assert!(sides[0]["pictures"].as_array().expect("a list").iter().any(zombie));
}
