//! The notes of a watch for async code.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crossbeam_channel::TryRecvError;

use crate::watch::{Note, Watch};

impl Watch {
    /// The next note, for async code; `None` when the stream has ended. Needs the feature `async`.
    ///
    /// Any executor will do: nothing is spawned and nothing polls. Dropping the future loses no note.
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
    /// use greenproc::{Command, NoteFlags, Runtime};
    /// let runtime = Runtime::boot()?;
    /// let child = runtime.spawn(Command::new("short", |_| ()))?;
    /// let mut watch = child.watch(NoteFlags::EXIT)?;
    /// block_on(async {
    ///     while let Some(note) = watch.next_note().await {
    ///         assert_eq!(note.pid, child.id());
    ///     }
    /// });
    /// # Ok(())
    /// # }
    /// ```
    pub fn next_note(&mut self) -> NextNote<'_> {
        NextNote { watch: self, registered: false }
    }
}

/// The future of [`Watch::next_note`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct NextNote<'a> {
    watch: &'a mut Watch,
    registered: bool,
}

impl Future for NextNote<'_> {
    type Output = Option<Note>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Note>> {
        lab_touch!();
        match self.watch.receiver.try_recv() {
            Ok(note) => return Poll::Ready(Some(note)),
            Err(TryRecvError::Disconnected) => return Poll::Ready(None),
            Err(TryRecvError::Empty) => {}
        }
        let waker = context.waker().clone();
        let former = self.watch.kernel.lock().watches.set_waker(self.watch.id, Some(waker));
        drop(former);
        self.registered = true;
        lab_touch!();
        // A note that came before that hold is here; one that comes after it wakes the task.
        match self.watch.receiver.try_recv() {
            Ok(note) => Poll::Ready(Some(note)),
            Err(TryRecvError::Disconnected) => Poll::Ready(None),
            Err(TryRecvError::Empty) => Poll::Pending,
        }
    }
}

impl Drop for NextNote<'_> {
    fn drop(&mut self) {
        if self.registered {
            let waker = self.watch.kernel.lock().watches.set_waker(self.watch.id, None);
            drop(waker);
        }
    }
}
