//! Colour and weight on a terminal; plain text everywhere else.

use std::fmt::Display;
use std::io::{self, IsTerminal as _};

/// How text may look on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// It goes to a file, a pipe, or to somebody who asked for no colour.
    Plain,
    /// A terminal that knows escape codes reads it.
    Terminal,
}

impl Style {
    /// What standard output and the environment (`NO_COLOR`, `TERM=dumb`) allow.
    pub(crate) fn of_stdout() -> Style {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if io::stdout().is_terminal() && !refused && !dumb { Style::Terminal } else { Style::Plain }
    }

    /// For what leads the eye: titles, totals.
    pub(crate) fn bold(self, text: impl Display) -> String {
        self.with("1", text)
    }

    /// For what may be skipped.
    pub(crate) fn dim(self, text: impl Display) -> String {
        self.with("2", text)
    }

    /// For what is as it should be.
    pub(crate) fn good(self, text: impl Display) -> String {
        self.with("32", text)
    }

    /// For what is not.
    pub(crate) fn bad(self, text: impl Display) -> String {
        self.with("1;31", text)
    }

    /// A mark that says whether something was as it should be.
    pub(crate) fn mark(self, good: bool) -> String {
        if good { self.good('✓') } else { self.bad('✗') }
    }

    fn with(self, code: &str, text: impl Display) -> String {
        match self {
            Style::Plain => text.to_string(),
            Style::Terminal => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_escape_codes() {
        assert_eq!(Style::Plain.bold("title"), "title");
        assert_eq!(Style::Plain.mark(false), "✗");
        assert_eq!(Style::Terminal.good("fine"), "\x1b[32mfine\x1b[0m");
    }
}
