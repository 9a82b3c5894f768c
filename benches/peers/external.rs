//! A program of another language that brings lives about when it is told to.
//!
//! It reads lines from its standard input, `batch1000 60000` for instance, the pattern and how many lives, and answers each
//! with a line that says how many nanoseconds they took. It ends with its input.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::contender::{Contender, Failure, Pattern};
use crate::options::Program;

/// Linux tells CPU times in these, whatever its own clock.
const TICKS_PER_SECOND: u64 = 100;

/// Such a program, running.
pub(crate) struct External {
    name: String,
    child: Child,
    /// Gone when it is told to end.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl External {
    pub(crate) fn start(program: &Program) -> Result<External, Failure> {
        let mut words = program.command.split_whitespace();
        let file = words.next().ok_or("a program without a name")?;
        let mut child = Command::new(file)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{file}: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("a program without pipes".into());
        };
        Ok(External { name: program.name.clone(), child, input: Some(input), output: BufReader::new(output) })
    }
}

impl Contender for External {
    fn live(&mut self, pattern: Pattern, lives: u32) -> Result<Duration, Failure> {
        let input = self.input.as_mut().ok_or("the program was told to end")?;
        writeln!(input, "{} {lives}", pattern.name())?;
        let mut answer = String::new();
        self.output.read_line(&mut answer)?;
        let nanoseconds = answer.trim().parse();
        Ok(Duration::from_nanos(nanoseconds.map_err(|_| format!("{} answered {answer:?}", self.name))?))
    }

    /// Its own, and that of its children which it has waited for.
    fn cpu_elsewhere(&mut self) -> Result<Duration, Failure> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // What is before the last parenthesis may hold anything.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let times = fields.split_whitespace().skip(11).take(4);
        let ticks: u64 = times.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    }
}

impl Drop for External {
    fn drop(&mut self) {
        // It ends with its input; whoever does not is no good peer, and is ended.
        drop(self.input.take());
        let mut rest = String::new();
        if self.output.read_line(&mut rest).is_err() || !rest.is_empty() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
