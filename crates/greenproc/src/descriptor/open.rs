//! What is open: a value, and how it is read and written.

use std::any::{Any, type_name};
use std::sync::Arc;

use greenproc_sync::atomic::{AtomicBool, Ordering};

use super::known;
use super::stream::{Stream, Waiting};

/// A value of any type, as several threads may have it.
pub(crate) type Value = Arc<dyn Any + Send + Sync>;

/// Sees the stream in a value that is one.
pub(super) type Face = fn(&(dyn Any + Send + Sync)) -> Option<&dyn Stream>;

/// An open description: shared by all numbers, of whichever processes, that came from one opening.
pub(crate) struct Open {
    value: Value,
    face: Option<Face>,
    pub(crate) type_name: &'static str,
    nonblocking: AtomicBool,
    /// Dropping it runs code that is not known to end.
    runs_user_code: bool,
}

impl Open {
    /// Something of any type; of those that are known to be streams it is one.
    pub(crate) fn new<T: Any + Send + Sync>(value: T) -> Arc<Open> {
        let known = known::face_of::<T>();
        let runs_user_code = known.is_none() && std::mem::needs_drop::<T>();
        Open::with(value, known, runs_user_code)
    }

    /// A stream of the user's.
    pub(crate) fn stream<T: Stream>(value: T) -> Arc<Open> {
        Open::with(value, Some(face::<T>), std::mem::needs_drop::<T>())
    }

    fn with<T: Any + Send + Sync>(value: T, face: Option<Face>, runs_user_code: bool) -> Arc<Open> {
        Arc::new(Open {
            value: Arc::new(value),
            face,
            type_name: type_name::<T>(),
            nonblocking: AtomicBool::new(false),
            runs_user_code,
        })
    }

    pub(crate) fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        Arc::clone(&self.value).downcast().ok()
    }

    pub(crate) fn as_stream(&self) -> Option<&dyn Stream> {
        self.face.and_then(|face| face(&*self.value))
    }

    pub(crate) fn waiting(&self) -> Waiting {
        if self.is_nonblocking() { Waiting::Refused } else { Waiting::Allowed }
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    pub(crate) fn set_nonblocking(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }

    pub(crate) fn runs_user_code(&self) -> bool {
        self.runs_user_code
    }
}

pub(super) fn face<T: Stream>(value: &(dyn Any + Send + Sync)) -> Option<&dyn Stream> {
    value.downcast_ref::<T>().map(|stream| stream as &dyn Stream)
}
