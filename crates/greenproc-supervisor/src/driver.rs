//! A supervisor's process: it does what the [machine](crate::machine) decides.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use greenproc::{
    Child, Error, Mailbox, Pid, Process, RecvError, SaFlags, SigAction, Signal, Termination, WaitFlags,
    WaitFor, Waited,
};

use crate::clock::Clock;
use crate::error::RequestError;
use crate::event::{Event, EventKind, Events};
use crate::handle::ChildRef;
use crate::info::{ChildInfo, ChildState};
use crate::leftovers::Leftovers;
use crate::life::Life;
use crate::machine::{Action, Input, Key, Machine, Outcome, Request, State, Ticket};
use crate::reply::ReplyTo;
use crate::report::Unstopped;
use crate::spec::{Body, ChildSpec};
use crate::supervisor::Supervisor;
use crate::tree::Shared;
use crate::watchdog::Heart;

/// What a supervisor is told.
#[derive(Debug)]
pub(crate) enum Message {
    /// A child may be dead.
    ChildChanged,
    /// It is to end.
    Stop,
    Ready {
        key: Key,
        incarnation: u64,
    },
    /// The clock was moved by hand.
    Tick(ReplyTo<()>),
    Request(Request, ReplyTo<Result<Option<ChildRef>, RequestError>>),
    Which(ReplyTo<Vec<ChildInfo>>),
    Spec(Arc<str>, ReplyTo<Result<ChildSpec, RequestError>>),
    Child(Arc<str>, ReplyTo<Result<ChildRef, RequestError>>),
}

/// How many dead children are taken before other messages are heard.
const BATCH: usize = 16;

/// Where in a tree a supervisor is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) shared: Arc<Shared>,
    pub(crate) path: Arc<str>,
    pub(crate) clock: Clock,
    pub(crate) events: Option<Events>,
}

/// Whom it tells that it is up, or why it will not be.
#[derive(Debug)]
pub(crate) enum Above {
    /// The supervisor above it.
    Life(Life),
    /// Who started the tree.
    Starter(ReplyTo<Result<(), (String, String)>>),
    Nobody,
}

struct Driver<'p> {
    process: &'p Process,
    mailbox: Mailbox<Message>,
    place: Place,
    machine: Machine,
    above: Above,
    lives: HashMap<Key, Arc<Child>>,
    keys: HashMap<Pid, Key>,
    tickets: HashMap<Ticket, ReplyTo<Result<Option<ChildRef>, RequestError>>>,
    last_ticket: u64,
    /// Set by the handler of SIGCHLD, so that one message stands for all.
    child_changed: Arc<AtomicBool>,
}

/// Runs a supervisor in the calling process, until it ends.
pub(crate) fn supervise(
    process: &Process,
    supervisor: &Supervisor,
    mailbox: Mailbox<Message>,
    place: Place,
    above: Above,
) -> Result<(), String> {
    // What is below this process when it ends, however it ends, ends too.
    let _leftovers = Leftovers::below(process).map_err(|error| error.to_string())?;
    let child_changed = Arc::new(AtomicBool::new(false));
    listen(process, &mailbox, &child_changed).map_err(|error| error.to_string())?;
    place.shared.enter(&place.path, &mailbox);
    place.clock.listen(&mailbox);
    let machine = Machine::new(supervisor.settings.clone(), &supervisor.children, supervisor.seed);
    let mut driver = Driver {
        process,
        mailbox,
        place,
        machine,
        above,
        lives: HashMap::new(),
        keys: HashMap::new(),
        tickets: HashMap::new(),
        last_ticket: 0,
        child_changed,
    };
    let outcome = driver.run();
    driver.end(outcome)
}

/// Signals become messages. A handler runs only where this process comes to a checkpoint, so nothing is between a look and
/// a wait.
fn listen(
    process: &Process,
    mailbox: &Mailbox<Message>,
    child_changed: &Arc<AtomicBool>,
) -> greenproc::Result<()> {
    let (own, changed) = (mailbox.clone(), Arc::clone(child_changed));
    let child = SigAction::handler(move |_, _| {
        if !changed.swap(true, Ordering::Relaxed) {
            let _ = own.post(Message::ChildChanged);
        }
    });
    process.sigaction(Signal::CHLD, child.flags(SaFlags::RESTART | SaFlags::NOCLDSTOP))?;
    let own = mailbox.clone();
    let term = SigAction::handler(move |_, _| {
        let _ = own.post(Message::Stop);
    });
    process.sigaction(Signal::TERM, term.flags(SaFlags::RESTART))?;
    Ok(())
}

