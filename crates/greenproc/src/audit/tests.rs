//! A runtime in which one thing is made wrong for a moment, and the sentence that says so.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::departures::Departure;
use crate::kernel::Kernel;
use crate::life::Life;
use crate::lwp::Place;
use crate::pid::{LwpId, Pid};
use crate::proc::{Proc, ProcState};
use crate::status::ExitStatus;
use crate::tree::{Death, Freed};
use crate::usage::Usage;
use crate::{Child, Command, Runtime};

/// A runtime with one process besides init, which sleeps: nobody changes anything by himself.
struct Still {
    runtime: Runtime,
    child: Child,
}

impl Still {
    fn new() -> Still {
        let runtime = Runtime::boot().expect("it boots");
        let child = runtime.spawn(Command::new("sleeper", |p| p.pause())).expect("it runs");
        let still = Still { runtime, child };
        let record = still.record();
        while record.state.lock().lwps[0].place != Place::Sleeping {
            std::thread::yield_now();
        }
        still
    }

    fn kernel(&self) -> &Arc<Kernel> {
        self.runtime.kernel()
    }

    fn record(&self) -> Arc<Proc> {
        self.kernel().find_live(self.child.id()).expect("it lives")
    }

    fn audit(&self) -> Result<(), String> {
        self.kernel().audit(&self.kernel().lock_as_it_is())
    }

    /// What is said while this is so.
    fn with_state(&self, change: impl FnOnce(&mut ProcState), back: impl FnOnce(&mut ProcState)) -> String {
        let record = self.record();
        let list = self.kernel().lock();
        change(&mut record.state.lock());
        let found = self.kernel().audit(&list).expect_err("something is wrong");
        back(&mut record.state.lock());
        assert_eq!(self.kernel().audit(&list), Ok(()));
        found
    }

    /// What is said while its LWP is elsewhere.
    fn with_place(&self, place: Place) -> String {
        let put = |state: &mut ProcState, place| state.lwp(LwpId::MAIN).expect("its LWP").place = place;
        self.with_state(|state| put(state, place), |state| put(state, Place::Sleeping))
    }

    fn end(self) {
        self.child.kill().expect("it was not reaped");
        drop(self.child.wait().expect("it is there"));
        let report = self.runtime.shutdown(Duration::from_secs(5)).expect("it runs");
        assert!(report.is_clean(), "{report}");
    }
}

#[test]
fn every_process_was_spawned_and_is_there_or_was_reaped() {
    let still = Still::new();
    {
        let mut list = still.kernel().lock();
        list.spawned += 1;
        let found = still.kernel().audit(&list);
        assert_eq!(found, Err("2 processes were spawned and 0 reaped, and 1 are there".to_owned()));
        list.spawned -= 1;
    }
    still.end();
}

#[test]
fn an_end_is_entered_once() {
    let still = Still::new();
    let gone = still.runtime.spawn(Command::new("gone", |_| ())).expect("it runs");
    drop(gone.wait().expect("it is there"));
    let death = Death { status: ExitStatus::exited(0), usage: Usage::default(), report: None };
    {
        let list = still.kernel().lock();
        let departure = Departure::of(gone.node(), death, 1).ok().expect("it used nothing");
        let _many = still.kernel().departures.push(departure);
        let found = still.kernel().audit(&list).expect_err("it has ended before");
        assert!(found.ends_with("is on its way, and was entered before"), "{found}");
        still.kernel().departures.take(&mut VecDeque::new());
        assert_eq!(still.kernel().audit(&list), Ok(()));
    }
    still.end();
}

#[test]
fn numbers_that_are_carried_are_taken() {
    let still = Still::new();
    let pids = &still.kernel().pids;
    let init = Some(Pid::INIT);
    pids.free(Freed { group: init, session: None });
    let found = still.audit().expect_err("a group is not there");
    assert!(found.ends_with("is in group 1, and that number may be used again"), "{found}");
    pids.mark_group(Pid::INIT);
    pids.free(Freed { group: None, session: init });
    let found = still.audit().expect_err("a session is not there");
    assert!(found.ends_with("is in session 1, and that number may be used again"), "{found}");
    pids.mark_session(Pid::INIT);
    assert_eq!(still.audit(), Ok(()));
    let init = still.kernel().find_live(Pid::INIT).expect("it lives").node().expect("it is linked");
    let own = pids.entomb(still.child.id(), init);
    let pid = still.child.id();
    assert_eq!(still.audit(), Err(format!("the number {pid} does not lead to process {pid}")));
    drop(own);
    still.end();
}

#[test]
fn a_process_has_an_lwp_that_will_end_it() {
    let still = Still::new();
    let pid = still.child.id();
    let undecided = still.with_state(|state| state.life = Life::Exiting, |state| state.life = Life::Active);
    assert_eq!(undecided, format!("process {pid} is Exiting, and its end is None"));
    let abandoned = still.with_place(Place::Leaving);
    assert_eq!(abandoned, format!("process {pid} is Active, and no LWP is left that would end it"));
    let owned =
        still.with_state(|state| state.exit_owner = Some(LwpId::MAIN), |state| state.exit_owner = None);
    assert_eq!(owned, format!("process {pid} is Active, and an LWP ends it"));
    still.end();
}
