//! Opening the files that a command's streams are redirected to.

use std::fs::{File, OpenOptions};
use std::sync::Arc;

use greenproc::Process;

use super::complaint::plainly;
use super::expand::{self, Values};
use super::stream::{Input, Output, Streams};
use super::syntax::{Channel, Redirection};

/// A redirection whose file name is expanded.
#[derive(Clone, Debug)]
pub(crate) enum Ready {
    Read(String),
    Write(Channel, String),
    Append(Channel, String),
    Same(Channel, Channel),
}

/// Expands the file names.
pub(crate) fn expand(redirections: &[Redirection], values: &impl Values) -> Vec<Ready> {
    let ready = redirections.iter().map(|redirection| match redirection {
        Redirection::Read(word) => Ready::Read(expand::text(word, values)),
        Redirection::Write(channel, word) => Ready::Write(*channel, expand::text(word, values)),
        Redirection::Append(channel, word) => Ready::Append(*channel, expand::text(word, values)),
        Redirection::Same(channel, like) => Ready::Same(*channel, *like),
    });
    ready.collect()
}

/// Changes the streams as the redirections say, from left to right. What went wrong is said with the file's name.
pub(crate) fn apply(process: &Process, redirections: &[Ready], streams: &mut Streams) -> Result<(), String> {
    for redirection in redirections {
        match redirection {
            Ready::Read(path) => {
                let file = open(process, path, OpenOptions::new().read(true))?;
                streams.stdin = Input::Host(file);
            }
            Ready::Write(channel, path) => {
                let file = open(process, path, OpenOptions::new().write(true).create(true).truncate(true))?;
                streams.set(*channel, Output::Host(file));
            }
            Ready::Append(channel, path) => {
                let file = open(process, path, OpenOptions::new().append(true).create(true))?;
                streams.set(*channel, Output::Host(file));
            }
            Ready::Same(channel, like) => streams.set(*channel, streams.get(*like)),
        }
    }
    Ok(())
}

/// Opening may take for ever: nobody may be at the other end of a FIFO.
fn open(process: &Process, path: &str, how: &OpenOptions) -> Result<Arc<File>, String> {
    let opened = process.blocking(|| how.open(path));
    opened.map(Arc::new).map_err(|error| format!("{path}: {}", plainly(&error)))
}

impl Streams {
    fn get(&self, channel: Channel) -> Output {
        match channel {
            Channel::Out => self.stdout.clone(),
            Channel::Err => self.stderr.clone(),
        }
    }

    fn set(&mut self, channel: Channel, output: Output) {
        match channel {
            Channel::Out => self.stdout = output,
            Channel::Err => self.stderr = output,
        }
    }
}
