//! The working directory, the root and the mask of new files of a process (row 18).
//!
//! The host has one of each for all of its threads, so these are the runtime's own: paths are resolved here, link by link,
//! and handed to the host as absolute ones. The host is asked without a lock.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use greenproc_sync::Mutex;

use crate::error::{Error, Result};
use crate::extras::Extras;
use crate::locks::Leaf;
use crate::proc::Proc;

/// How many symbolic links a path may lead through.
const LINKS: usize = 40;

/// Where a process is in the host's files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whereabouts {
    /// Of the host; `None` is wherever the host process is.
    pub(crate) directory: Option<PathBuf>,
    /// Of the host; `None` is the host's own root.
    pub(crate) root: Option<PathBuf>,
    /// `None` is the host's.
    pub(crate) umask: Option<u32>,
}

type Shared = Arc<Mutex<Leaf, Whereabouts>>;

/// The process's whereabouts, once it has any of its own.
#[derive(Default)]
pub(crate) struct WorkDir(Mutex<Leaf, Option<Shared>>);

impl WorkDir {
    pub(crate) fn get(&self) -> Whereabouts {
        let shared = self.0.lock().clone();
        shared.map(|shared| shared.lock().clone()).unwrap_or_default()
    }

    /// Changes them, for all who share them.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Whereabouts) -> R) -> R {
        change(&mut self.shared().lock())
    }

    fn shared(&self) -> Shared {
        Arc::clone(self.0.lock().get_or_insert_default())
    }

    /// A child has a copy, unless it shares its parent's (decision 15).
    pub(crate) fn hand_down(parent: &Extras, child: &Proc) {
        let shared = parent.workdir.0.lock().clone();
        if let Some(shared) = shared {
            let copy = shared.lock().clone();
            *child.need_extras().workdir.0.lock() = Some(Arc::new(Mutex::new(copy)));
        }
    }

    /// The child has its parent's, now and later.
    pub(crate) fn share(parent: &Proc, child: &Proc) {
        let shared = parent.need_extras().workdir.shared();
        *child.need_extras().workdir.0.lock() = Some(shared);
    }

    /// The process ends (row 18).
    pub(crate) fn tear_down(&self) {
        drop(self.0.lock().take());
    }
}

impl Whereabouts {
    pub(crate) fn root(&self) -> PathBuf {
        self.root.clone().unwrap_or_else(|| PathBuf::from("/"))
    }

    /// The working directory, as the host has it.
    pub(crate) fn directory(&self) -> Result<PathBuf> {
        match &self.directory {
            Some(directory) => Ok(directory.clone()),
            None => std::env::current_dir().map_err(refused("the working directory")),
        }
    }

    pub(crate) fn umask(&self) -> u32 {
        self.umask.unwrap_or_else(host_umask)
    }

    /// What the path means here, as an absolute path of the host without links.
    ///
    /// # Errors
    /// What the host says of a component; the last one need not exist.
    pub(crate) fn resolve(&self, path: &Path) -> Result<PathBuf> {
        let root = self.root();
        let start = if path.is_absolute() { root.clone() } else { self.directory()? };
        walk(&root, start, path).map_err(refused("a path"))
    }
}

fn walk(root: &Path, start: PathBuf, path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return Err(io::Error::from_raw_os_error(libc::ENOENT));
    }
    let mut here = start;
    let mut links = 0;
    let mut ahead: VecDeque<OsString> = parts(path);
    while let Some(part) = ahead.pop_front() {
        if part == ".." {
            if here != root {
                here.pop();
            }
            continue;
        }
        let next = here.join(&part);
        let seen = match next.symlink_metadata() {
            Ok(seen) => seen,
            Err(error) if error.kind() == ErrorKind::NotFound && ahead.is_empty() => return Ok(next),
            Err(error) => return Err(error),
        };
        if seen.is_symlink() {
            links += 1;
            if links > LINKS {
                return Err(io::Error::from_raw_os_error(libc::ELOOP));
            }
            let target = next.read_link()?;
            if target.is_absolute() {
                root.clone_into(&mut here);
            }
            for part in parts(&target).into_iter().rev() {
                ahead.push_front(part);
            }
        } else if !seen.is_dir() && !ahead.is_empty() {
            return Err(io::Error::from_raw_os_error(libc::ENOTDIR));
        } else {
            here = next;
        }
    }
    Ok(here)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::ParentDir => Some(OsString::from("..")),
        Component::Normal(name) => Some(name.to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    names.collect()
}

/// The host's own error for something that it refused.
pub(crate) fn refused(what: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Host { what, source }
}

/// The host process's mask, which can be read without changing it in one place only.
fn host_umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o022)
}
