//! What others have of a supervisor and its children.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use greenproc::{Child, Command, Mailbox, Pid, Process, ProcessGroup, Runtime, Signal};

use crate::clock::Clock;
use crate::driver::{Above, Message, Place, supervise};
use crate::error::{RequestError, StartError};
use crate::info::{ChildInfo, Counts};
use crate::machine::Request;
use crate::reply::{ReplyTo, Unanswered, ask, question};
use crate::report::ShutdownReport;
use crate::spec::ChildSpec;
use crate::supervisor::Supervisor;
use crate::tree::Shared;

/// A running supervisor, to ask it for something: from any thread, and from any process of its runtime. Calls from
/// inside a process are checkpoints, and fail with EINTR if a signal comes first; what was asked for is done all the same.
#[derive(Clone)]
pub struct SupervisorRef {
    path: Arc<str>,
    mailbox: Mailbox<Message>,
    shared: Arc<Shared>,
}

/// A tree of supervisors that was started: its root, which it stands for, and its end.
///
/// Dropping it neither stops nor leaks the tree.
pub struct Tree {
    root: SupervisorRef,
    child: Child,
}

/// One life of a child. It never means another life: who was started again is reached by a new one
/// ([`SupervisorRef::child`]).
#[derive(Clone)]
pub struct ChildRef {
    id: Arc<str>,
    incarnation: u64,
    child: Arc<Child>,
    path: Arc<str>,
    supervisor: Mailbox<Message>,
}

impl Supervisor {
    /// Starts the tree as a process under init, and returns when all children are ready. From any thread.
    ///
    /// # Errors
    /// - [`StartError::Spec`]: it cannot work; nothing was started.
    /// - [`StartError::Child`]: a child failed to start; what had started is stopped again, in reverse order.
    /// - [`StartError::Stopped`]: the supervisor was killed, or asked to end, meanwhile.
    /// - [`StartError::Runtime`]: there is no room for its process (EAGAIN), or the runtime is down.
    pub fn start(self, runtime: &Runtime) -> Result<Tree, StartError> {
        self.start_with(|command| runtime.spawn(command))
    }

    /// Starts the tree as a child of the calling process, and returns when all children are ready.
    ///
    /// A checkpoint.
    ///
    /// # Errors
    /// As [`start`](Supervisor::start), and EINTR: a signal came first. The tree is stopped again.
    pub fn start_in(self, process: &Process) -> Result<Tree, StartError> {
        self.start_with(|command| process.spawn(command))
    }

    /// Starts the tree as a process under init, and returns at once, so that it can be stopped while it starts: the event
    /// [`Up`](crate::EventKind::Up) of the root says when all children are ready. A start that fails is the end of the root.
    ///
    /// # Errors
    /// [`Spec`](StartError::Spec) and [`Runtime`](StartError::Runtime), as [`start`](Supervisor::start).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use greenproc::Runtime;
    /// use greenproc_supervisor::{ChildSpec, Supervisor};
    /// use std::time::Duration;
    /// let never_ready = ChildSpec::with_life("slow", |p, _life| p.sleep(Duration::from_hours(1)));
    /// let runtime = Runtime::boot()?;
    /// let tree = Supervisor::new("root").child(never_ready).launch(&runtime)?;
    /// assert!(tree.shutdown()?.is_clean());
    /// # Ok(())
    /// # }
    /// ```
    pub fn launch(self, runtime: &Runtime) -> Result<Tree, StartError> {
        self.launch_with(|command| runtime.spawn(command), Above::Nobody)
    }

    /// Makes the calling process the supervisor, until it ends: for the body of a [`Command`](greenproc::Command), or of init.
    ///
    /// # Errors
    /// The process should end with a failure: the specification cannot work, a child failed to start, or children failed too
    /// often.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use greenproc::Runtime;
    /// use greenproc_supervisor::{AutoShutdown, ChildSpec, Restart, Supervisor};
    /// let supervisor = Supervisor::new("init")
    ///     .auto_shutdown(AutoShutdown::AnySignificant)
    ///     .child(ChildSpec::new("job", |_| {}).restart(Restart::Temporary).significant());
    /// let runtime = Runtime::builder().init(move |p| supervisor.run(p)).boot()?;
    /// assert!(runtime.wait()?.success());
    /// # Ok(())
    /// # }
    /// ```
    pub fn run(&self, process: &Process) -> Result<(), String> {
        self.check().map_err(|error| error.to_string())?;
        supervise(process, self, Mailbox::new(), self.place(), Above::Nobody)
    }

    fn place(&self) -> Place {
        Place {
            shared: Arc::default(),
            path: Arc::clone(&self.name),
            clock: self.clock.clone().unwrap_or_else(Clock::host),
            events: self.events.clone(),
        }
    }

