//! Finding the files below a directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What lies below a directory.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Everything that is neither a directory nor a symbolic link: files, FIFOs, sockets, devices.
    pub(crate) files: Vec<PathBuf>,
    /// The directories that could not be listed.
    pub(crate) refused: Vec<(PathBuf, io::Error)>,
    /// How many symbolic links were passed by.
    pub(crate) links: u64,
}

/// Lists what lies below `directory`, which may itself be a symbolic link.
///
/// Kept as a list of directories still to be read instead of a recursion, so the depth of the tree does not matter.
pub(crate) fn walk(directory: &Path) -> Found {
    let mut found = Found::default();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        if let Err(error) = list(&directory, &mut found, &mut pending) {
            found.refused.push((directory, error));
        }
    }
    found
}

fn list(directory: &Path, found: &mut Found, pending: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => pending.push(entry.path()),
            Ok(kind) if kind.is_symlink() => found.links += 1,
            // What it is will be seen when it is opened.
            Ok(_) | Err(_) => found.files.push(entry.path()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_passed_by_and_directories_entered() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("a/b")).unwrap();
        fs::write(path("a/b/deep"), "x").unwrap();
        fs::write(path("top"), "x").unwrap();
        std::os::unix::fs::symlink(root.path(), path("a/loop")).unwrap();
        std::os::unix::fs::symlink(path("top"), path("link")).unwrap();
        let mut found = walk(root.path());
        found.files.sort();
        assert_eq!(found.files, [path("a/b/deep"), path("top")]);
        assert_eq!((found.links, found.refused.len()), (2, 0));
    }

    #[test]
    fn what_cannot_be_listed_is_told() {
        let found = walk(Path::new("/proc/self/no-such-directory"));
        assert!(found.files.is_empty());
        assert_eq!(found.refused[0].1.kind(), io::ErrorKind::NotFound);
    }
}
