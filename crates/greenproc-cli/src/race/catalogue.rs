//! `greenproc race list` and `explain`.

use std::io::{self, Write};

use greenproc_lab::{Fault, Race};
use serde::Serialize;

use super::names;
use super::options::{ExplainOptions, Output};
use crate::Verdict;
use crate::failure::{Failure, after_writing};
use crate::style::Style;

/// A race as it is told of.
#[derive(Serialize)]
struct Entry {
    name: &'static str,
    protocol: &'static str,
    core: bool,
    invariant: &'static str,
    story: &'static str,
    source: &'static str,
    faults: Vec<Planted>,
}

#[derive(Serialize)]
struct Planted {
    name: &'static str,
    story: &'static str,
}

impl Entry {
    fn of(race: &Race) -> Entry {
        let planted = |fault: &Fault| Planted { name: fault.name(), story: fault.story().trim() };
        Entry {
            name: race.name,
            protocol: race.protocol,
            core: race.core,
            invariant: race.invariant,
            story: race.story,
            source: race.source,
            faults: race.faults.iter().map(planted).collect(),
        }
    }
}

/// Lists all races.
pub(super) fn list(output: Output) -> Result<Verdict, Failure> {
    let write = || {
        let mut out = io::BufWriter::new(io::stdout().lock());
        let style = Style::of_stdout();
        let width = Race::all().map(|race| race.name.len()).max().unwrap_or(0);
        let mut protocol = "";
        for race in Race::all() {
            if output.json {
                serde_json::to_writer(&mut out, &Entry::of(race))?;
                writeln!(out)?;
                continue;
            }
            if protocol != race.protocol {
                protocol = race.protocol;
                writeln!(out, "{}", style.bold(protocol))?;
            }
            let faults: Vec<&str> = race.faults.iter().map(|fault| fault.name()).collect();
            writeln!(out, "  {:<width$}  {}", race.name, race.invariant)?;
            writeln!(out, "  {:<width$}  {}", "", style.dim(faults.join(", ")))?;
        }
        Ok(out.flush()?)
    };
    after_writing(write(), Verdict::Good)
}

/// Tells what a race is about.
pub(super) fn explain(options: &ExplainOptions) -> Result<Verdict, Failure> {
    let race = names::race(&options.name)?;
    let write = || {
        let mut out = io::BufWriter::new(io::stdout().lock());
        if options.output.json {
            serde_json::to_writer(&mut out, &Entry::of(race))?;
            writeln!(out)?;
        } else {
            tell(&mut out, Style::of_stdout(), &Entry::of(race))?;
        }
        Ok(out.flush()?)
    };
    after_writing(write(), Verdict::Good)
}

fn tell(out: &mut impl Write, style: Style, race: &Entry) -> io::Result<()> {
    let core = if race.core { ", a core shape" } else { "" };
    writeln!(out, "{} ({}{core})", style.bold(race.name), race.protocol)?;
    writeln!(out, "\n{}", wrap(race.story, ""))?;
    writeln!(out, "\n{}", wrap(&format!("What must hold: {}.", race.invariant), ""))?;
    writeln!(out, "\n{}", wrap(&format!("Seen in: {}.", race.source), ""))?;
    writeln!(out, "\nFaults that can be planted:")?;
    for fault in &race.faults {
        writeln!(out, "  {}", style.bold(fault.name))?;
        writeln!(out, "{}", wrap(fault.story, "    "))?;
    }
    let first = race.faults.first().map_or(String::new(), |fault| format!(" {}", fault.name));
    writeln!(out, "\nTry:")?;
    writeln!(out, "  greenproc race run {} --buggy{first}", race.name)?;
    writeln!(out, "  greenproc race run {} --fixed", race.name)
}

/// The text in lines of at most 96 columns.
fn wrap(text: &str, indent: &str) -> String {
    let mut lines = vec![indent.to_owned()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one from the beginning");
        let begun = line.len() > indent.len();
        if begun && line.chars().count() + 1 + word.chars().count() > 96 {
            lines.push(format!("{indent}{word}"));
        } else {
            if begun {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn text_is_wrapped() {
        assert_eq!(wrap("a  b", "  "), "  a b");
        let long = "word ".repeat(50);
        let wrapped = wrap(&long, "  ");
        assert!(wrapped.lines().all(|line| line.len() <= 96 && line.starts_with("  word")), "{wrapped}");
        assert_eq!(wrapped.split_whitespace().count(), 50);
    }
}
