//! Programs and exec: another body under the same pid.
//!
//! | file | shows | rows, decisions |
//! |---|---|---|
//! | `programs` | names, arguments, environments, and what is wrong with them | POSIX `execve`, `posix_spawn` |
//! | `replace` | what stays and what goes | decisions 14, 15 and 21; rows 19, 26, 32 |
//! | `storms` | all of it at once, with stops and kills | decision 6 |
//! | `lwps` | the other LWPs leave; what else may end the process meanwhile | rows 7, 50, 51; decision 17, mistake m |

mod lwps;
mod programs;
mod replace;
mod storms;

use greenproc::{Command, Process, Result, Termination};
use greenproc_tests::{Fixture, succeeded};

/// A runtime with a program that ends with the number that is its first argument.
fn fixture() -> Fixture {
    Fixture::with(|builder| builder.program("ends", ends))
}

fn ends(p: &Process) -> i32 {
    p.args().first().map_or(-1, |code| code.parse().expect("a number"))
}

/// Runs a process that becomes another, and asserts that what it became succeeds.
#[track_caller]
fn succeeds<R: Termination>(fixture: &Fixture, body: impl FnOnce(&Process) -> R + Send + 'static) {
    succeeded(&fixture.child("before", body).wait().expect("its handle owns it"));
}

/// Executes that program.
fn end(p: &Process, code: i32) -> Result<std::convert::Infallible> {
    p.exec(Command::program("ends").arg(code.to_string()))
}
