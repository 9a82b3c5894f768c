//! The command line.

use crate::contender::Pattern;
use crate::pinning::Pinning;
use crate::plan::{Effort, Peer};

pub(crate) const USAGE: &str = "\
usage: peers [--json] [--quick] [--only NAME/PEER]
  --json    one JSON object per line instead of a table
  --quick   fewer rounds and lives, under a minute in all
  --only    batch1000 or sequential, a slash, and a peer; either side may be empty
            (tokio_spawn, tokio_spawn_blocking, std_thread, fork, futex_pingpong)
  --external NAME=COMMAND
            instead of those measure a program that brings lives about when told to, as
            scripts/peers-external does; may be given several times";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Invocation {
    Help,
    /// The user's call: compare under both pinnings, each in a child.
    Compare(Options),
    /// Such a child: measure under this pinning and write rows as JSON.
    Measure(Pinning, Options),
}

/// What to measure, and how to show it.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) json: bool,
    pub(crate) effort: Effort,
    pub(crate) only: Only,
    /// Programs to be measured instead of the peers.
    pub(crate) external: Vec<Program>,
}

/// A program that brings lives about.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) name: String,
    /// What runs it: words with spaces in between.
    pub(crate) command: String,
}

/// Which comparisons to make.
#[derive(Debug, Default)]
pub(crate) struct Only {
    pattern: Option<Pattern>,
    peer: Option<Peer>,
}

impl Options {
    /// Reads the arguments.
    ///
    /// # Errors
    /// One line that says what is wrong.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Invocation, String> {
        let mut options =
            Options { json: false, effort: Effort::Full, only: Only::default(), external: Vec::new() };
        let mut measure = None;
        while let Some(arg) = args.next() {
            match arg.as_str() {
                // cargo bench passes it to every harness.
                "--bench" => {}
                "--json" => options.json = true,
                "--quick" => options.effort = Effort::Quick,
                "--only" => options.only = Only::parse(&args.next().ok_or("--only needs NAME/PEER")?)?,
                "--external" => {
                    options
                        .external
                        .push(Program::parse(&args.next().ok_or("--external needs NAME=COMMAND")?)?);
                }
                "--measure-all-cpus" => measure = Some(Pinning::AllCpus),
                "--measure-one-cpu" => measure = Some(Pinning::OneCpu),
                "--help" | "-h" => return Ok(Invocation::Help),
                unknown => return Err(format!("unknown argument {unknown:?}; --help lists them")),
            }
        }
        Ok(match measure {
            Some(pinning) => Invocation::Measure(pinning, options),
            None => Invocation::Compare(options),
        })
    }

    /// The arguments that make a child measure the same under this pinning.
    pub(crate) fn for_child(&self, pinning: Pinning) -> Vec<String> {
        let measure = match pinning {
            Pinning::AllCpus => "--measure-all-cpus",
            Pinning::OneCpu => "--measure-one-cpu",
        };
        let mut args = vec![measure.to_owned(), "--only".to_owned(), self.only.to_string()];
        if self.effort == Effort::Quick {
            args.push("--quick".to_owned());
        }
        for Program { name, command } in &self.external {
            args.extend(["--external".to_owned(), format!("{name}={command}")]);
        }
        args
    }
}

impl Program {
    fn parse(text: &str) -> Result<Program, String> {
        let parts =
            text.split_once('=').filter(|(name, command)| !name.is_empty() && !command.trim().is_empty());
        let (name, command) = parts.ok_or("--external needs NAME=COMMAND")?;
        Ok(Program { name: name.to_owned(), command: command.to_owned() })
    }
}

impl Only {
    pub(crate) fn takes_pattern(&self, pattern: Pattern) -> bool {
        self.pattern.is_none_or(|only| only == pattern)
    }

    pub(crate) fn takes(&self, pattern: Pattern, peer: Peer) -> bool {
        self.takes_pattern(pattern) && self.peer.is_none_or(|only| only == peer)
    }

    fn parse(text: &str) -> Result<Only, String> {
        let (pattern, peer) = text.split_once('/').unwrap_or((text, ""));
        Ok(Only {
            pattern: find(&Pattern::ALL, pattern, Pattern::name)?,
            peer: find(&Peer::ALL, peer, Peer::name)?,
        })
    }
}

impl std::fmt::Display for Only {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.pattern.map_or("", Pattern::name), self.peer.map_or("", Peer::name))
    }
}

/// The one of that name; none for the empty name.
fn find<T: Copy>(all: &[T], name: &str, name_of: fn(T) -> &'static str) -> Result<Option<T>, String> {
    if name.is_empty() {
        return Ok(None);
    }
    match all.iter().find(|&&one| name_of(one) == name) {
        Some(&one) => Ok(Some(one)),
        None => Err(format!(
            "--only: no {name:?} among {}",
            all.iter().map(|&one| name_of(one)).collect::<Vec<_>>().join(", ")
        )),
    }
}
