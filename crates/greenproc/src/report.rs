//! Why a process failed, in words: kept with its status.

use std::fmt;

/// What is known about the failure of a process.
///
/// Decision 12 of the semantics page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ExitReport {
    /// Its body panicked.
    Panic(CrashReport),
    /// Its body returned this error; the exit status is 1.
    Error(String),
}

/// What a panic left behind.
#[derive(Clone, Debug)]
pub struct CrashReport {
    /// The panic's message.
    pub message: String,
    /// File, line and column of the panic; `None` if the program replaced the panic hook after boot.
    pub location: Option<String>,
    /// The backtrace, if `RUST_BACKTRACE` asks for one.
    pub backtrace: Option<String>,
}

impl fmt::Display for ExitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitReport::Panic(crash) => crash.fmt(f),
            ExitReport::Error(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "panicked at {location}: {}", self.message),
            None => write!(f, "panicked: {}", self.message),
        }
    }
}
