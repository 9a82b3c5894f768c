//! What all supervisors of a tree share.

use std::collections::HashMap;
use std::sync::Arc;

use greenproc::Mailbox;
use greenproc_sync::Mutex;

use crate::driver::Message;
use crate::locks::Leaf;
use crate::report::Unstopped;

#[derive(Debug, Default)]
pub(crate) struct Shared(Mutex<Leaf, Contents>);

#[derive(Debug, Default)]
struct Contents {
    /// The supervisors that run, by their paths.
    supervisors: HashMap<Arc<str>, Mailbox<Message>>,
    unstopped: Vec<Unstopped>,
}

impl Shared {
    pub(crate) fn enter(&self, path: &Arc<str>, mailbox: &Mailbox<Message>) {
        self.0.lock().supervisors.insert(Arc::clone(path), mailbox.clone());
    }

    /// The supervisor with this mailbox has ended; its next life may be there already.
    pub(crate) fn leave(&self, path: &Arc<str>) {
        let mut contents = self.0.lock();
        if contents.supervisors.get(path).is_some_and(Mailbox::is_closed) {
            contents.supervisors.remove(path);
        }
    }

    pub(crate) fn find(&self, path: &str) -> Option<(Arc<str>, Mailbox<Message>)> {
        let contents = self.0.lock();
        contents.supervisors.get_key_value(path).map(|(path, mailbox)| (Arc::clone(path), mailbox.clone()))
    }

    pub(crate) fn note_unstopped(&self, unstopped: Unstopped) {
        self.0.lock().unstopped.push(unstopped);
    }

    pub(crate) fn unstopped(&self) -> Vec<Unstopped> {
        self.0.lock().unstopped.clone()
    }
}
