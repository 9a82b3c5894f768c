//! Questions to a supervisor, and their answers.

use greenproc::{Mailbox, RecvError};

/// Where the answer to one question goes. Dropped without one, the questioner hears that nobody will answer.
#[derive(Debug)]
pub(crate) struct ReplyTo<T>(Mailbox<T>);

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The supervisor has ended.
    Gone,
    /// The questioner was interrupted.
    Interrupted(greenproc::Error),
}

impl<T> ReplyTo<T> {
    pub(crate) fn answer(self, answer: T) {
        // Who waits no longer does not hear it.
        let _ = self.0.post(answer);
    }
}

impl<T> Drop for ReplyTo<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Whoever waits for an answer.
#[derive(Debug)]
pub(crate) struct Question<T>(Mailbox<T>);

/// A question, and where its answer goes.
pub(crate) fn question<T>() -> (Question<T>, ReplyTo<T>) {
    let answers = Mailbox::new();
    (Question(answers.clone()), ReplyTo(answers))
}

impl<T> Question<T> {
    /// Waits for the answer: in a process as one of its waits, outside without interruption.
    pub(crate) fn wait(self) -> Result<T, Unanswered> {
        self.0.receive().map_err(|error| match error {
            RecvError::Interrupted(error) => Unanswered::Interrupted(error),
            _ => Unanswered::Gone,
        })
    }
}

/// Asks, and waits for the answer.
pub(crate) fn ask<Q, A>(whom: &Mailbox<Q>, message: impl FnOnce(ReplyTo<A>) -> Q) -> Result<A, Unanswered> {
    let (question, reply) = question();
    whom.post(message(reply)).map_err(|_| Unanswered::Gone)?;
    question.wait()
}
