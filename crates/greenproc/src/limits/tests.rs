//! What limits hold of a process is given back with it, and so is all else (rows 65 and 71).

use std::sync::{Arc, Weak};
use std::time::Duration;

use greenproc_sync::time;

use super::{Limits, Share};
use crate::kernel::Kernel;
use crate::proc::Proc;
use crate::{Command, Runtime, SigAction, Signal};

const AN_HOUR: Duration = Duration::from_hours(1);

fn all_limited() -> Limits {
    Limits { cpu: Some(AN_HOUR), subtree_cpu: Some(AN_HOUR), processes: Some(3), ..Limits::default() }
}

/// The thread that ran a process lets go of its record just after the end can be seen.
fn is_gone<T>(what: &Weak<T>) {
    let begun = time::now();
    while what.upgrade().is_some() {
        assert!(time::now() - begun < Duration::from_mins(1), "somebody holds it");
        std::thread::yield_now();
    }
}

fn record(kernel: &Kernel, child: &crate::Child) -> Weak<Proc> {
    Arc::downgrade(&kernel.find_live(child.id()).expect("it lives"))
}

fn share(kernel: &Kernel, child: &crate::Child) -> Weak<Share> {
    let process = kernel.find_live(child.id()).expect("it lives");
    Arc::downgrade(&process.extras().and_then(|extras| extras.share.share()).expect("it has a limit"))
}

/// Row 71: of a reaped process nothing is kept: neither its record with limits, credentials and statistics, nor what its body
/// and its handlers owned.
#[test]
fn nothing_of_a_reaped_process_stays() {
    let runtime = Runtime::boot().expect("it boots");
    let kernel = runtime.kernel();
    let witness = Arc::new(());
    let (body, handler, polite) = (Arc::clone(&witness), Arc::clone(&witness), Arc::clone(&witness));
    let (ready, is_ready) = crossbeam_channel::bounded(0);
    let command = Command::new("held", move |p| {
        p.sigaction(Signal::HUP, SigAction::handler(move |_, _| drop(Arc::clone(&handler))))?;
        p.on_term(move |_| drop(Arc::clone(&polite)));
        p.sigmask(crate::MaskHow::Block, Signal::USR1)?;
        p.raise(Signal::USR1)?;
        p.alarm(AN_HOUR)?;
        let _ = ready.send(());
        p.sleep(AN_HOUR)?;
        drop(body);
        crate::Result::Ok(())
    });
    let child = runtime.spawn(command.limits(all_limited())).expect("room");
    is_ready.recv().expect("it runs");
    let (record, share) = (record(kernel, &child), share(kernel, &child));
    assert_eq!(kernel.timekeeper.ticker.len(), 2, "the limit of the process and that of its subtree");
    child.kill().expect("it lives");
    let waited = child.wait().expect("its handle owns it");
    drop(child);
    assert_eq!(waited.status.signal(), Some(Signal::KILL));
    is_gone(&record);
    is_gone(&share);
    assert_eq!(Arc::strong_count(&witness), 1);
    assert_eq!(kernel.timekeeper.ticker.len(), 0);
    let list = kernel.lock();
    assert_eq!((list.tree.len(), list.tree.processes_of(greenproc_os::limits::user_id())), (1, 1));
}

/// Row 65: who has ended is no member of a share any more, and what it used stays in the account; the share goes with the last.
#[test]
fn a_share_is_given_back_by_each_and_goes_with_the_last() {
    let runtime = Runtime::boot().expect("it boots");
    let kernel = runtime.kernel();
    let (hold, held) = crossbeam_channel::bounded::<()>(0);
    let leader = Command::new("leader", move |p| {
        for _ in 0..3 {
            let _ = p.spawn(Command::new("member", |_| {}))?.wait()?;
        }
        drop(p.recv(&held));
        crate::Result::Ok(())
    });
    // Two more than init and itself may not be, and it makes one at a time: refused spawns leave no member behind.
    let crowd = Command::new("crowd", |p| {
        let first = p.spawn(Command::new("first", |p| p.sleep(AN_HOUR)))?;
        for _ in 0..10 {
            p.spawn(Command::new("refused", |_| {})).expect_err("over the limit");
        }
        let share = p.record.extras().and_then(|extras| extras.share.share()).expect("it has a limit");
        let members = share.members();
        let watched = p.worker.kernel.timekeeper.ticker.len();
        first.kill()?;
        let _ = first.wait()?;
        assert_eq!((members, share.members(), watched), (2, 1, 3));
        crate::Result::Ok(())
    });
    assert!(runtime.run(crowd.limits(all_limited())).expect("room").success());
    let leader = runtime.spawn(leader.limits(Limits { processes: None, ..all_limited() })).expect("room");
    let share = share(kernel, &leader);
    drop(hold);
    assert!(leader.wait().expect("its handle owns it").status.success());
    assert_eq!(share.upgrade().map_or(0, |share| share.members()), 0);
    drop(leader);
    is_gone(&share);
    assert_eq!(kernel.timekeeper.ticker.len(), 0);
}
