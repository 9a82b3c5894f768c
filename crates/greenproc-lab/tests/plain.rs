//! A plain build has no trace of the lab: no manifest asks for it, and a lock is as small as without it.
#![cfg(not(feature = "racelab"))]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use greenproc_sync::{Mutex, lock_order};
use toml::{Table, Value};

lock_order! {
    /// Any.
    pub Any = "any",
}

#[test]
fn a_lock_is_as_small_as_without_the_lab() {
    assert_eq!(size_of::<Mutex<Any, u64>>(), 16);
}

fn manifests() -> BTreeMap<PathBuf, Table> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let members =
        fs::read_dir(root.join("crates")).expect("the crates").map(|entry| entry.expect("one").path());
    let others = ["", "examples", "tests", "benches"].map(|directory| root.join(directory));
    let read = |directory: PathBuf| {
        let path = directory.join("Cargo.toml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, text.parse().expect("TOML"))
    };
    members.chain(others).map(read).collect()
}

/// Whether a list of features has the lab's among them, its own or a dependency's.
fn asks(features: &Value) -> bool {
    let names = features.as_array().expect("a list").iter().filter_map(Value::as_str);
    names.into_iter().any(|name| name == "racelab" || name.ends_with("/racelab"))
}

#[test]
fn no_manifest_asks_for_the_lab() {
    let manifests = manifests();
    assert!(manifests.len() > 8);
    let mut have = 0;
    for (path, manifest) in manifests {
        let path = path.display();
        if let Some(features) = manifest.get("features").and_then(Value::as_table) {
            have += usize::from(features.contains_key("racelab"));
            for (name, enabled) in features {
                assert!(name == "racelab" || !asks(enabled), "{path}: the feature {name} asks for it");
            }
        }
        let workspace = manifest.get("workspace").and_then(Value::as_table);
        for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let own = manifest.get(table).and_then(Value::as_table);
            let shared = workspace.and_then(|workspace| workspace.get(table)).and_then(Value::as_table);
            for (name, dependency) in own.into_iter().chain(shared).flatten() {
                let asked = dependency.get("features").is_some_and(asks);
                let optional =
                    dependency.get("optional").is_some_and(|optional| optional.as_bool() == Some(true));
                assert!(!asked || optional, "{path}: {name} is always built with it");
            }
        }
    }
    assert_eq!(have, 5, "the facade, the runtime, the lab, the supervisor and the command");
}
