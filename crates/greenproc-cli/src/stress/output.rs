//! The files that a stress run writes, open from the beginning.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::failure::{Failure, plainly};

/// A file that is written at the end, if one is named.
pub(super) struct Output(Option<(String, File)>);

impl Output {
    /// Makes the file.
    pub(super) fn create(path: Option<&Path>) -> Result<Output, Failure> {
        let Some(path) = path else { return Ok(Output(None)) };
        let name = path.display().to_string();
        match File::create(path) {
            Ok(file) => Ok(Output(Some((name, file)))),
            Err(error) => Err(unusable(&name, &plainly(&error))),
        }
    }

    /// Writes it.
    pub(super) fn write(
        self,
        write: impl FnOnce(&mut BufWriter<File>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some((name, file)) = self.0 else { return Ok(()) };
        let mut out = BufWriter::new(file);
        match write(&mut out).and_then(|()| Ok(out.flush()?)) {
            // A file is no reader that may have had enough.
            Err(Failure::Output(error)) => Err(unusable(&name, &plainly(&error))),
            written => written,
        }
    }
}

/// What is wrong with a file of the command line.
pub(super) fn unusable(name: &str, why: &str) -> Failure {
    Failure::Usage(format!("{name}: {why} (try 'greenproc stress --help')"))
}

/// Writes to standard output.
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out)?;
    Ok(out.flush()?)
}
