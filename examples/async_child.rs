//! Processes and async code: a child is awaited like any future, on any executor, beside whatever else there is to wait
//! for. Dropping the future loses nothing.
//!
//! ```text
//! cargo run -p greenproc-examples --example async_child
//! ```

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use crossbeam_channel::bounded;
use greenproc::{Child, Command, Result, Runtime, Signal, Waited};

fn main() -> Result<()> {
    let runtime = Runtime::boot()?;
    let (release, held) = bounded::<()>(0);
    let slow = runtime.spawn(Command::new("slow", move |p| drop(p.recv(&held))))?;
    let quick = runtime.spawn(Command::new("quick", |_| 3))?;

    // The first of two: the other future is dropped.
    let (which, waited) = block_on(first_of(&slow, &quick))?;
    println!("{which} was first: {}", waited.status);
    assert_eq!((which, waited.status.code()), ("quick", Some(3)));

    // The dropped future took nothing: the child is there to be awaited again.
    slow.signal(Signal::TERM)?;
    let waited = block_on(slow.wait_async())?;
    println!("slow ended later: {}", waited.status);
    assert_eq!(waited.status.signal(), Some(Signal::TERM));
    drop(release);

    // Many at once, on one thread.
    let children: Vec<Child> = (0..1000)
        .map(|number| runtime.spawn(Command::new("one of many", move |_| number % 7)))
        .collect::<Result<_>>()?;
    let sum = block_on(async {
        let mut sum = 0;
        for child in &children {
            sum += child.wait_async().await?.status.code().unwrap_or(0);
        }
        Result::Ok(sum)
    })?;
    println!("1000 children awaited, their exit values add up to {sum}");
    assert_eq!(sum, (0..1000).map(|number| number % 7).sum());
    Ok(())
}

/// Whichever child ends first. (tokio's or futures' `select!` do the same.)
async fn first_of(one: &Child, other: &Child) -> Result<(&'static str, Waited)> {
    let (mut one, mut other) = (pin!(one.wait_async()), pin!(other.wait_async()));
    poll_fn(|context| {
        if let Poll::Ready(waited) = one.as_mut().poll(context) {
            return Poll::Ready(waited.map(|waited| ("slow", waited)));
        }
        other.as_mut().poll(context).map(|waited| waited.map(|waited| ("quick", waited)))
    })
    .await
}

/// The smallest executor: a program has its own.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}
