//! Where a shell's lines come from: a text, its input, or somebody who types.

use std::io::{self, Read as _};

use greenproc::Process;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Config, Editor};

use super::stream::Input;

/// Where lines come from.
pub(crate) enum Source {
    /// A script that was read as a whole.
    Text(std::vec::IntoIter<String>),
    /// A script that is read as it is run, so that its commands can read what follows them.
    Input(Input),
    /// Somebody types.
    Terminal(Box<Editor<(), MemHistory>>),
}

/// What came from there.
pub(crate) enum Line {
    /// A line, its end included if it has one.
    Text(String),
    /// Whoever types thought better of it: what was typed so far counts no more.
    Dropped,
    /// Nothing will come any more.
    End,
}

/// Whether a command begins.
#[derive(Clone, Copy)]
pub(crate) enum Prompt {
    /// One does.
    First,
    /// One goes on.
    Next,
}

impl Source {
    /// The lines of a text.
    pub(crate) fn text(text: &str) -> Source {
        let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        Source::Text(lines.into_iter())
    }

    /// The terminal, with a history for as long as the shell lives.
    pub(crate) fn terminal() -> io::Result<Source> {
        let editor = Editor::with_history(Config::default(), MemHistory::new()).map_err(host_error)?;
        Ok(Source::Terminal(Box::new(editor)))
    }

    /// The next line.
    pub(crate) fn next(&mut self, process: &Process, prompt: Prompt) -> io::Result<Line> {
        match self {
            Source::Text(lines) => Ok(lines.next().map_or(Line::End, Line::Text)),
            Source::Input(input) => read_line(input),
            Source::Terminal(editor) => type_line(editor, process, prompt),
        }
    }
}

/// Byte by byte: what follows the line belongs to the commands in it.
fn read_line(input: &mut Input) -> io::Result<Line> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while bytes.last() != Some(&b'\n') && input.read(&mut byte)? == 1 {
        bytes.extend(byte);
    }
    if bytes.is_empty() {
        return Ok(Line::End);
    }
    let text = String::from_utf8(bytes);
    text.map(Line::Text).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the script is not UTF-8"))
}

fn type_line(editor: &mut Editor<(), MemHistory>, process: &Process, prompt: Prompt) -> io::Result<Line> {
    let prompt = match prompt {
        Prompt::First => "greenproc$ ",
        Prompt::Next => "> ",
    };
    // In a host call for as long as nobody types, so that background jobs get their threads.
    let read = process.blocking(|| match editor.readline(prompt) {
        Ok(line) => Ok(Line::Text(line)),
        Err(ReadlineError::Eof) => Ok(Line::End),
        Err(ReadlineError::Interrupted) => Ok(Line::Dropped),
        Err(other) => Err(host_error(other)),
    })?;
    if let Line::Text(mut line) = read {
        if !line.trim().is_empty() {
            editor.add_history_entry(line.as_str()).map_err(host_error)?;
        }
        line.push('\n');
        return Ok(Line::Text(line));
    }
    Ok(read)
}

fn host_error(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        ReadlineError::Errno(number) => number.into(),
        other => io::Error::other(other),
    }
}
