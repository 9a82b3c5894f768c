//! Mailboxes between processes and threads outside.
//!
//! | shown here | rows, decisions |
//! |---|---|
//! | messages in order, time-outs, a closed mailbox, EINTR, posts of a handler | decisions 19, 20 |
//! | a killed receiver loses nothing that was meant for another | decisions 19, 28 |

use std::time::Duration;

use greenproc::{Mailbox, RecvError, SaFlags, SigAction, Signal};
use greenproc_sync::time;
use greenproc_tests::{AN_HOUR, Fixture, succeeded};

/// `Mailbox::post`, `receive`: from outside to a process and back, in order.
#[test]
fn messages_come_over_in_order() {
    let fixture = Fixture::boot();
    let (there, back) = (Mailbox::new(), Mailbox::new());
    let (orders, answers) = (there.clone(), back.clone());
    let echo = fixture.child("echo", move |_| {
        while let Ok(number) = orders.receive() {
            answers.post(number).expect("open");
        }
        answers.close();
    });
    for number in 0..500 {
        there.post(number).expect("open");
    }
    there.close();
    let got: Vec<i32> = std::iter::from_fn(|| back.receive().ok()).collect();
    assert!(got.iter().copied().eq(0..500), "{got:?}");
    succeeded(&echo.wait().expect("mine"));
}

/// `Mailbox::close`: what is in it is received; then all are told, those that wait too; what is posted comes back.
#[test]
fn a_closed_mailbox_is_emptied_and_takes_nothing() {
    let fixture = Fixture::boot();
    let mailbox = Mailbox::new();
    mailbox.post(1).expect("open");
    let theirs = mailbox.clone();
    let ready = Mailbox::new();
    let begun = ready.clone();
    let receiver = fixture.child("receiver", move |_| {
        assert_eq!(theirs.receive().expect("it is there"), 1);
        begun.post(()).expect("open");
        matches!(theirs.receive(), Err(RecvError::Disconnected)).then_some(()).ok_or("it is closed")
    });
    ready.receive().expect("it begins");
    assert!(!mailbox.is_closed());
    assert!(mailbox.close());
    assert!(mailbox.is_closed());
    assert!(!mailbox.close(), "it is closed already");
    assert_eq!(mailbox.post(2), Err(2));
    succeeded(&receiver.wait().expect("mine"));
    assert!(matches!(mailbox.receive(), Err(RecvError::Disconnected)), "from outside too");
    assert_eq!(mailbox.try_receive(), None);
}

/// `Mailbox::receive_timeout`: not before its time, from inside and outside; a message that is there beats it.
#[test]
fn a_receive_times_out_after_its_time() {
    fn times_out(mailbox: &Mailbox<char>) {
        for patience in [Duration::ZERO, Duration::from_millis(20)] {
            let before = time::now();
            assert!(matches!(mailbox.receive_timeout(patience), Err(RecvError::Timeout)));
            assert!(before.elapsed() >= patience);
            mailbox.post('a').expect("open");
            assert_eq!(mailbox.receive_timeout(patience).expect("it is there"), 'a');
        }
        mailbox.post('b').expect("open");
        assert_eq!(mailbox.receive_timeout(Duration::MAX).expect("it is there"), 'b');
    }
    let mailbox = Mailbox::new();
    times_out(&mailbox);
    Fixture::boot().inside(move |_| times_out(&mailbox));
}

/// `Mailbox::receive`: EINTR for a polite process.
#[test]
fn a_polite_receiver_is_interrupted() {
    let fixture = Fixture::boot();
    let ready = Mailbox::new();
    let begun = ready.clone();
    let polite = fixture.child("polite", move |p| {
        assert!(!p.stop_requested());
        begun.post(()).expect("open");
        match Mailbox::<()>::new().receive() {
            Err(RecvError::Interrupted(error)) => error.errno(),
            other => panic!("{other:?}"),
        }
    });
    ready.receive().expect("it begins");
    polite.signal(Signal::TERM).expect("it lives");
    assert_eq!(polite.wait().expect("mine").status.code(), Some(libc::EINTR));
}

/// `Mailbox::post`: a handler tells the call that it interrupts; none is lost between a look and the wait.
#[test]
fn a_handler_posts_to_its_own_process() {
    let fixture = Fixture::boot();
    let ready = Mailbox::new();
    let begun = ready.clone();
    let listener = fixture.child("listener", move |p| {
        let mailbox = Mailbox::new();
        let own = mailbox.clone();
        let action = SigAction::handler(move |_, info| {
            let _ = own.post(info.signal);
        });
        p.sigaction(Signal::USR1, action.flags(SaFlags::RESTART)).expect("it can be caught");
        begun.post(()).expect("open");
        assert_eq!(mailbox.receive_timeout(AN_HOUR).expect("the handler posts"), Signal::USR1);
    });
    ready.receive().expect("it begins");
    listener.signal(Signal::USR1).expect("it lives");
    succeeded(&listener.wait().expect("mine"));
}

/// Decision 28: of two receivers one is killed while a message comes; the other gets it, and a message is never in two hands.
#[test]
fn a_killed_receiver_loses_no_message() {
    let fixture = Fixture::boot();
    for _ in 0..200 {
        let (mailbox, got) = (Mailbox::new(), Mailbox::new());
        let ready = Mailbox::new();
        let begun = ready.clone();
        let receivers = ["killed", "other"].map(|name| {
            let (mailbox, got, begun) = (mailbox.clone(), got.clone(), begun.clone());
            fixture.child(name, move |p| {
                begun.post(()).expect("open");
                p.critical(|| drop(mailbox.receive().map(|message| got.post(message))));
            })
        });
        for _ in &receivers {
            ready.receive().expect("it begins");
        }
        receivers[0].kill().expect("it lives");
        mailbox.post(7).expect("open");
        mailbox.post(8).expect("open");
        let first = got.receive_timeout(AN_HOUR).expect("the other receives");
        mailbox.close();
        for receiver in receivers {
            drop(receiver.wait().expect("mine"));
        }
        let left: Vec<_> =
            std::iter::from_fn(|| mailbox.try_receive().or_else(|| got.try_receive())).collect();
        assert_eq!(first + left.iter().sum::<i32>(), 15, "{first} and {left:?}");
    }
}
