//! The guide answers 24 complaints; this shows that the tests which it names exist.

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("the workspace").to_owned()
}

fn guide() -> String {
    std::fs::read_to_string(root().join("docs/supervision.md")).expect("the guide")
}

/// What stands between back quotes and is a test's name.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter(|name| {
        let (file, function) = name.split_once("::").unwrap_or_default();
        !file.is_empty()
            && file.chars().all(|letter| letter.is_lowercase() || "/_".contains(letter))
            && function.contains('_')
    })
}

/// The file that a test is in.
fn file_of(file: &str) -> PathBuf {
    match file.split_once('/') {
        Some(("tests", _)) => root().join(format!("{file}.rs")),
        Some(_) => root().join(format!("crates/greenproc-supervisor/src/{file}.rs")),
        None => root().join(format!("crates/greenproc-supervisor/tests/{file}.rs")),
    }
}

#[test]
fn each_of_the_24_complaints_is_answered_by_a_test() {
    let guide = guide();
    let rows: Vec<(usize, usize)> = guide
        .lines()
        .filter_map(|line| {
            let number = line.strip_prefix("| ")?.split_once(" |")?.0.parse().ok()?;
            Some((number, tests_in(line).count()))
        })
        .collect();
    assert_eq!(rows.iter().map(|&(number, _)| number).collect::<Vec<_>>(), (1..=24).collect::<Vec<_>>());
    let unanswered: Vec<_> = rows.iter().filter(|&&(_, tests)| tests == 0).collect();
    assert!(unanswered.is_empty(), "{unanswered:?}");
}

#[test]
fn each_test_that_is_named_exists() {
    let guide = guide();
    let names: Vec<&str> = tests_in(&guide).collect();
    assert!(names.len() > 24, "{names:?}");
    for name in names {
        let (file, function) = name.split_once("::").expect("it was looked at");
        let path = file_of(file);
        let source =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let lines: Vec<&str> = source.lines().map(str::trim).collect();
        let place = lines.iter().position(|line| line.starts_with(&format!("fn {function}(")));
        let place = place.unwrap_or_else(|| panic!("there is no test {name}"));
        assert!(
            lines[..place]
                .iter()
                .rev()
                .take_while(|line| line.starts_with("#["))
                .any(|line| *line == "#[test]"),
            "{name}"
        );
    }
}
