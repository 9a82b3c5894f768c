//! Host calls that a request can end.

use std::io;
use std::sync::Arc;

use crate::call::{Call, args};
use crate::lwp::Place;
use crate::proc::Request;
use crate::process::Process;
use crate::process::request::Met;

impl Process {
    /// Runs a host call so that a request can end it: while it runs, a request to the LWP interrupts it by a signal
    /// without `SA_RESTART`, again and again until it has returned.
    ///
    /// `call` should make one host call and return its error as it is. If it fails with EINTR for which no request is
    /// pending, it is run again; if one is pending, the LWP unwinds. What a call that succeeded returns is returned,
    /// and the request is met at the next checkpoint. Calls that swallow EINTR (`read_exact`, `accept`, `thread::sleep`)
    /// are not ended by the signal: see [`blocking_with`](Process::blocking_with) and `docs/killable.md`.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// What `call` failed with, but EINTR only if a request is pending and the LWP cannot unwind here, or SIGTERM came
    /// and the process is polite about it. ESRCH for a `Process` kept beyond its LWP's end.
    ///
    /// ```
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime, Signal};
    /// use std::io::Read;
    /// let runtime = Runtime::boot()?;
    /// let (mut silent, _open) = std::io::pipe().expect("a pipe");
    /// let reader = runtime.spawn(Command::new("reader", move |p| {
    ///     p.blocking(|| silent.read(&mut [0; 16])) // one read(2)
    /// }.map(|_| ())))?;
    /// reader.kill()?;
    /// assert_eq!(reader.wait()?.status.signal(), Some(Signal::KILL));
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn blocking<T>(&self, call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        self.enter();
        self.gate_as(Call::Blocking, || args![], |_| 0, || self.block(call, None))
    }

    /// [`blocking`](Process::blocking) for calls that swallow EINTR: when a request comes, `cancel` is run once, on
    /// another thread, and has to make the call return: by shutting a socket down, by writing to an eventfd.
    ///
    /// `cancel` must not block. It may run just after the call has returned by itself.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// As [`blocking`](Process::blocking); an error that `cancel` provoked is returned only if the LWP cannot unwind.
    #[track_caller]
    pub fn blocking_with<T>(
        &self,
        call: impl FnMut() -> io::Result<T>,
        cancel: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<T> {
        self.enter();
        let cancel: Arc<dyn Fn() + Send + Sync> = Arc::new(cancel);
        self.gate_as(Call::Blocking, || args![], |_| 0, || self.block(call, Some(&cancel)))
    }

    fn block<T>(
        &self,
        mut call: impl FnMut() -> io::Result<T>,
        cancel: Option<&Arc<dyn Fn() + Send + Sync>>,
    ) -> io::Result<T> {
        self.check_live()?;
        let _doze = self.doze();
        loop {
            let refused = {
                let mut state = self.record.state.lock();
                let refused = self.fall_asleep(&mut state, Place::Blocking);
                if let (None, Some(cancel), Some(lwp)) = (refused, cancel, state.lwp(self.lwp)) {
                    lwp.need_extras().cancel = Some(Arc::clone(cancel));
                }
                refused
            };
            if let Some(request) = refused {
                self.meet(request).go_on()?;
                continue;
            }
            // The mark has to go on any way out of the call.
            let mark = BlockingMark(self);
            let result = call();
            drop(mark);
            let Err(error) = result else {
                self.come_back();
                return result;
            };
            let kicked = error.kind() == io::ErrorKind::Interrupted;
            let request = self.record.state.lock().request(self.lwp);
            match request {
                // A signal that is no request, or one that a critical section puts off: the call goes on.
                None if kicked => {}
                Some(Request::Term | Request::Signal) if kicked && !self.may_unwind() => {}
                // EINTR, or whatever error `cancel` made of it.
                Some(request) if kicked || cancel.is_some() => {
                    let met = self.meet(request);
                    if !kicked || met == Met::Interrupted {
                        return Err(error);
                    }
                }
                None | Some(_) => {
                    self.come_back();
                    return Err(error);
                }
            }
        }
    }
}

/// Stands for the LWP being in a host call. Taken away under `p_smutex`, under which kicks are sent: none can come later.
struct BlockingMark<'a>(&'a Process);

impl Drop for BlockingMark<'_> {
    fn drop(&mut self) {
        let mut state = self.0.record.state.lock();
        self.0.wake_up(&mut state);
        let cancel = state.lwp(self.0.lwp).and_then(|lwp| lwp.extras_mut()?.cancel.take());
        drop(state);
        drop(cancel);
    }
}
