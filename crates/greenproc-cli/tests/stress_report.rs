//! What a stress run writes: JSON as its schema says, a page that stands alone, lists and tables.

#![cfg(unix)]

mod greenproc;

use std::fs;

use greenproc::greenproc;
use serde_json::Value;

/// What may stand in a report. People read it too.
const SCHEMA: &str = include_str!("../../../docs/stress.schema.json");

fn assert_conforms(report: &Value) {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let wrong: Vec<String> =
        validator.iter_errors(report).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{report:#}");
}

#[test]
fn the_json_is_as_its_schema_says() {
    let plain = greenproc(["stress", "--stressor", "spawn", "--ops", "20", "--json"]);
    let plain: Value = serde_json::from_str(&plain.stdout).unwrap();
    assert_conforms(&plain);
    for with_an_option in ["second_account", "host", "soak"] {
        assert_eq!(plain.get(with_an_option), None);
    }
    assert_eq!(plain["latency"], serde_json::json!({}));

    let options = ["--ops", "100", "--verify", "--metrics", "--host", "--soak", "--json", "-"];
    let full = greenproc(["stress"].into_iter().chain(options));
    assert_eq!(full.code, Some(0), "{}{}", full.stdout, full.stderr);
    let full: Value = serde_json::from_str(&full.stdout).unwrap();
    assert_conforms(&full);
    for with_an_option in ["second_account", "host", "soak"] {
        assert!(full[with_an_option].is_object(), "{with_an_option}");
    }
    assert_eq!(full["latency"].as_object().unwrap().len(), 3);
    assert_eq!(full["latency"]["kill_to_death"]["count"], 100);
    assert_eq!(full["soak"]["threads"]["verdict"], "too_short");
    let stressors: Vec<&str> = full["order"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(stressors.len(), full["stressors"].as_object().unwrap().len());

    // A schema that accepts anything would show nothing.
    let mut wrong = plain;
    wrong["lost"] = Value::from(-1);
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    assert!(!jsonschema::is_valid(&schema, &wrong));
}

#[test]
fn the_json_goes_to_a_file_and_the_table_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let run = greenproc(["stress", "--stressor", "zombie", "--ops", "50", "--json", file.to_str().unwrap()]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("STRESSOR"), "{}", run.stdout);
    let report: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(report["ops"], 50);
}

/// The page of a run with everything that can be on it.
fn page() -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let (page, peers) = (folder.path().join("page.html"), folder.path().join("peers.json"));
    let rows = [
        r#"{"name":"batch1000","peer":"tokio_spawn","ratio":1.58,"p10":1.2,"p90":1.71,"pinned":false,"rounds":21}"#,
        r#"{"name":"sequential","peer":"<fork> & \"co\"","ratio":0.0026,"p10":0.002,"p90":0.003,"pinned":true}"#,
    ];
    fs::write(&peers, rows.join("\n")).expect("the folder is there");
    let (page_name, peers) =
        (page.to_str().expect("a name in UTF-8"), peers.to_str().expect("a name in UTF-8"));
    // Long enough for some samples.
    let run = greenproc([
        "stress", "--time", "1s", "--verify", "--host", "--soak", "--html", page_name, "--peers", peers,
    ]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    fs::read_to_string(page).expect("the page was written")
}

#[test]
fn the_page_is_well_formed_and_stands_alone() {
    let page = page();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(&page, options).expect("well-formed");
    let of_kind = |name| document.descendants().filter(move |node| node.has_tag_name(name));
    let titles: Vec<_> = of_kind("h2").filter_map(|node| node.text()).collect();
    assert_eq!(
        titles,
        [
            "How long single lives take",
            "Rates over time",
            "Beside others",
            "Memory, threads, maps, pids",
            "The account"
        ]
    );
    // The distribution, a rate for each stressor, the ratios, and four quantities over time.
    assert_eq!(of_kind("svg").count(), 1 + 17 + 1 + 4);
    let texts: Vec<_> = of_kind("text").filter_map(|node| node.text()).collect();
    assert!(texts.contains(&"<fork> & \"co\", one after another, one CPU"), "{texts:?}");

    for loads in ["script", "link", "img", "iframe", "object", "embed", "image", "use", "a"] {
        assert_eq!(of_kind(loads).count(), 0, "{loads}");
    }
    for loads in ["src", "href", "action", "data", "poster", "background"] {
        assert!(document.descendants().all(|node| node.attribute(loads).is_none()), "{loads}");
    }
    for loads in ["://", "url(", "@import", "src("] {
        assert!(!page.contains(loads), "{loads}");
    }
    // What cannot be placed would stand as this.
    for wrong in ["NaN", "inf"] {
        let attributes = document.descendants().flat_map(|node| node.attributes());
        assert!(
            attributes
                .filter(|attribute| attribute.name() != "aria-label")
                .all(|attribute| !attribute.value().contains(wrong)),
            "{wrong}"
        );
    }
}

#[test]
fn the_list_tells_of_each_stressor() {
    let list = greenproc(["stress", "--list"]);
    assert_eq!((list.code, list.stderr.as_str()), (Some(0), ""));
    assert_eq!(list.stdout.matches("an operation:").count(), 17);
    let one = greenproc(["stress", "--list", "--stressor", "pid-reuse"]);
    assert_eq!(one.stdout.matches("an operation:").count(), 1);
    assert!(one.stdout.starts_with("pid-reuse"), "{}", one.stdout);
}

#[test]
fn what_was_checked_is_told_and_what_was_not() {
    let run = greenproc(["stress", "--stressor", "kill,zombie", "--ops", "50", "--verify", "--metrics"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    for text in
        ["NOT CHECKED", "intended step of its way", "kill to death", "were made, ended and were reaped, once"]
    {
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
    }
}
