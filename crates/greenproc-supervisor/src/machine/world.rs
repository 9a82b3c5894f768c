//! A world for the machine: processes that die when they are told to, and a log of what was done.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use greenproc::{ExitStatus, Pid, Signal};

use super::{Action, Input, Key, Machine, Outcome, Request, Ticket};
use crate::event::EventKind;
use crate::spec::{ChildSpec, Restart};
use crate::supervisor::Supervisor;

pub(super) struct World {
    pub(super) machine: Machine,
    pub(super) now: Duration,
    /// Who has a process.
    pub(super) alive: BTreeMap<Key, Pid>,
    /// Whom a signal has reached that ends it.
    pub(super) dying: Vec<Key>,
    /// Who does not end whatever it is sent.
    pub(super) immortal: HashSet<Arc<str>>,
    /// Whose process is refused.
    pub(super) refused: HashSet<Arc<str>>,
    pub(super) log: Vec<String>,
    pub(super) over: Option<Outcome>,
    pub(super) answers: HashMap<u64, String>,
    names: HashMap<Key, Arc<str>>,
    next_pid: i32,
    next_ticket: u64,
}

impl World {
    pub(super) fn new(supervisor: &Supervisor) -> World {
        World {
            machine: Machine::new(supervisor.settings.clone(), &supervisor.children, Some(1)),
            now: Duration::ZERO,
            alive: BTreeMap::new(),
            dying: Vec::new(),
            immortal: HashSet::new(),
            refused: HashSet::new(),
            log: Vec::new(),
            over: None,
            answers: HashMap::new(),
            names: HashMap::new(),
            next_pid: 1,
            next_ticket: 0,
        }
    }

    /// One that has started.
    pub(super) fn begun(supervisor: &Supervisor) -> World {
        let mut world = World::new(supervisor);
        world.input(Input::Begin);
        world.log.clear();
        world
    }

    pub(super) fn input(&mut self, input: Input) {
        assert_eq!(self.over, None, "nobody tells a supervisor anything that has ended");
        self.machine.step(self.now, input);
        while let Some(action) = self.machine.next_action() {
            self.act(action);
        }
        let deadline = self.machine.deadline();
        assert!(deadline.is_none_or(|deadline| deadline > self.now), "{deadline:?} at {:?}", self.now);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Start { key } => {
                let name = self.name(key);
                assert!(!self.alive.contains_key(&key), "{name} has a process already");
                self.names.insert(key, Arc::clone(&name));
                if self.refused.contains(&name) {
                    self.log.push(format!("refused {name}"));
                    self.machine.step(self.now, Input::Spawned { key, result: Err("no room".into()) });
                    return;
                }
                let pid = Pid::new(self.next_pid + 1).expect("positive");
                self.next_pid += 1;
                self.alive.insert(key, pid);
                self.log.push(format!("start {name}"));
                self.machine.step(self.now, Input::Spawned { key, result: Ok(pid) });
            }
            Action::Signal { key, signal } => {
                let name = self.name(key);
                self.log.push(format!(
                    "{} {name}",
                    signal.name().expect("a named signal").trim_start_matches("SIG")
                ));
                assert!(self.alive.contains_key(&key), "{name} has no process");
                let ends = signal == Signal::KILL || !name.starts_with("deaf");
                if ends && !self.immortal.contains(&name) && !self.dying.contains(&key) {
                    self.dying.push(key);
                }
            }
            Action::Tell { kind: EventKind::Restarting { after, .. }, key } => {
                let name = self.name(key.expect("a child is restarted"));
                self.log.push(format!("{name} after {}", after.as_millis()));
            }
            Action::Tell { kind, .. } => match kind {
                EventKind::GaveUp { .. } => self.log.push("give up".into()),
                EventKind::Stuck { .. } => self.log.push("stuck".into()),
                EventKind::AutoShutdown { .. } => self.log.push("auto-shutdown".into()),
                _ => {}
            },
            Action::Answer { ticket, answer } => {
                let text = answer.map_or_else(|error| error.to_string(), |_| "ok".to_owned());
                let former = self.answers.insert(ticket.0, text);
                assert_eq!(former, None, "a request has one answer");
            }
            Action::Up => self.log.push("up".into()),
            Action::Unstopped { key } => {
                let name = self.name(key);
                self.alive.remove(&key).expect("it is there");
                self.log.push(format!("unstopped {name}"));
            }
            Action::Abort { key } => self.log.push(format!("abort {}", self.name(key))),
            Action::Forget { key } => assert!(!self.alive.contains_key(&key), "it has a process"),
            Action::Exit(outcome) => {
                assert!(self.alive.is_empty(), "left behind: {:?}", self.alive);
                self.over = Some(outcome);
            }
        }
    }

    fn name(&self, key: Key) -> Arc<str> {
        match self.machine.child(key) {
            Some(child) => Arc::clone(&child.spec.id),
            None => Arc::clone(&self.names[&key]),
        }
    }

    pub(super) fn key(&self, name: &str) -> Key {
        self.machine.key(name).unwrap_or_else(|| panic!("there is no child {name}"))
    }

    /// The child ends by itself.
    pub(super) fn exit(&mut self, key: Key, code: i32) {
        self.end(key, ExitStatus::exited(code));
    }

    /// The child ends.
    pub(super) fn end(&mut self, key: Key, status: ExitStatus) {
        self.alive.remove(&key).expect("it has a process");
        self.dying.retain(|&other| other != key);
        self.input(Input::Exited { key, status, report: None });
    }

    pub(super) fn exit_named(&mut self, name: &str, code: i32) {
        self.exit(self.key(name), code);
    }

    pub(super) fn ready(&mut self, name: &str) {
        let key = self.key(name);
        let incarnation = self.machine.child(key).expect("it is there").incarnation;
        self.input(Input::Ready { key, incarnation });
    }

    /// All die that have been told to, one after another, until nobody is told any more.
    pub(super) fn bury(&mut self) {
        while self.over.is_none()
            && let Some(&key) = self.dying.first()
        {
            self.end(key, ExitStatus::killed(Signal::TERM));
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.input(Input::Tick);
    }

    pub(super) fn pass_ms(&mut self, time: u64) {
        self.pass(Duration::from_millis(time));
    }

    pub(super) fn request(&mut self, request: Request) -> u64 {
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        self.input(Input::Request { ticket: Ticket(ticket), request });
        ticket
    }

    pub(super) fn terminate(&mut self, name: &str) -> u64 {
        self.request(Request::Terminate { id: name.into(), incarnation: None })
    }

    pub(super) fn answer(&self, ticket: u64) -> Option<&str> {
        self.answers.get(&ticket).map(String::as_str)
    }

    /// What was done since the last look.
    pub(super) fn done(&mut self) -> String {
        std::mem::take(&mut self.log).join(", ")
    }

    /// How many requests were made.
    pub(super) fn requests(&self) -> u64 {
        self.next_ticket
    }
}

/// A child that is ready at once.
pub(super) fn plain(id: &str) -> ChildSpec {
    ChildSpec::new(id, |_| {})
}

/// A child that says when it is ready.
pub(super) fn slow(id: &str) -> ChildSpec {
    ChildSpec::with_life(id, |_, _| {})
}

pub(super) fn of(restart: Restart, id: &str) -> ChildSpec {
    plain(id).restart(restart)
}
