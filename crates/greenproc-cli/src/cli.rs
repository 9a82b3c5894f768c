//! The command line.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use greenproc::Call;

use crate::failure::{Failure, one_line};
use crate::race::options::RaceOptions;
use crate::span;
use crate::stress::options::StressOptions;

/// Unix processes inside your process: pids, parents, exit statuses, zombies, on native threads.
#[derive(Debug, Parser)]
#[command(name = "greenproc", version, disable_help_subcommand = true, arg_required_else_help = false)]
#[command(
    after_help = "Exit status: 0 if all went as it should, 1 if something did not, 2 if the command line is wrong, 128 and the signal's number if SIGTERM or SIGINT ended it."
)]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

/// What the user wants done.
#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    Tour(TourOptions),
    RunFiles(FilesOptions),
    Stress(Box<StressOptions>),
    Shell(ShellOptions),
    Strace(StraceOptions),
    Supervise(SuperviseOptions),
    Lastcomm(LastcommOptions),
    Race(RaceOptions),
}

/// Walk through the life of processes in ten scenes, checking each
#[derive(Debug, clap::Args)]
pub(crate) struct TourOptions {
    /// How many processes the last scene makes
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) burst: u64,
}

/// Hash the files below a directory with SHA-256, one process per file
///
/// Each file gets a process that opens, reads and hashes it; whatever takes longer than the time limit, a FIFO that
/// nobody writes to for instance, is killed, and the rest goes on unharmed. Symbolic links are not followed.
#[derive(Debug, clap::Args)]
pub(crate) struct FilesOptions {
    /// The directory
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// How many processes run at once [default: two per CPU]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) jobs: Option<u32>,
    /// How long a process may take: 500ms, 2s, 1m
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = span::parse)]
    pub(crate) time_limit: Duration,
    /// Append a record of each process that ends to this file; 'greenproc lastcomm' prints it
    #[arg(long, value_name = "FILE")]
    pub(crate) accounting: Option<PathBuf>,
    /// Write what the processes did, the last 200,000 facts, to this file, as a timeline for <https://ui.perfetto.dev>
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

/// A small shell with job control whose commands are processes of the runtime
///
/// Pipelines, lists, redirections, variables and jobs as in sh, and built-in programs such as ps, cat, sleep and spin;
/// 'help' in it lists them. Without a command or a file the script comes from the input; if that is a terminal, you
/// type. The exit status is that of the last command. Jobs that are left when the shell ends are killed.
#[derive(Debug, clap::Args)]
pub(crate) struct ShellOptions {
    /// Run this text as a script; what follows it is $0, $1 and so on
    #[arg(short = 'c', value_name = "TEXT", allow_hyphen_values = true)]
    pub(crate) command: Option<String>,
    /// The script
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<String>,
    /// What the script finds as $1 and so on
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}

/// Run a command and print the calls that it makes of the runtime, as strace does
///
/// CMD is one of the shell's programs ('greenproc shell -c help' lists them), or 'shell' with its own arguments. What it does
/// appears on stderr, call by call: the name, the arguments, and what came of it; signals, and how it ended. Calls of the
/// host, such as reading a file, appear as 'blocking'. The exit status is that of CMD.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("Calls: {}", Call::ALL.iter().map(|call| call.name()).collect::<Vec<_>>().join(", ")))]
pub(crate) struct StraceOptions {
    /// Trace the processes that it makes, too; each line says whose it is
    #[arg(short = 'f', long)]
    pub(crate) follow_forks: bool,
    /// Print no lines, but in the end how often each call was made, how often it failed, and how long it took
    #[arg(short = 'c', long)]
    pub(crate) summary_only: bool,
    /// Write to this file instead of stderr
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Only these calls, by name, with commas between them
    #[arg(short = 'e', long = "trace", value_name = "CALLS", value_delimiter = ',', value_parser = call)]
    pub(crate) calls: Vec<Call>,
    /// With -c: print one JSON object instead of a table
    #[arg(long, requires = "summary_only")]
    pub(crate) json: bool,
    /// What to run, and its arguments
    #[arg(value_name = "CMD", required = true, trailing_var_arg = true)]
    pub(crate) command: Vec<String>,
}

