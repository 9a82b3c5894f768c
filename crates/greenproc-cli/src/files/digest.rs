//! Hashing one file, in a process that can be killed while it does.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use greenproc::Process;
use rustix::fs::{Mode, OFlags};
use sha2::{Digest as _, Sha256};

/// How much is read at once.
const CHUNK: usize = 256 * 1024;

/// What was in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digest {
    /// How many bytes were read.
    pub(crate) size: u64,
    /// The SHA-256 of them, as `sha256sum` writes it.
    pub(crate) sha256: String,
}

/// Reads a file to its end. Each system call can be interrupted by a kill.
pub(crate) fn digest(process: &Process, path: &Path) -> io::Result<Digest> {
    let mut file = process.blocking(|| open(path))?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK];
    let mut size = 0;
    loop {
        let length = process.blocking(|| file.read(&mut chunk))?;
        if length == 0 {
            return Ok(Digest { size, sha256: hexadecimal(&hash.finalize()) });
        }
        hash.update(&chunk[..length]);
        size += length as u64;
    }
}

/// Opens a file to be read; a FIFO only once somebody writes to it.
///
/// `File::open` of the standard library would begin again after each interruption, so a process waiting for the
/// writer of a FIFO could not be killed.
fn open(path: &Path) -> io::Result<File> {
    let descriptor =
        rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())?;
    Ok(File::from(descriptor))
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_written_as_sha256sum_writes_them() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hexadecimal(&Sha256::new().finalize()), empty);
    }
}
