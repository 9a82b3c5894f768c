//! Reading commands and running them, until there are no more.

use std::ops::ControlFlow;

use super::complaint::say;
use super::lexer::Remedy;
use super::parser;
use super::run::{Kind, Shell};
use super::source::{Line, Prompt, Source};
use super::status::Status;
use super::syntax::List;
use crate::failure::plainly;

/// What came of reading a command.
enum Read {
    /// One to run.
    List(List),
    /// None, but there may be more to come.
    Nothing,
    /// It cannot be read.
    Wrong,
    /// There are no more.
    End,
    /// Whether there are more cannot be told.
    Lost,
}

/// Runs all commands that come from `source`, and gives the shell's exit status.
pub(crate) fn run(shell: &mut Shell<'_>, source: &mut Source) -> Status {
    let mut line = 1;
    loop {
        if shell.kind == Kind::Interactive {
            shell.look_around();
            for news in shell.state.jobs.news() {
                say(&mut shell.streams.stderr, &news);
            }
        }
        let warned = shell.warned;
        match read(shell, source, &mut line) {
            Read::List(list) => {
                if let ControlFlow::Break(status) = shell.list(&list) {
                    return status;
                }
            }
            Read::Nothing => {}
            Read::Wrong => {
                shell.state.status = Status::MISUSE;
                if shell.kind != Kind::Interactive {
                    return Status::MISUSE;
                }
            }
            Read::End if shell.may_leave() => return shell.state.status,
            Read::End => continue,
            Read::Lost => return Status::MISUSE,
        }
        // The warning counts only for what comes next.
        shell.warned &= !warned;
    }
}

/// Reads lines until they are a command.
fn read(shell: &mut Shell<'_>, source: &mut Source, line: &mut usize) -> Read {
    let first = *line;
    let mut text = String::new();
    loop {
        let prompt = if text.is_empty() { Prompt::First } else { Prompt::Next };
        let at_end = match source.next(shell.process, prompt) {
            Ok(Line::Text(more)) => {
                *line += 1;
                text.push_str(&more);
                false
            }
            Ok(Line::Dropped) => return Read::Nothing,
            Ok(Line::End) if text.is_empty() => return Read::End,
            Ok(Line::End) => {
                // A backslash that nothing follows joins nothing.
                if text.ends_with("\\\n") {
                    text.truncate(text.len() - 2);
                }
                true
            }
            Err(error) => {
                shell.complain(plainly(&error));
                return Read::Lost;
            }
        };
        match parser::parse(&text, first) {
            Ok(list) => return Read::List(list),
            Err(error) if error.remedy == Remedy::More && !at_end => {}
            Err(error) => {
                shell.complain(error);
                return Read::Wrong;
            }
        }
    }
}
