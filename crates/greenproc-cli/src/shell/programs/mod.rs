//! The programs: what runs as a process of its own. Each is a plain function, as `main` is.

mod files;
mod life;
mod look;
mod text;

use std::collections::BTreeMap;

use greenproc::{ExitStatus, Process, Runtime};

use super::complaint::Complaint;
use super::status::Status;
use super::stream::Streams;

/// A program.
pub(crate) struct Program {
    /// Its name.
    pub(crate) name: &'static str,
    /// How it is used.
    pub(crate) synopsis: &'static str,
    /// What it does, in a line.
    pub(crate) summary: &'static str,
    main: fn(&mut Context<'_>) -> Result<Status, Complaint>,
}

/// What a program runs with.
pub(crate) struct Context<'a> {
    process: &'a Process,
    runtime: Runtime,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    streams: Streams,
    program: &'static Program,
}

macro_rules! programs {
    ($($name:literal $synopsis:literal $summary:literal $main:expr;)*) => {
        /// All of them, sorted by name.
        pub(crate) const PROGRAMS: [Program; [$($name),*].len()] = [
            $(Program { name: $name, synopsis: $synopsis, summary: $summary, main: $main }),*
        ];
    };
}

programs! {
    "cat" "cat [FILE...]" "copies files, or its input" files::cat;
    "echo" "echo [-n] [WORD...]" "writes its arguments" text::echo;
    "env" "env" "writes its environment" look::env;
    "false" "false" "fails" life::no;
    "hang" "hang" "blocks in a host call for ever" life::hang;
    "head" "head [-n LINES] [FILE...]" "copies the first lines, ten unless told" files::head;
    "ps" "ps" "shows all processes" look::ps;
    "pstree" "pstree" "shows all processes as a tree" look::pstree;
    "seq" "seq [FIRST] LAST" "counts" text::seq;
    "sleep" "sleep SECONDS" "sleeps" life::sleep;
    "spin" "spin" "computes for ever, with checkpoints" life::spin;
    "tee" "tee [-a] [FILE...]" "copies its input to files and to its output" files::tee;
    "true" "true" "succeeds" life::yea;
    "wc" "wc [-clw] [FILE...]" "counts lines, words and bytes" files::wc;
    "yes" "yes [WORD...]" "writes a line for ever" text::yes;
}

/// The program of this name.
pub(crate) fn find(name: &str) -> Option<&'static Program> {
    const TABLE: &[Program] = &PROGRAMS;
    TABLE.iter().find(|program| program.name == name)
}

/// Runs a program: the body of its process.
pub(crate) fn run(
    program: &'static Program,
    process: &Process,
    runtime: Runtime,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    streams: Streams,
) -> ExitStatus {
    let mut context = Context { process, runtime, arguments, environment, streams, program };
    let status = (program.main)(&mut context).unwrap_or_else(|complaint| context.report(&complaint));
    // SIGPIPE has come if nobody reads any more: it is met here at the latest, and is the status then.
    process.checkpoint();
    status.into()
}

impl Context<'_> {
    /// Complains on stderr, and gives the status; for programs that go on afterwards.
    fn report(&mut self, complaint: &Complaint) -> Status {
        complaint.report(&mut self.streams.stderr, self.program.name, self.program.synopsis)
    }

    /// For programs that take no arguments.
    fn no_arguments(&self) -> Result<(), Complaint> {
        match self.arguments.first() {
            None => Ok(()),
            Some(argument) => Err(Complaint::usage(format!("{argument}: there are no arguments"))),
        }
    }

    /// Takes the leading arguments that are options of one letter each, and checks that these are known.
    fn take_options(&mut self, known: &str) -> Result<String, Complaint> {
        let mut options = String::new();
        while let Some(argument) = self.arguments.first().filter(|argument| is_option(argument)) {
            let letters = argument[1..].to_owned();
            if letters == "-" {
                self.arguments.remove(0);
                break;
            }
            if let Some(unknown) = letters.chars().find(|&letter| !known.contains(letter)) {
                return Err(Complaint::usage(format!("-{unknown}: no such option")));
            }
            options.push_str(&letters);
            self.arguments.remove(0);
        }
        Ok(options)
    }
}

fn is_option(argument: &str) -> bool {
    argument.len() > 1 && argument.starts_with('-')
}