    fn start_with(self, spawn: impl FnOnce(Command) -> greenproc::Result<Child>) -> Result<Tree, StartError> {
        let (started, reply) = question();
        let tree = self.launch_with(spawn, Above::Starter(reply))?;
        let error = match started.wait() {
            Ok(Ok(())) => return Ok(tree),
            Ok(Err((path, why))) => StartError::Child { path, why },
            Err(Unanswered::Gone) => StartError::Stopped,
            Err(Unanswered::Interrupted(error)) => {
                let _ = tree.child.signal(Signal::TERM);
                return Err(error.into());
            }
        };
        drop(tree.child.wait()?);
        Err(error)
    }

    fn launch_with(
        self,
        spawn: impl FnOnce(Command) -> greenproc::Result<Child>,
        above: Above,
    ) -> Result<Tree, StartError> {
        self.check()?;
        let (mailbox, place) = (Mailbox::new(), self.place());
        let root = SupervisorRef {
            path: Arc::clone(&place.path),
            mailbox: mailbox.clone(),
            shared: Arc::clone(&place.shared),
        };
        let command = Command::new(self.name.to_string(), move |process| {
            supervise(process, &self, mailbox, place, above)
        });
        let child = spawn(command.process_group(ProcessGroup::New).own_thread())?;
        Ok(Tree { root, child })
    }
}

impl Tree {
    /// Stops the tree, each supervisor its children in its order, and waits until the root is gone. It comes back also if
    /// somebody could not be stopped: the report names who, over the whole tree. Twice is harmless.
    ///
    /// A checkpoint in a process.
    ///
    /// # Errors
    /// - EINTR: a signal came first. The tree ends all the same.
    /// - ECHILD: somebody else has waited for the root's process.
    pub fn shutdown(&self) -> greenproc::Result<ShutdownReport> {
        // A root that is gone is stopped.
        let _ = self.root.mailbox.post(Message::Stop);
        self.wait()
    }

    /// Waits until the root has ended by itself: it gave up, a significant child has ended, or somebody has stopped it.
    ///
    /// A checkpoint in a process.
    ///
    /// # Errors
    /// - EINTR: a signal came first.
    /// - ECHILD: somebody else has waited for the root's process.
    pub fn wait(&self) -> greenproc::Result<ShutdownReport> {
        let status = match self.child.exit_status() {
            Some(status) => status,
            None => self.child.wait()?.status,
        };
        Ok(ShutdownReport { status, unstopped: self.root.shared.unstopped() })
    }

    /// The root's process: to signal it, or watch it.
    pub fn process(&self) -> &Child {
        &self.child
    }
}

impl Deref for Tree {
    type Target = SupervisorRef;

    /// The root.
    fn deref(&self) -> &SupervisorRef {
        &self.root
    }
}

impl SupervisorRef {
    /// The names from the root down to it, with slashes.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// All its children, in order.
    ///
    /// # Errors
    /// [`Gone`](RequestError::Gone), [`Interrupted`](RequestError::Interrupted).
    pub fn which_children(&self) -> Result<Vec<ChildInfo>, RequestError> {
        self.ask(Message::Which)
    }

    /// How many children it has.
    ///
    /// # Errors
    /// As [`which_children`](SupervisorRef::which_children).
    pub fn count_children(&self) -> Result<Counts, RequestError> {
        self.which_children().map(|children| Counts::of(&children))
    }

    /// The specification of a child.
    ///
    /// # Errors
    /// [`NoChild`](RequestError::NoChild), [`Gone`](RequestError::Gone), [`Interrupted`](RequestError::Interrupted).
    pub fn child_spec(&self, id: &str) -> Result<ChildSpec, RequestError> {
        self.ask(|reply| Message::Spec(id.into(), reply))?
    }

    /// The present life of a child.
    ///
    /// # Errors
    /// [`NotRunning`](RequestError::NotRunning): it has none at the moment. [`NoChild`](RequestError::NoChild),
    /// [`Gone`](RequestError::Gone), [`Interrupted`](RequestError::Interrupted).
    pub fn child(&self, id: &str) -> Result<ChildRef, RequestError> {
        self.ask(|reply| Message::Child(id.into(), reply))?
    }

    /// A supervisor below this one, by the names from here down, with slashes.
    ///
    /// # Errors
    /// [`NoChild`](RequestError::NoChild): none of this name runs.
    pub fn supervisor(&self, path: &str) -> Result<SupervisorRef, RequestError> {
        let found = self.shared.find(&format!("{}/{path}", self.path));
        let (path, mailbox) = found.ok_or_else(|| RequestError::NoChild { id: path.to_owned() })?;
        Ok(SupervisorRef { path, mailbox, shared: Arc::clone(&self.shared) })
    }

