//! What the file says, as data.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use greenproc::Signal;
use greenproc_supervisor::host::LineLimit;
use greenproc_supervisor::{AutoShutdown, Backoff, Intensity, Restart, Shutdown, Strategy};
use regex::Regex;

/// A supervisor and what it starts.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) strategy: Strategy,
    pub(crate) intensity: Intensity,
    pub(crate) backoff: Backoff,
    pub(crate) auto_shutdown: AutoShutdown,
    /// In the order in which they start.
    pub(crate) children: Vec<Child>,
}

/// A child.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) name: String,
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) significant: bool,
    pub(crate) intensity: Option<Intensity>,
    pub(crate) backoff: Option<Backoff>,
    /// Siblings that have to be ready first.
    pub(crate) after: Vec<String>,
    pub(crate) work: Work,
}

/// What a child does.
#[derive(Debug)]
pub(crate) enum Work {
    /// A program of the host, or a built-in one.
    Program(Box<Program>),
    /// It supervises others.
    Supervisor(Plan),
}

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) kind: Kind,
    /// The program and its arguments.
    pub(crate) words: Vec<String>,
    pub(crate) ready: Option<Ready>,
    pub(crate) health: Option<Health>,
    pub(crate) lines: LineLimit,
}

/// Whose program it is.
#[derive(Debug)]
pub(crate) enum Kind {
    Host(Setting),
    /// One of this binary.
    BuiltIn,
}

/// What a program of the host finds.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) clear_environment: bool,
    pub(crate) directory: Option<PathBuf>,
    pub(crate) stop_signal: Signal,
}

/// When a child is ready.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) when: ReadyWhen,
    pub(crate) within: Duration,
}

/// What shows that a child is ready.
#[derive(Debug)]
pub(crate) enum ReadyWhen {
    /// It wrote a line like this.
    Line(Regex),
    /// This says so, asked again and again.
    Probe(Probe),
}

/// Whether a child is well, looked at again and again.
#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) probe: Probe,
    pub(crate) every: Duration,
    pub(crate) timeout: Duration,
    /// So many failures in a row are the child's.
    pub(crate) failures: u32,
}

/// Something to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// A command that succeeds.
    Command(Vec<String>),
    /// A port that takes connections.
    Tcp(SocketAddr),
    /// A page that is there.
    Http(Url),
}

/// Where a page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) address: SocketAddr,
    /// As it is given: host and port.
    pub(crate) authority: String,
    pub(crate) path: String,
}