impl Driver<'_> {
    fn run(&mut self) -> Outcome {
        let mut over = self.step(Input::Begin);
        loop {
            if let Some(outcome) = over {
                return outcome;
            }
            over = match self.next_message() {
                Some(message) => self.hear(message),
                None => self.step(Input::Tick),
            };
        }
    }

    /// `None` if it is time to look at the clock.
    fn next_message(&self) -> Option<Message> {
        let deadline = self.machine.deadline();
        let received = match deadline.and_then(|deadline| self.place.clock.patience(deadline)) {
            // A deadline that has passed comes before messages, which may never cease.
            Some(Duration::ZERO) => return None,
            Some(patience) => self.mailbox.receive_timeout(patience),
            None => self.mailbox.receive(),
        };
        match received {
            Ok(message) => Some(message),
            Err(RecvError::Timeout) => None,
            // A handler of the body's own process, if there is one, has run.
            Err(RecvError::Interrupted(_)) => Some(Message::ChildChanged),
            Err(other) => unreachable!("its own mailbox is open: {other}"),
        }
    }

    fn hear(&mut self, message: Message) -> Option<Outcome> {
        match message {
            Message::ChildChanged => self.reap(),
            Message::Stop => self.step(Input::Stop),
            Message::Ready { key, incarnation } => self.step(Input::Ready { key, incarnation }),
            Message::Tick(reply) => {
                let over = self.step(Input::Tick);
                reply.answer(());
                over
            }
            Message::Request(request, reply) => {
                self.last_ticket += 1;
                let ticket = Ticket(self.last_ticket);
                self.tickets.insert(ticket, reply);
                self.step(Input::Request { ticket, request })
            }
            Message::Which(reply) => {
                reply.answer(self.machine.children().map(|(_, child)| ChildInfo::of(child)).collect());
                None
            }
            Message::Spec(id, reply) => {
                let key = self.machine.key(&id);
                let spec = key.and_then(|key| self.machine.child(key)).map(|child| child.spec.clone());
                reply.answer(spec.ok_or_else(|| RequestError::NoChild { id: id.to_string() }));
                None
            }
            Message::Child(id, reply) => {
                reply.answer(self.find(&id));
                None
            }
        }
    }

    fn find(&self, id: &Arc<str>) -> Result<ChildRef, RequestError> {
        let key = self.machine.key(id).ok_or_else(|| RequestError::NoChild { id: id.to_string() })?;
        self.child_ref(key).ok_or_else(|| {
            let state =
                self.machine.child(key).map_or(ChildState::Done, |child| ChildState::of(&child.state));
            RequestError::NotRunning { id: id.to_string(), state }
        })
    }

    fn child_ref(&self, key: Key) -> Option<ChildRef> {
        let child = self.machine.child(key)?;
        let life = self.lives.get(&key)?;
        Some(ChildRef::new(
            Arc::clone(&child.spec.id),
            child.incarnation,
            Arc::clone(life),
            Arc::clone(&self.place.path),
            self.mailbox.clone(),
        ))
    }

    /// Takes dead children: its own, and those that it has adopted, which nobody asks for.
    fn reap(&mut self) -> Option<Outcome> {
        // Before the first look: who dies later sends a message of its own.
        self.child_changed.store(false, Ordering::Relaxed);
        for _ in 0..BATCH {
            match self.process.wait4(WaitFor::Any, WaitFlags::NOHANG) {
                Ok(Some(waited)) => {
                    let over = self.exited(waited);
                    if over.is_some() {
                        return over;
                    }
                }
                Ok(None) | Err(Error::NoChild) => return None,
                // The handler that ran has left its message.
                Err(_) => {}
            }
        }
        // Children may die as fast as they are started again; whoever asks for something comes in between.
        if !self.child_changed.swap(true, Ordering::Relaxed) {
            let _ = self.mailbox.post(Message::ChildChanged);
        }
        None
    }

    fn exited(&mut self, waited: Waited) -> Option<Outcome> {
        let key = self.keys.remove(&waited.pid)?;
        self.lives.remove(&key);
        let child = self.machine.child(key)?;
        let (incarnation, asked) = (child.incarnation, matches!(child.state, State::Stopping { .. }));
        let report = waited.report.as_ref().map(ToString::to_string);
        let (pid, status) = (waited.pid, waited.status);
        let usage = waited.usage;
        let kind = EventKind::Exited { pid, incarnation, status, report: waited.report, usage, asked };
        self.tell(Some(key), kind);
        self.step(Input::Exited { key, status, report })
    }

    /// Lets the machine decide, and does all that it says.
    fn step(&mut self, input: Input) -> Option<Outcome> {
        self.machine.step(self.place.clock.now(), input);
        let mut over = None;
        while let Some(action) = self.machine.next_action() {
            match action {
                Action::Start { key } => {
                    let result = self.begin_life(key).map_err(|error| error.to_string());
                    self.machine.step(self.place.clock.now(), Input::Spawned { key, result });
                }
                Action::Signal { key, signal } => self.signal(key, signal),
                Action::Tell { key, kind } => self.tell(key, kind),
                Action::Answer { ticket, answer } => self.answer(ticket, answer),
                Action::Up => self.is_up(),
                Action::Unstopped { key } => self.note_unstopped(key),
                Action::Abort { key } => self.abort(key),
                Action::Forget { key } => {
                    if let Some(life) = self.lives.remove(&key) {
                        self.keys.remove(&life.id());
                    }
                }
                Action::Exit(outcome) => over = Some(outcome),
            }
        }
        over
    }

    fn begin_life(&mut self, key: Key) -> greenproc::Result<Pid> {
        let Some(child) = self.machine.child(key) else { return Err(Error::NoChild) };
        let (spec, incarnation) = (child.spec.clone(), child.incarnation);
        let heart = Arc::new(Heart::new(self.place.clock.clone()));
        self.machine.set_heart(key, Arc::clone(&heart));
        let life = Life::new(Arc::clone(&spec.id), key, incarnation, self.mailbox.clone(), heart);
        let command = match &spec.body {
            Body::Plain(run) | Body::WithLife(run) => {
                let run = Arc::clone(run);
                spec.command(move |p| in_its_own_tree(p, |p| run(p, &life)))
            }
            Body::Supervisor(supervisor) => {
                let supervisor = Arc::clone(supervisor);
                let place = self.place.below(&supervisor);
                spec.command(move |p| {
                    supervise(p, &supervisor, Mailbox::new(), place, Above::Life(life)).report()
                })
            }
        };
        let child = self.process.spawn(command)?;
        let pid = child.id();
        self.keys.insert(pid, key);
        self.lives.insert(key, Arc::new(child));
        Ok(pid)
    }

    fn signal(&self, key: Key, signal: Signal) {
        let Some(life) = self.lives.get(&key) else { return };
        // One that is dead already tells of itself.
        let _ = if signal == Signal::KILL { life.kill_tree().map(drop) } else { life.signal(signal) };
    }

    fn tell(&self, key: Option<Key>, kind: EventKind) {
        let Some(events) = &self.place.events else { return };
        let path = match key.and_then(|key| self.machine.child(key)) {
            Some(child) => self.place.path_of(&child.spec.id),
            None => Arc::clone(&self.place.path),
        };
        events.tell(Event { at: self.place.clock.now(), path, kind });
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<Option<Key>, RequestError>) {
        if let Some(reply) = self.tickets.remove(&ticket) {
            reply.answer(answer.map(|key| key.and_then(|key| self.child_ref(key))));
        }
    }

    fn is_up(&mut self) {
        match std::mem::replace(&mut self.above, Above::Nobody) {
            Above::Life(life) => life.ready(),
            Above::Starter(reply) => reply.answer(Ok(())),
            Above::Nobody => {}
        }
    }

    fn note_unstopped(&self, key: Key) {
        let (Some(child), Some(life)) = (self.machine.child(key), self.lives.get(&key)) else { return };
        let path = self.place.path_of(&child.spec.id);
        self.place.shared.note_unstopped(Unstopped { path, pid: life.id(), incarnation: child.incarnation });
    }

    fn abort(&self, key: Key) -> ! {
        let name = self.machine.child(key).map_or("a child", |child| &child.spec.id);
        eprintln!("greenproc-supervisor: {}/{name} is silent, and its watchdog aborts", self.place.path);
        std::process::abort();
    }

    /// Says how it ended to those who wait for its start, and as an exit status.
    fn end(mut self, outcome: Outcome) -> Result<(), String> {
        let path = Arc::clone(&self.place.path);
        match outcome {
            Outcome::Stopped | Outcome::AutoShutdown => Ok(()),
            Outcome::GaveUp { child } => Err(format!("{path} gave up, as {child:?} failed too often")),
            Outcome::StartFailed { child, why } => {
                if let Above::Starter(reply) = std::mem::replace(&mut self.above, Above::Nobody) {
                    reply.answer(Err((format!("{path}/{child}"), why.clone())));
                }
                Err(format!("{path}/{child} failed to start: {why}"))
            }
        }
    }
}

impl Drop for Driver<'_> {
    /// Nobody is left who would answer.
    fn drop(&mut self) {
        self.mailbox.close();
        while self.mailbox.try_receive().is_some() {}
        self.place.shared.leave(&self.place.path);
    }
}

impl Place {
    fn path_of(&self, child: &str) -> Arc<str> {
        format!("{}/{child}", self.path).into()
    }

    fn below(&self, supervisor: &Supervisor) -> Place {
        Place {
            shared: Arc::clone(&self.shared),
            path: self.path_of(&supervisor.name),
            clock: supervisor.clock.clone().unwrap_or_else(|| self.clock.clone()),
            events: supervisor.events.clone().or_else(|| self.events.clone()),
        }
    }
}

/// Runs a child's body so that what it has started ends with it.
fn in_its_own_tree(
    process: &Process,
    body: impl FnOnce(&Process) -> greenproc::Outcome,
) -> greenproc::Outcome {
    match Leftovers::below(process) {
        Ok(_leftovers) => body(process),
        Err(error) => Err::<(), _>(error).report(),
    }
}
