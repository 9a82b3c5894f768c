//! A benchmark of single figures: parts, each measured once, in an OS process of its own.
//!
//! For what is asked of a whole scenario and cannot be repeated a thousand times a second, as the benchmarks with criterion
//! do.

use std::error::Error;
use std::process::{Command, ExitCode, Stdio};

use crate::figure::Figure;

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// A tenth of it, to see that it works.
    Quick,
    Full,
}

impl Effort {
    pub(crate) fn of(self, full: usize) -> usize {
        if self == Effort::Quick { full / 10 } else { full }
    }
}

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is measured under a name.
pub(crate) type Part = (&'static str, fn(Effort) -> Outcome<Vec<Figure>>);

/// Measures what the command line asks for and prints it, with a verdict beside each bar.
pub(crate) fn run(bench: &str, parts: &[Part]) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match measure(parts, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{bench}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(parts: &[Part], arguments: &[String]) -> Outcome<()> {
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let after = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1).map(String::as_str)
    };
    let effort = if has("--quick") { Effort::Quick } else { Effort::Full };
    let known = |wanted: &&str| parts.iter().any(|(name, _)| name == wanted);
    let names = || parts.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if let Some(wanted) = after("--measure").or(after("--only")).filter(|wanted| !known(wanted)) {
        return Err(format!("there is no part {wanted:?} among {}", names()).into());
    }
    if let Some(wanted) = after("--measure") {
        for (_, part) in parts.iter().filter(|(name, _)| *name == wanted) {
            println!("{}", serde_json::to_string(&part(effort)?)?);
        }
        return Ok(());
    }
    for (name, _) in parts.iter().filter(|(name, _)| after("--only").is_none_or(|only| only == *name)) {
        for figure in measure_apart(name, effort)? {
            figure.print(name, has("--json"));
        }
    }
    Ok(())
}

/// Measures a part in an OS process of its own.
fn measure_apart(part: &str, effort: Effort) -> Outcome<Vec<Figure>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--measure", part]).args((effort == Effort::Quick).then_some("--quick"));
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the measurement of {part} ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