    /// Adds a child after all others, starts it, and returns when it is ready. The supervisor goes on with other things
    /// meanwhile. If it fails, it is not tried again, and the specification is gone.
    ///
    /// # Errors
    /// - [`Exists`](RequestError::Exists), [`Full`](RequestError::Full), [`Spec`](RequestError::Spec): it cannot be added.
    /// - [`StartFailed`](RequestError::StartFailed).
    /// - [`ShuttingDown`](RequestError::ShuttingDown), [`Gone`](RequestError::Gone),
    ///   [`Interrupted`](RequestError::Interrupted).
    pub fn start_child(&self, spec: ChildSpec) -> Result<ChildRef, RequestError> {
        self.request(Request::Start(Box::new(spec)))?.ok_or(RequestError::ShuttingDown)
    }

    /// Stops a child as its specification says, and returns when it is gone. It is not started again, also not with others, unless
    /// by [`restart_child`](SupervisorRef::restart_child). One that does not run, or waits for its restart, is terminated all
    /// the same.
    ///
    /// # Errors
    /// - [`NoChild`](RequestError::NoChild).
    /// - [`Stuck`](RequestError::Stuck): it comes to no checkpoint.
    /// - [`Gone`](RequestError::Gone), [`Interrupted`](RequestError::Interrupted).
    pub fn terminate_child(&self, id: &str) -> Result<(), RequestError> {
        self.request(Request::Terminate { id: id.into(), incarnation: None }).map(drop)
    }

    /// Starts a child that was terminated, or has ended for good, and returns when it is ready.
    ///
    /// # Errors
    /// - [`NoChild`](RequestError::NoChild).
    /// - [`Running`](RequestError::Running): it runs, or waits for its restart.
    /// - [`StartFailed`](RequestError::StartFailed): it stays as it was.
    /// - [`ShuttingDown`](RequestError::ShuttingDown), [`Gone`](RequestError::Gone),
    ///   [`Interrupted`](RequestError::Interrupted).
    pub fn restart_child(&self, id: &str) -> Result<ChildRef, RequestError> {
        self.request(Request::Restart { id: id.into() })?.ok_or(RequestError::ShuttingDown)
    }

    /// Takes the specification of a child that does not run out of the list.
    ///
    /// # Errors
    /// - [`NoChild`](RequestError::NoChild).
    /// - [`Running`](RequestError::Running): it runs, or waits for its restart.
    /// - [`Gone`](RequestError::Gone), [`Interrupted`](RequestError::Interrupted).
    pub fn delete_child(&self, id: &str) -> Result<(), RequestError> {
        self.request(Request::Delete { id: id.into() }).map(drop)
    }

    fn request(&self, request: Request) -> Result<Option<ChildRef>, RequestError> {
        self.ask(|reply| Message::Request(request, reply))?
    }

    fn ask<A>(&self, message: impl FnOnce(ReplyTo<A>) -> Message) -> Result<A, RequestError> {
        ask(&self.mailbox, message).map_err(|unanswered| unanswered.by(&self.path))
    }
}

impl Unanswered {
    fn by(self, supervisor: &str) -> RequestError {
        match self {
            Unanswered::Gone => RequestError::Gone { supervisor: supervisor.to_owned() },
            Unanswered::Interrupted(error) => RequestError::Interrupted(error),
        }
    }
}

impl ChildRef {
    pub(crate) fn new(
        id: Arc<str>,
        incarnation: u64,
        child: Arc<Child>,
        path: Arc<str>,
        supervisor: Mailbox<Message>,
    ) -> ChildRef {
        ChildRef { id, incarnation, child, path, supervisor }
    }

    /// Its name among its supervisor's children.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Which of the child's lives it is.
    pub fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Its process.
    pub fn pid(&self) -> Pid {
        self.child.id()
    }

    /// Sends its process a signal. An end that comes of it is a failure to its supervisor, as any that it did not ask for.
    ///
    /// # Errors
    /// - ESRCH: it was reaped: this life is over.
    /// - EPERM: the supervisor's user may not signal it.
    pub fn signal(&self, signal: Signal) -> greenproc::Result<()> {
        self.child.signal(signal)
    }

    /// [`SupervisorRef::terminate_child`], if this life is the present one.
    ///
    /// # Errors
    /// - [`Stale`](RequestError::Stale): it is over.
    /// - [`NoChild`](RequestError::NoChild): the child is not in the list any more.
    /// - [`Stuck`](RequestError::Stuck): it comes to no checkpoint.
    /// - [`Gone`](RequestError::Gone), [`Interrupted`](RequestError::Interrupted).
    pub fn terminate(&self) -> Result<(), RequestError> {
        let (id, incarnation) = (Arc::clone(&self.id), Some(self.incarnation));
        let request = Request::Terminate { id, incarnation };
        ask(&self.supervisor, |reply| Message::Request(request, reply))
            .map_err(|unanswered| unanswered.by(&self.path))?
            .map(drop)
    }
}

impl fmt::Debug for SupervisorRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SupervisorRef({})", self.path)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tree({}, process {})", self.root.path, self.child.id())
    }
}

impl fmt::Debug for ChildRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChildRef({}/{}, life {}, process {})", self.path, self.id, self.incarnation, self.pid())
    }
}
