//! What a scene expected, and what it saw.

use std::fmt::Display;
use std::io::{self, Write};

use crate::style::Style;

/// What one scene found out.
#[derive(Debug, Default)]
pub(super) struct Findings {
    checks: Vec<Check>,
    /// A listing to be shown before the checks.
    listing: Vec<String>,
    remarks: Vec<String>,
}

#[derive(Debug)]
struct Check {
    what: &'static str,
    expected: String,
    seen: String,
    good: bool,
}

impl Findings {
    /// Something that is compared as it is printed.
    pub(super) fn equal(&mut self, what: &'static str, expected: impl Display, seen: impl Display) {
        let (expected, seen) = (expected.to_string(), seen.to_string());
        let good = expected == seen;
        self.checks.push(Check { what, expected, seen, good });
    }

    /// A call that has to fail with this errno, under the name that Unix has for it.
    pub(super) fn fails<T>(&mut self, what: &'static str, errno: Errno, seen: &greenproc::Result<T>) {
        let seen = match seen {
            Ok(_) => "success".to_owned(),
            Err(error) if error.errno() == errno.number => errno.name.to_owned(),
            Err(error) => format!("errno {}", error.errno()),
        };
        self.equal(what, errno.name, seen);
    }

    /// A text shown before the checks, line by line.
    pub(super) fn show(&mut self, text: &impl Display) {
        self.listing.extend(text.to_string().lines().map(str::to_owned));
    }

    /// A sentence after the checks.
    pub(super) fn remark(&mut self, text: String) {
        self.remarks.push(text);
    }

    /// Whether all was as expected.
    pub(super) fn good(&self) -> bool {
        self.checks.iter().all(|check| check.good)
    }

    /// Writes it all, the columns aligned.
    pub(super) fn write(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        for line in &self.listing {
            writeln!(out, "      {}", style.dim(line))?;
        }
        let width = |column: fn(&Check) -> &str, least: usize| {
            self.checks.iter().map(|check| column(check).chars().count()).fold(least, usize::max)
        };
        let what = width(|check| check.what, 0);
        let expected = width(|check| &check.expected, "expected".len());
        if !self.checks.is_empty() {
            let heading = format!("{:what$}   {:expected$}   seen", "", "expected");
            writeln!(out, "      {}", style.dim(heading))?;
        }
        for check in &self.checks {
            let row = format!("{:what$}   {:expected$}   ", check.what, check.expected);
            let seen = if check.good { check.seen.clone() } else { style.bad(&check.seen) };
            writeln!(out, "    {} {row}{seen}", style.mark(check.good))?;
        }
        for remark in &self.remarks {
            writeln!(out, "      {remark}")?;
        }
        Ok(())
    }
}

/// An errno with its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errno {
    number: i32,
    name: &'static str,
}

impl Errno {
    /// There is no such process.
    pub(super) const ESRCH: Errno = Errno { number: 3, name: "ESRCH" };
    /// There is no child to wait for.
    pub(super) const ECHILD: Errno = Errno { number: 10, name: "ECHILD" };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_differences_marked() {
        let mut findings = Findings::default();
        findings.equal("status", "exit status: 7", "exit status: 7");
        findings.equal("parent", 1, 12);
        findings.remark("so it was".to_owned());
        assert!(!findings.good());
        let mut text = Vec::new();
        findings.write(&mut text, Style::Plain).unwrap();
        let expected = "               expected         seen\n    \
                        ✓ status   exit status: 7   exit status: 7\n    \
                        ✗ parent   1                12\n      \
                        so it was\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
