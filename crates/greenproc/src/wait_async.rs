//! A child's end as a future.
//!
//! There is no second protocol of waiting: the future looks as every wait does, and leaves its waker in the hold of
//! `proclist_lock` in which it found nothing. The hold that makes the zombie takes the wakers out; they are called
//! without a lock, on the thread on which the process ended. A waker that was called looks again, and finds the child or
//! that somebody else took it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::child::Child;
use crate::error::{Error, Result};
use crate::selector::{WaitFlags, Waited};
use crate::wait::{self, Unmet};

impl Child {
    /// [`wait`](Child::wait) for async code: a future for any executor. Needs the feature `async`, which brings in no
    /// runtime: nothing is spawned and nothing polls.
    ///
    /// Dropping the future before it is ready takes nothing: the child is still there to be waited for. Several futures,
    /// and waits besides, can be for one child; whichever looks first reaps it, and all waits through this handle return
    /// the same.
    ///
    /// A child of [`Runtime::spawn`](crate::Runtime::spawn) can be awaited anywhere; one of a process's only where an LWP
    /// of that process polls. A thread that blocks on a future cannot be killed meanwhile.
    ///
    /// # Errors
    /// - ECHILD: another wait took it, or its parent ignores its children; or what polls is not an LWP of the parent and
    ///   the handle does not own the process.
    /// - EDEADLK: the process awaits itself.
    ///
    /// ```
    /// # fn block_on<F: std::future::Future>(future: F) -> F::Output {
    /// #     struct Unpark(std::thread::Thread);
    /// #     impl std::task::Wake for Unpark {
    /// #         fn wake(self: std::sync::Arc<Self>) { self.0.unpark() }
    /// #     }
    /// #     let waker = std::task::Waker::from(std::sync::Arc::new(Unpark(std::thread::current())));
    /// #     let mut future = std::pin::pin!(future);
    /// #     loop {
    /// #         match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
    /// #             std::task::Poll::Ready(output) => return output,
    /// #             std::task::Poll::Pending => std::thread::park(),
    /// #         }
    /// #     }
    /// # }
    /// # fn main() -> greenproc::Result<()> {
    /// use greenproc::{Command, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let child = runtime.spawn(Command::new("six", |_| 6))?;
    /// let waited = block_on(async { child.wait_async().await })?;
    /// assert_eq!(waited.status.code(), Some(6));
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_async(&self) -> WaitAsync<'_> {
        WaitAsync { child: self, ticket: None }
    }
}

/// The future of [`Child::wait_async`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct WaitAsync<'a> {
    child: &'a Child,
    /// Under which number its waker is registered.
    ticket: Option<u64>,
}

impl Future for WaitAsync<'_> {
    type Output = Result<Waited>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Waited>> {
        let child = self.child;
        let (parent, wanted) = match child.to_await() {
            Ok(wait) => wait,
            Err(Error::NoChild) => return Poll::Ready(child.last_word(WaitFlags::EXITED)),
            Err(error) => return Poll::Ready(Err(error)),
        };
        // Cloning and dropping a waker is user code: before the lock and after it.
        let mut waker = Some(context.waker().clone());
        let mut former = None;
        let found = wait::look(child.kernel(), parent, &wanted, Some(child.note()), |list| {
            let Some(record) = list.tree.record(child.node()) else { return };
            record.set_observed();
            if let Some(waker) = waker.take() {
                let (ticket, replaced) = list.watches.await_end(record.pid, self.ticket, waker);
                self.ticket = Some(ticket);
                former = replaced;
            }
        });
        drop((waker, former));
        match found {
            Ok(waited) => Poll::Ready(Ok(waited)),
            Err(Unmet::NotYet | Unmet::Interrupted(_)) => Poll::Pending,
            Err(Unmet::NoChild) => Poll::Ready(child.last_word(WaitFlags::EXITED)),
        }
    }
}

impl Drop for WaitAsync<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            let waker = self.child.kernel().lock().watches.forget(self.child.id(), ticket);
            drop(waker);
        }
    }
}
