//! What the process has open.

use std::any::Any;
use std::sync::Arc;

use crate::call::{Call, args, count_value};
use crate::descriptor::{DescriptorInfo, Fd, MOST, Open, Refused, Slot, Stream, Table};
use crate::error::{Error, Result};
use crate::pipe::pipe;
use crate::process::Process;

/// A descriptor while a call uses it: should another LWP close it meanwhile, it goes when the call is done.
struct InUse<'a> {
    process: &'a Process,
    open: Option<Arc<Open>>,
}

impl InUse<'_> {
    fn stream(&self, fd: Fd) -> Result<(&dyn Stream, &Open)> {
        let open = self.open.as_deref().ok_or(Error::BadDescriptor { fd })?;
        let stream =
            open.as_stream().ok_or(Error::WrongType { fd, is: open.type_name, wanted: "a stream" })?;
        Ok((stream, open))
    }
}

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            self.process.let_go(open);
        }
    }
}

/// A descriptor as what a call returns.
fn fd_value(fd: Fd) -> i64 {
    i64::from(fd.as_raw())
}

impl Process {
    /// Puts a value into the process's table of what is open, under the lowest number that is free: a file, a socket, an end
    /// of a channel, anything.
    ///
    /// What is open belongs to the process rather than to a variable of some LWP: all LWPs find it by its number, children
    /// inherit it, and it is closed at the process's end, however the process ends. A value is dropped when no table has it
    /// any more, without a lock; at the end lowest number first. A panic of its destructor is told as the event
    /// [`DropPanicked`](crate::EventKind::DropPanicked) and stops nothing.
    ///
    /// # Errors
    /// - EMFILE: every number below [`Limits::descriptors`](crate::Limits), or 1,048,576, is in use.
    /// - ESRCH: the process has closed what it had, at its end, or this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `open`, row 17 of the kernel map.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("opens", |p| {
    ///     let (sender, receiver) = crossbeam_channel::unbounded::<u32>();
    ///     let fd = p.open(sender)?;
    ///     p.spawn(Command::new("heir", move |p| {
    ///         let sender = p.descriptor::<crossbeam_channel::Sender<u32>>(fd)?;
    ///         sender.send(7).expect("the parent listens");
    ///         greenproc::Result::Ok(())
    ///     }))?;
    ///     p.close(fd)?;
    ///     assert_eq!(p.recv(&receiver).ok(), Some(7));
    ///     assert!(p.recv(&receiver).is_err(), "the last sender went with the child");
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn open<T: Any + Send + Sync>(&self, value: T) -> Result<Fd> {
        self.gate_value(
            Call::Open,
            || args![std::any::type_name::<T>()],
            |&fd| fd_value(fd),
            || self.put_in(&Open::new(value)),
        )
    }

    /// [`open`](Process::open) for a [`Stream`] of your own, that [`read`](Process::read) and [`write`](Process::write) use.
    ///
    /// # Errors
    /// As [`open`](Process::open).
    pub fn open_stream<T: Stream>(&self, value: T) -> Result<Fd> {
        self.gate_value(
            Call::Open,
            || args![std::any::type_name::<T>()],
            |&fd| fd_value(fd),
            || self.put_in(&Open::stream(value)),
        )
    }

    pub(super) fn put_in(&self, open: &Arc<Open>) -> Result<Fd> {
        self.check_live()?;
        let limit = self.most_descriptors();
        let placed = self.record.need_extras().descriptors.0.lock().insert(open, limit);
        placed.map_err(|refused| self.refusal(refused))
    }

    fn most_descriptors(&self) -> u32 {
        self.record.limits().descriptors.unwrap_or(MOST)
    }

    fn refusal(&self, refused: Refused) -> Error {
        match refused {
            Refused::Limit(limit) => Error::TooManyDescriptors { limit },
            Refused::Over => Error::Exiting { pid: self.record.pid },
        }
    }

    /// What is open under this number, as what it is. It stays open while the result lives, whoever closes the number.
    ///
    /// # Errors
    /// - EBADF: nothing is.
    /// - EINVAL: it is of another type.
    /// - ESRCH: this was kept beyond its LWP's end.
    pub fn descriptor<T: Any + Send + Sync>(&self, fd: Fd) -> Result<Arc<T>> {
        self.gate(
            Call::Descriptor,
            || args![fd.as_raw()],
            || {
                let used = self.use_descriptor(fd)?;
                let open = used.open.as_deref().ok_or(Error::BadDescriptor { fd })?;
                let wanted = std::any::type_name::<T>();
                open.get().ok_or(Error::WrongType { fd, is: open.type_name, wanted })
            },
        )
    }

