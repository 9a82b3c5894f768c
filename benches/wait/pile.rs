//! The benchmark's side of a pile: a runtime with one parent in it that measures on request.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use greenproc::{Child, Command, Process, Runtime};

use super::kind::Kind;
use super::zombies::Zombies;

/// A pile of zombies, piled up when it is first needed: a filter may leave it out.
pub(crate) struct Pile {
    size: usize,
    parent: Option<Parent>,
}

impl Pile {
    pub(crate) fn new(size: usize) -> Pile {
        Pile { size, parent: None }
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    pub(crate) fn is_piled_up(&self) -> bool {
        self.parent.is_some()
    }

    /// Piles up, the first time.
    pub(crate) fn pile_up(&mut self) {
        self.parent();
    }

    /// The time of that many waits beside the pile.
    pub(crate) fn measure(&mut self, kind: Kind, waits: usize) -> Duration {
        self.parent().measure(kind, waits)
    }

    fn parent(&mut self) -> &Parent {
        self.parent.get_or_insert_with(|| Parent::of(self.size))
    }
}

/// The process that has the zombies, and the way to ask it.
struct Parent {
    requests: Sender<(Kind, usize)>,
    times: Receiver<Duration>,
    child: Child,
    _runtime: Runtime,
}

impl Parent {
    fn of(size: usize) -> Parent {
        let runtime = Runtime::boot().expect("boot a runtime");
        let (requests, to_measure) = unbounded();
        let (report, times) = mpsc::channel();
        let child = runtime
            .spawn(Command::new("parent", move |p| serve(p, size, &to_measure, &report)))
            .expect("spawn the parent of the pile");
        let parent = Parent { requests, times, child, _runtime: runtime };
        parent.next_time();
        parent
    }

    fn measure(&self, kind: Kind, waits: usize) -> Duration {
        // If the parent has ended, the receive below says so.
        let _ = self.requests.send((kind, waits));
        self.next_time()
    }

    fn next_time(&self) -> Duration {
        self.times
            .recv()
            .unwrap_or_else(|_| panic!("the parent of the pile has ended: {:?}", self.child.wait()))
    }
}

/// Piles up, says so, and measures for as long as somebody asks.
fn serve(
    p: &Process,
    size: usize,
    requests: &crossbeam_channel::Receiver<(Kind, usize)>,
    times: &mpsc::Sender<Duration>,
) -> greenproc::Result<()> {
    let mut zombies = Zombies::pile_up(p, size)?;
    // Where a time is not wanted any more, no request will follow either.
    let _ = times.send(Duration::ZERO);
    while let Ok((kind, waits)) = p.recv(requests) {
        let _ = times.send(zombies.measure(kind, waits)?);
    }
    Ok(())
}
