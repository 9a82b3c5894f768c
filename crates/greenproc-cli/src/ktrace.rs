//! The option `--trace`: all processes are recorded, and what was recorded is written at the end for a viewer of timelines.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use greenproc::Builder;
use greenproc::ktrace::Recorder;

use crate::Verdict;
use crate::failure::{Failure, one_line};

/// How many facts are kept, the last ones: a file of some 25 MB.
pub(crate) const FACTS: usize = 200_000;

/// The file, open from the beginning, and what is to be written to it.
pub(crate) struct Trace(Option<(PathBuf, File, Recorder)>);

impl Trace {
    /// Makes the file, if one is named.
    pub(crate) fn create(file: Option<&Path>) -> Result<Trace, Failure> {
        let Some(path) = file else { return Ok(Trace(None)) };
        match File::create(path) {
            Ok(file) => Ok(Trace(Some((path.to_owned(), file, Recorder::new(FACTS))))),
            Err(error) => {
                Err(Failure::Usage(format!("{}: {error} (try 'greenproc --help')", path.display())))
            }
        }
    }

    /// A runtime whose processes are recorded.
    pub(crate) fn builder(&self, builder: Builder) -> Builder {
        match &self.0 {
            Some((.., recorder)) => builder.ktrace(recorder),
            None => builder,
        }
    }

    /// Writes the file; says on stderr why it could not.
    pub(crate) fn write(self) -> Verdict {
        let Some((path, file, recorder)) = self.0 else { return Verdict::Good };
        let Err(error) = recorder.chrome_trace(BufWriter::new(file)) else { return Verdict::Good };
        // With stderr closed too there is nobody left to tell.
        let _ = writeln!(io::stderr(), "greenproc: {}", one_line(&format!("{}: {error}", path.display())));
        Verdict::Bad
    }
}
