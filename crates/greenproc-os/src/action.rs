//! What a signal of the host does to this OS process at present.

use crate::kick;

/// What a signal of the host does to this OS process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// What it does where nobody has said anything.
    Default,
    /// Nothing: whoever started this OS process may have said so, as `nohup` does.
    Ignored,
    /// It is a kick.
    Kick,
    /// It has a handler.
    Handled,
}

/// What `signal` does at present; nothing if the host lets nobody ask, since there is no such signal for instance.
///
/// ```
/// use greenproc_os::action::{self, Action};
/// use greenproc_os::kick::Kick;
///
/// assert_eq!(action::of(15), Some(Action::Default));
/// let kick = Kick::install(Kick::default_signal()).expect("nobody else uses it");
/// assert_eq!(action::of(kick.signal()), Some(Action::Kick));
/// assert_eq!(action::of(1000), None);
/// ```
#[doc(alias = "sigaction")]
pub fn of(signal: i32) -> Option<Action> {
    let action = kick::exchange(signal, None)?;
    Some(match action.sa_sigaction {
        libc::SIG_DFL => Action::Default,
        libc::SIG_IGN => Action::Ignored,
        handler if handler == kick::our_address() => Action::Kick,
        _ => Action::Handled,
    })
}