/// A call by its name; `trace=` before it is what strace calls this.
fn call(name: &str) -> Result<Call, &'static str> {
    Call::from_name(name.strip_prefix("trace=").unwrap_or(name)).ok_or("there is no such call")
}

/// Run a tree of programs from a file, and restart what fails
///
/// The children are programs of the host or built-in ones, each in a process of the runtime, below supervisors that restart,
/// back off and give up as the file says. docs/supervise.md has all its keys. SIGTERM or SIGINT stops the tree, last child first;
/// a second one kills what is left.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit status: 0 if all ended as they should, 1 if a supervisor gave up or somebody did not stop, 2 if the file is wrong."
)]
pub(crate) struct SuperviseOptions {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Start nothing: say what is wrong with the file, or print the tree
    #[arg(long)]
    pub(crate) check: bool,
    /// Write events as JSON, one a line; with --check: print the tree as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// Answer /healthz, /readyz and /metrics over HTTP at this address, such as 127.0.0.1:9090
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
}

/// Print which processes have ended, the last first, from a file that --accounting wrote
///
/// The flags are S: did what only root may, F: executed no other program, D: would have left a core, X: was ended by a
/// signal. A line that a crash has torn is passed over, with a note on stderr.
#[derive(Debug, clap::Args)]
pub(crate) struct LastcommOptions {
    /// The file of records
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only processes of these names
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

/// What came of the command line.
pub(crate) enum Parsed {
    /// Something to do.
    Job(Job),
    /// It asked for help or the version, which stand on standard output now.
    Printed,
}

/// Reads the command line.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed, Failure> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    match Arguments::try_parse_from(&arguments) {
        Ok(arguments) => Ok(Parsed::Job(arguments.job)),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            error.print()?;
            Ok(Parsed::Printed)
        }
        Err(error) => Err(Failure::Usage(in_one_line(&error, &arguments))),
    }
}

/// The first paragraph of clap's message in one line, and where to find help.
fn in_one_line(error: &clap::Error, arguments: &[OsString]) -> String {
    let message = error.to_string();
    let paragraph = message.trim_start().trim_start_matches("error: ").lines().map(str::trim);
    let paragraph: Vec<&str> = paragraph.take_while(|line| !line.is_empty()).collect();
    let help = match subcommand(arguments) {
        Some(name) => format!("greenproc {name} --help"),
        None => "greenproc --help".to_owned(),
    };
    format!("{} (try '{help}')", one_line(&paragraph.join(" ")))
}

fn subcommand(arguments: &[OsString]) -> Option<String> {
    let command = Arguments::command();
    let named = |argument: &OsString| {
        command
            .get_subcommands()
            .map(clap::Command::get_name)
            .find(|name| argument.as_os_str() == OsStr::new(name))
    };
    arguments.iter().skip(1).find_map(named).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stress::options::Choice;

    fn parse_words(words: &str) -> Result<Parsed, Failure> {
        parse(words.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_definitions_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn options_are_read() {
        let Ok(Parsed::Job(Job::RunFiles(options))) =
            parse_words("greenproc run-files /tmp --jobs 3 --time-limit 500ms --json")
        else {
            panic!("not read");
        };
        assert_eq!(options.jobs, Some(3));
        assert_eq!(options.time_limit, Duration::from_millis(500));
        assert!(options.json);
        let Ok(Parsed::Job(Job::Stress(options))) =
            parse_words("greenproc stress --stressor kill,lwp --ops 7")
        else {
            panic!("not read");
        };
        assert_eq!(options.stressors.iter().copied().map(Choice::label).collect::<Vec<_>>(), ["kill", "lwp"]);
        assert_eq!((options.ops, options.time), (Some(7), None));
    }

    #[test]
    fn an_error_is_one_line_and_names_the_help() {
        let cases = [
            ("greenproc", "greenproc --help"),
            ("greenproc nonsense", "greenproc --help"),
            ("greenproc run-files", "greenproc run-files --help"),
            ("greenproc stress --stressor nonsense", "greenproc stress --help"),
        ];
        for (words, help) in cases {
            let Err(failure) = parse_words(words) else { panic!("{words}: accepted") };
            let text = failure.to_string();
            assert!(!text.contains('\n'), "{text}");
            assert!(text.ends_with(&format!("(try '{help}')")), "{text}");
        }
    }
}
