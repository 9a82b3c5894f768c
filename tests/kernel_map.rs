//! The kernel map says of each row where it is and what shows it; this shows that what it names exists.

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
fn each_row_that_is_built_names_modules_that_exist() {
    for row in rows() {
        let places = ["crates/greenproc/src", "crates/greenproc-sync/src"];
        for module in quoted(&row.module).iter().filter(|name| Path::new(name).extension().is_some()) {
            let there = places.iter().any(|place| root().join(place).join(module).is_file());
            assert!(there, "row {}: there is no {module}", row.number);
        }
    }
}

#[test]
fn each_row_that_is_built_names_tests_that_exist() {
    for row in rows() {
        let unbuilt = row.module == "open" || row.module.starts_with("n/a");
        assert_eq!(row.tests.is_empty(), unbuilt, "row {}: built and tested, or neither", row.number);
        for test in &row.tests {
            let (file, function) = test.split_once("::").unwrap_or((test, ""));
            let path = root().join(if file.contains("tests") || file.starts_with("tree/tests") {
                format!("crates/{file}.rs")
            } else {
                format!("tests/{file}.rs")
            });
            let source = std::fs::read_to_string(&path);
            let source =
                source.unwrap_or_else(|error| panic!("row {}: {}: {error}", row.number, path.display()));
            assert!(
                source.contains(&format!("fn {function}")),
                "row {}: there is no test {test}",
                row.number
            );
        }
    }
}
