//! The file, what is wrong with it, and the tree that it describes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::greenproc::greenproc;
use tempfile::TempDir;

/// A file with this text, in a directory that goes with it.
fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("tree.toml");
    fs::write(&path, text).expect("room");
    (directory, path)
}

#[test]
fn the_examples_are_right() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = fs::read_dir(top.join("examples/supervise")).expect("the examples");
    let examples = examples.map(|entry| entry.expect("readable").path());
    let mut count = 0;
    for path in examples.chain([top.join("examples/ops/tree.toml")]) {
        let run = greenproc(["supervise".as_ref(), "--check".as_ref(), path.as_os_str()]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{}", path.display());
        assert!(run.stdout.contains("─ "), "{}", run.stdout);
        count += 1;
    }
    assert!(count >= 4);
}

#[test]
fn the_page_about_the_file_shows_one_that_is_right() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/supervise.md");
    let page = fs::read_to_string(page).expect("the page");
    let shown = page.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut count = 0;
    for text in shown {
        let (_directory, path) = file(text);
        let run = greenproc(["supervise".as_ref(), "--check".as_ref(), path.as_os_str()]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{text}");
        count += 1;
    }
    assert!(count > 0);
}

#[test]
fn a_check_prints_the_tree() {
    let (_directory, path) = file(
        "[supervisor]\nname = \"shop\"\nstrategy = \"rest-for-one\"\n\
         [[child]]\nname = \"web\"\ncommand = [\"web\", \"a b\"]\nafter = [\"db\"]\n\
         [[child]]\nname = \"db\"\ncommand = [\"db\"]\nready = { tcp = \"localhost:5432\" }\nstop-signal = \"INT\"\n\
         [[child]]\nname = \"jobs\"\n[[child.child]]\nname = \"job\"\nprogram = [\"sleep\", \"1\"]\n",
    );
    let run = greenproc(["supervise".as_ref(), path.as_os_str(), "--check".as_ref()]);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let wanted = [
        "shop: rest-for-one; at most 1 restart in 5s; restarts after 100ms to 30s",
        "├─ db: db",
        "│    permanent; ready when 127.0.0.1:5432 takes connections within 30s; stopped by SIGINT, killed after 5s",
        "├─ web: web \"a b\"",
        "│    permanent; after db; stopped by SIGTERM, killed after 5s",
        "└─ jobs: one-for-one; at most 1 restart in 5s; restarts after 100ms to 30s",
        "     permanent; stopped by SIGTERM, however long it takes",
        "   └─ job: sleep 1 (built in)",
        "        permanent; stopped by SIGTERM, killed after 5s",
    ];
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), wanted);
    let run = greenproc(["supervise".as_ref(), path.as_os_str(), "--check".as_ref(), "--json".as_ref()]);
    let tree: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(tree["children"][0]["name"], "db");
    assert_eq!(tree["children"][2]["children"][0]["program"][0], "sleep");
}

#[test]
fn what_is_wrong_is_said_with_file_line_and_key() {
    let (_directory, path) =
        file("[[child]]\nname = \"a\"\ncommand = [\"x\"]\nrestrt = \"permanent\"\nafter = [\"b\"]\n");
    for check in [&["--check"][..], &[]] {
        let arguments = ["supervise", path.to_str().expect("UTF-8")].into_iter().chain(check.iter().copied());
        let run = greenproc(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
        let shown = path.display();
        let wanted = [
            format!("greenproc: {shown}:4: child 'a': unknown key 'restrt'; did you mean 'restart'?"),
            format!(
                "greenproc: {shown}:5: child 'a': after: there is no child 'b'; it has to be a child of the same supervisor"
            ),
        ];
        assert_eq!(run.stderr.lines().collect::<Vec<_>>(), wanted);
    }
}
