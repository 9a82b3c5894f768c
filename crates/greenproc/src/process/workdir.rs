//! Where the process is in the host's files.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::call::{Call, args};
use crate::command::Command;
use crate::descriptor::{Fd, Open};
use crate::error::{Error, Result};
use crate::process::Process;
use crate::workdir::{Whereabouts, refused};

impl Process {
    /// The working directory, as the process sees it: below its root.
    ///
    /// Until somebody has called [`chdir`](Process::chdir) it is the host process's.
    ///
    /// # Errors
    /// - ENOENT: the host process's own is gone.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `getcwd`.
    pub fn getcwd(&self) -> Result<PathBuf> {
        self.gate(
            Call::Getcwd,
            || args![],
            || {
                let at = self.whereabouts()?;
                let (directory, root) = (at.directory()?, at.root());
                Ok(directory
                    .strip_prefix(&root)
                    .map_or(directory.clone(), |below| Path::new("/").join(below)))
            },
        )
    }

    /// Changes the working directory of the process, and of those that share it. Children begin in their parent's.
    ///
    /// The host process has one for all its threads, which this leaves alone: code that opens files by itself still goes by
    /// that one. What goes by this one is [`resolve`](Process::resolve), [`open_file`](Process::open_file), and whatever is
    /// given the path that `resolve` returns. So processes side by side, or tests, can each have a directory of their own.
    ///
    /// # Errors
    /// - ENOENT, ENOTDIR, ELOOP: as the host says of the path.
    /// - EACCES: the host process may not search it.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `chdir`, row 18 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    /// use std::path::Path;
    /// let runtime = Runtime::boot()?;
    /// let before = std::env::current_dir().expect("there is one");
    /// let status = runtime.run(Command::new("elsewhere", |p| {
    ///     p.chdir("/usr")?;
    ///     p.chdir("..")?;
    ///     assert_eq!(p.getcwd()?, Path::new("/"));
    ///     assert_eq!(p.resolve("usr")?, Path::new("/usr"));
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert!(status.success());
    /// assert_eq!(std::env::current_dir().expect("there is one"), before);
    /// # Ok(())
    /// # }
    /// ```
    pub fn chdir(&self, path: impl AsRef<Path>) -> Result<()> {
        self.gate(
            Call::Chdir,
            || args![&*path.as_ref().to_string_lossy()],
            || {
                let directory = self.find_directory(path.as_ref())?;
                self.record.need_extras().workdir.change(|at| at.directory = Some(directory));
                Ok(())
            },
        )
    }

    /// Makes a directory the root of the process, above which no path of it leads, not by `..` and not by a link. A working
    /// directory that is not below it becomes the root too. Children inherit it.
    ///
    /// It holds for what goes by [`resolve`](Process::resolve); it is no wall against code of the host process that does
    /// not.
    ///
    /// # Errors
    /// - EPERM: the process is not root's.
    /// - ENOENT, ENOTDIR, ELOOP, EACCES: as [`chdir`](Process::chdir).
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: Linux `chroot`, which leaves the working directory outside.
    pub fn chroot(&self, path: impl AsRef<Path>) -> Result<()> {
        self.gate(
            Call::Chroot,
            || args![&*path.as_ref().to_string_lossy()],
            || {
                self.check_live()?;
                if self.record.uid() != 0 {
                    return Err(Error::NotPermitted { what: "only root changes its root" });
                }
                let root = self.find_directory(path.as_ref())?;
                let inside =
                    self.whereabouts()?.directory().is_ok_and(|directory| directory.starts_with(&root));
                let extras = self.record.need_extras();
                extras.note_root();
                extras.workdir.change(|at| {
                    if !inside {
                        at.directory = Some(root.clone());
                    }
                    at.root = Some(root);
                });
                Ok(())
            },
        )
    }

    /// Sets which permissions new files of [`open_file`](Process::open_file) do not get, nine bits; returns what it was, the
    /// host process's to begin with.
    ///
    /// # Errors
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `umask`.
    pub fn umask(&self, mask: u32) -> Result<u32> {
        self.gate_value(
            Call::Umask,
            || args![mask],
            |&former| i64::from(former),
            || {
                let before = self.whereabouts()?.umask();
                let former = self.record.need_extras().workdir.change(|at| at.umask.replace(mask & 0o777));
                Ok(former.unwrap_or(before))
            },
        )
    }

    /// What a path means to the process: an absolute path of the host, without links, `.` or `..`. The last component need not
    /// exist.
    ///
    /// # Errors
    /// - ENOENT: a component is not there, or the path is empty.
    /// - ENOTDIR: one is no directory.
    /// - ELOOP: it leads through more than 40 links.
    /// - EACCES: the host process may not search a directory.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX "pathname resolution"; `realpath`.
    pub fn resolve(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        self.whereabouts()?.resolve(path.as_ref())
    }

    /// Opens a file of the host, by a path as the process sees it, and puts it into the process's table. A new file gets the
    /// permissions 666 without those of the [`umask`](Process::umask) (and of the host process's).
    ///
    /// The opening of a FIFO, or of a file far away, is not ended by a request: see `docs/killable.md`.
    ///
    /// # Errors
    /// - What the host says: ENOENT, EACCES, EEXIST and others.
    /// - EMFILE: no number is free.
    /// - ESRCH: as [`open`](Process::open).
    ///
    /// Source: POSIX `open`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("reads", |p| {
    ///     p.chdir("/dev")?;
    ///     let zero = p.open_file("zero", std::fs::OpenOptions::new().read(true))?;
    ///     let mut buf = [1; 8];
    ///     assert_eq!((p.read(zero, &mut buf)?, buf), (8, [0; 8]));
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_file(&self, path: impl AsRef<Path>, options: &OpenOptions) -> Result<Fd> {
        self.gate_value(
            Call::Open,
            || args![&*path.as_ref().to_string_lossy()],
            |&fd: &Fd| i64::from(fd.as_raw()),
            || {
                let at = self.whereabouts()?;
                let path = at.resolve(path.as_ref())?;
                let mut options = options.clone();
                // The host applies its own mask besides.
                let file = options
                    .mode(0o666 & !at.umask.unwrap_or(0))
                    .open(path)
                    .map_err(refused("the opening of a file"))?;
                self.put_in(&Open::new(file))
            },
        )
    }

    fn whereabouts(&self) -> Result<Whereabouts> {
        self.check_live()?;
        Ok(self.record.extras().map(|extras| extras.workdir.get()).unwrap_or_default())
    }

    /// A directory that can be searched, as the host has it.
    fn find_directory(&self, path: &Path) -> Result<PathBuf> {
        let path = self.resolve(path)?;
        // The name of the directory in itself is found only by who may search it.
        path.join(".").metadata().map_err(refused("a directory"))?;
        Ok(path)
    }
}

impl Command {
    /// Has the process share its parent's working directory, root and umask: a change by one of them is the other's too.
    /// Else it has a copy.
    ///
    /// Source: Linux `clone`, `CLONE_FS`.
    pub fn share_working_directory(mut self) -> Command {
        self.more().shares.directory = true;
        self
    }
}
