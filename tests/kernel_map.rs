//! The kernel map says of each row where it is and what shows it; this shows that what it names exists.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

struct Row {
    number: usize,
    module: String,
    tests: Vec<String>,
}

fn rows() -> Vec<Row> {
    let map = std::fs::read_to_string(root().join("docs/kernel-map.md")).expect("the kernel map");
    let cells = map.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split('|').map(str::trim);
        let number = cells.next()?.parse().ok()?;
        let (_what, module, tests) = (cells.next()?, cells.next()?, cells.next()?);
        Some(Row { number, module: module.to_owned(), tests: quoted(tests) })
    });
    cells.collect()
}

/// What stands between back quotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn each_of_the_74_rows_is_there_once_and_in_order() {
    let numbers: Vec<usize> = rows().iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=74).collect::<Vec<_>>());
}

#[test]
fn no_row_is_open() {
    for row in rows() {
        let module = quoted(&row.module).into_iter().next();
        let settled = row.module.starts_with("n/a: ") || row.module.starts_with("by construction: ");
        assert!(module.is_some() || settled, "row {}: neither built nor settled: {}", row.number, row.module);
        // What there is, is tested; what there cannot be needs no test.
        assert_eq!(row.tests.is_empty(), row.module.starts_with("n/a"), "row {}: what shows it?", row.number);
        let distinct: HashSet<&String> = row.tests.iter().collect();
        assert_eq!(distinct.len(), row.tests.len(), "row {}: a test is named twice", row.number);
    }
}

#[test]
fn each_module_that_is_named_exists() {
    for row in rows() {
        let places = ["crates/greenproc/src", "crates/greenproc-sync/src"];
        for module in quoted(&row.module).iter().filter(|name| Path::new(name).extension().is_some()) {
            let there = places.iter().any(|place| root().join(place).join(module).is_file());
            assert!(there, "row {}: there is no {module}", row.number);
        }
    }
}

/// The file that a test is in, and its name in that file.
fn place_of(test: &str) -> (PathBuf, &str) {
    let (file, function) = test.split_once("::").unwrap_or_else(|| panic!("{test} is no `file::test`"));
    let folder = if file.starts_with("greenproc") { "crates" } else { "tests" };
    (root().join(folder).join(format!("{file}.rs")), function)
}

/// Whether a source has a test function of exactly this name, which is not ignored.
fn is_tested_by(source: &str, function: &str) -> bool {
    let head = format!("fn {function}(");
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(number, line)| {
        let attributes = || lines[..number].iter().rev().take_while(|line| line.starts_with("#["));
        line.starts_with(&head)
            && attributes().any(|line| *line == "#[test]")
            && !attributes().any(|line| line.starts_with("#[ignore"))
    })
}

#[test]
fn each_test_that_is_named_exists() {
    for row in rows() {
        for test in &row.tests {
            let (path, function) = place_of(test);
            let source = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("row {}: {}: {error}", row.number, path.display()));
            assert!(is_tested_by(&source, function), "row {}: there is no test {test}", row.number);
        }
    }
}

#[test]
fn a_function_of_another_name_or_without_a_mark_is_no_such_test() {
    let source =
        "#[test]\nfn one_and_two() {}\n#[ignore = \"slow\"]\n#[test]\nfn slow() {}\n\nfn helper() {}\n";
    assert!(is_tested_by(source, "one_and_two"));
    for other in ["one", "slow", "helper", "two"] {
        assert!(!is_tested_by(source, other), "{other}");
    }
}
