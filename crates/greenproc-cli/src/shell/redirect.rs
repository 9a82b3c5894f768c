//! Opening the files that a command's streams are redirected to.

use greenproc::Process;
use rustix::fs::OFlags;

use super::expand::{self, Values};
use super::stream::{self, Input, Output, Streams};
use super::syntax::{Channel, Redirection};
use crate::failure::plainly;

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
    let open = |path: &str, how| {
        stream::open(process, path, how).map_err(|error| format!("{path}: {}", plainly(&error)))
    };
    for redirection in redirections {
        match redirection {
            Ready::Read(path) => streams.stdin = Input::Host(open(path, OFlags::RDONLY)?),
            Ready::Write(channel, path) => {
                let how = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
                streams.set(*channel, Output::Host(open(path, how)?));
            }
            Ready::Append(channel, path) => {
                let how = OFlags::WRONLY | OFlags::CREATE | OFlags::APPEND;
                streams.set(*channel, Output::Host(open(path, how)?));
            }
            Ready::Same(channel, like) => streams.set(*channel, streams.get(*like)),
        }
    }
    Ok(())
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