    fn use_descriptor(&self, fd: Fd) -> Result<InUse<'_>> {
        let open = self.with_slot(fd, |slot| Arc::clone(&slot.open))?;
        Ok(InUse { process: self, open: Some(open) })
    }

    fn with_slot<R>(&self, fd: Fd, look: impl FnOnce(&mut Slot) -> R) -> Result<R> {
        self.check_live()?;
        self.with_table(|table| table.get_mut(fd).map(look)).flatten().ok_or(Error::BadDescriptor { fd })
    }

    /// Looks into the table, if there is one.
    fn with_table<R>(&self, look: impl FnOnce(&mut Table) -> R) -> Option<R> {
        self.record.extras().map(|extras| look(&mut extras.descriptors.0.lock()))
    }

    /// Gives what is open under this number another one, the lowest that is free. Both are the same open description; the new
    /// number is not closed by an exec.
    ///
    /// # Errors
    /// - EBADF: nothing is open under `fd`.
    /// - EMFILE: no number is free.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `dup`.
    pub fn dup(&self, fd: Fd) -> Result<Fd> {
        self.gate_value(
            Call::Dup,
            || args![fd.as_raw()],
            |&fd| fd_value(fd),
            || {
                let used = self.use_descriptor(fd)?;
                let open = used.open.as_ref().ok_or(Error::BadDescriptor { fd })?;
                self.put_in(open)
            },
        )
    }

    /// Gives what is open under `fd` the number `to` as well, and closes what had that, in one step. With the same number
    /// twice nothing changes.
    ///
    /// # Errors
    /// - EBADF: nothing is open under `fd`, or `to` is over the limit.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `dup2`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// # use greenproc::{Command, Fd, Runtime};
    /// # let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("redirects", |p| {
    ///     let (from, to) = p.pipe()?;
    ///     p.dup_to(to, Fd::STDERR)?;
    ///     p.close(to)?;
    ///     p.write(Fd::STDERR, b"oh")?;
    ///     p.close(Fd::STDERR)?;
    ///     let mut buf = [0; 8];
    ///     assert_eq!((p.read(from, &mut buf)?, &buf[..2]), (2, &b"oh"[..]));
    ///     assert_eq!(p.read(from, &mut buf)?, 0);
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// # assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn dup_to(&self, fd: Fd, to: Fd) -> Result<Fd> {
        self.gate_value(
            Call::Dup2,
            || args![fd.as_raw(), to.as_raw()],
            |&fd| fd_value(fd),
            || {
                self.check_live()?;
                let limit = self.most_descriptors();
                let before = self.with_table(|table| {
                    let open = table.get(fd).map(|slot| Slot::of(&slot.open))?;
                    if to.as_raw().cast_unsigned() >= limit {
                        return None;
                    }
                    Some(if fd == to { None } else { table.put(to, open) })
                });
                match before.flatten() {
                    Some(before) => {
                        if let Some(slot) = before {
                            self.let_go(slot.open);
                        }
                        Ok(to)
                    }
                    None => Err(Error::BadDescriptor { fd: if self.is_open(fd) { to } else { fd } }),
                }
            },
        )
    }

    fn is_open(&self, fd: Fd) -> bool {
        self.with_table(|table| table.get(fd).is_some()).unwrap_or(false)
    }

    /// Frees the number. If no number of any process is left for what was open, and no call uses it, it is dropped before
    /// this returns, as inside [`critical`](Process::critical); a panic of its destructor is the event
    /// [`DropPanicked`](crate::EventKind::DropPanicked), and this is `Ok` all the same.
    ///
    /// # Errors
    /// - EBADF: nothing is open under it.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `close`.
    pub fn close(&self, fd: Fd) -> Result<()> {
        self.gate(
            Call::Close,
            || args![fd.as_raw()],
            || {
                self.check_live()?;
                let slot =
                    self.with_table(|table| table.take(fd)).flatten().ok_or(Error::BadDescriptor { fd })?;
                self.let_go(slot.open);
                Ok(())
            },
        )
    }

    /// Says whether an exec closes the number. One that was just opened stays open.
    ///
    /// # Errors
    /// - EBADF: nothing is open under it.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `fcntl(F_SETFD)`, `FD_CLOEXEC`.
    pub fn set_close_on_exec(&self, fd: Fd, close: bool) -> Result<()> {
        self.gate(
            Call::Fcntl,
            || args![fd.as_raw(), "FD_CLOEXEC", close],
            || self.with_slot(fd, |slot| slot.close_on_exec = close),
        )
    }

    /// Says whether reading and writing it waits, or says EAGAIN instead. This goes for all numbers of the open description, in
    /// every process that has it; a socket of the host gets the host's mode.
    ///
    /// # Errors
    /// - EBADF: nothing is open under it.
    /// - EINVAL: it is no stream.
    /// - ESRCH: this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `fcntl(F_SETFL)`, `O_NONBLOCK`.
    pub fn set_nonblocking(&self, fd: Fd, nonblocking: bool) -> Result<()> {
        self.gate(
            Call::Fcntl,
            || args![fd.as_raw(), "O_NONBLOCK", nonblocking],
            || {
                let used = self.use_descriptor(fd)?;
                let (stream, open) = used.stream(fd)?;
                stream.set_nonblocking(nonblocking)?;
                open.set_nonblocking(nonblocking);
                Ok(())
            },
        )
    }

    /// What is open, lowest number first.
    pub fn descriptors(&self) -> Vec<DescriptorInfo> {
        let list = |table: &mut Table| {
            let info = |(fd, slot): (Fd, &Slot)| DescriptorInfo {
                fd,
                type_name: slot.open.type_name,
                close_on_exec: slot.close_on_exec,
                nonblocking: slot.open.is_nonblocking(),
            };
            table.iter().map(info).collect()
        };
        self.with_table(list).unwrap_or_default()
    }

    /// Makes a [`pipe`](crate::pipe()) and opens both its ends: the one that is read from, and the one that is written to.
    ///
    /// A reader comes to the end of the file when the last writing end is closed, in whichever process: who hands one to a
    /// child closes its own.
    ///
    /// # Errors
    /// - EMFILE: there are not two free numbers.
    /// - ESRCH: the process has closed what it had, at its end, or this was kept beyond its LWP's end.
    ///
    /// Source: POSIX `pipe`.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Fd, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let status = runtime.run(Command::new("parent", |p| {
    ///     let (from, to) = p.pipe()?;
    ///     let child = Command::new("child", |p| p.write(Fd::STDOUT, b"hello").map(drop));
    ///     p.spawn(child.only_descriptors([]).descriptor_from(Fd::STDOUT, to))?;
    ///     p.close(to)?;
    ///     let mut buf = [0; 16];
    ///     assert_eq!(p.read(from, &mut buf)?, 5);
    ///     assert_eq!(p.read(from, &mut buf)?, 0, "the child was the last writer");
    ///     greenproc::Result::Ok(())
    /// }))?;
    /// assert!(status.success());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "pipe2")]
    pub fn pipe(&self) -> Result<(Fd, Fd)> {
        self.gate(
            Call::Pipe,
            || args![],
            || {
                self.check_live()?;
                let (reader, writer) = pipe();
                let (reader, writer) = (Open::new(reader), Open::new(writer));
                let limit = self.most_descriptors();
                let placed =
                    self.record.need_extras().descriptors.0.lock().insert_both(&reader, &writer, limit);
                placed.map_err(|refused| self.refusal(refused))
            },
        )
    }

    /// Reads what is there, up to the length of `buf`, and waits if nothing is. Returns 0 at the end of the file.
    ///
    /// Pipes and terminals of the runtime, the host's files, sockets and pipes, and every [`Stream`] can be read. From one of
    /// the host's it is one `read` inside [`blocking`](Process::blocking).
    ///
    /// A checkpoint: a request to end ends the wait. Bytes that are there beat a request.
    ///
    /// # Errors
    /// - EBADF: nothing is open under it, or it cannot be read from.
    /// - EINVAL: it is no stream.
    /// - EAGAIN: nothing is there, and it is [non-blocking](Process::set_nonblocking).
    /// - EIO: from a terminal, as [`Tty::read`](crate::Tty::read) says.
    /// - EINTR: a signal came before any byte.
    /// - ESRCH: this was kept beyond its LWP's end.
    /// - What the host says of its own.
    ///
    /// Source: POSIX `read`.
    #[track_caller]
    pub fn read(&self, fd: Fd, buf: &mut [u8]) -> Result<usize> {
        self.enter();
        let length = buf.len();
        self.gate_value(
            Call::Read,
            || args![fd.as_raw(), length],
            |&read| count_value(read),
            || {
                let used = self.use_descriptor(fd)?;
                let (stream, open) = used.stream(fd)?;
                stream.read(self, buf, open.waiting())
            },
        )
    }

    /// Writes `buf`, and waits for room. A pipe or a terminal of the runtime takes all of it, unless a signal comes in the
    /// middle; a stream of the host may take less. Returns how many bytes it took.
    ///
    /// A checkpoint: a request to end ends the wait; what was written stays written.
    ///
    /// # Errors
    /// - EBADF: nothing is open under it, or it cannot be written to.
    /// - EINVAL: it is no stream.
    /// - EAGAIN: there is no room, and it is [non-blocking](Process::set_nonblocking).
    /// - EPIPE: nobody reads any more. SIGPIPE is posted to the process; the error is seen only by one that does not end of
    ///   it.
    /// - EIO: to a terminal, as [`Tty::write`](crate::Tty::write) says.
    /// - EINTR: a signal came before any byte was written.
    /// - ESRCH: this was kept beyond its LWP's end.
    /// - What the host says of its own.
    ///
    /// Source: POSIX `write`.
    #[track_caller]
    pub fn write(&self, fd: Fd, buf: &[u8]) -> Result<usize> {
        self.enter();
        self.gate_value(
            Call::Write,
            || args![fd.as_raw(), buf.len()],
            |&written| count_value(written),
            || {
                let used = self.use_descriptor(fd)?;
                let (stream, open) = used.stream(fd)?;
                stream.write(self, buf, open.waiting())
            },
        )
    }
}
