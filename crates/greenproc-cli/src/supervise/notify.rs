//! What a service manager is told, if it listens (`NOTIFY_SOCKET`).

use std::time::Duration;

use sd_notify::NotifyState;

/// All children have been ready.
pub(super) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("all children are ready")]);
}

/// A stop has begun.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Supervision goes on.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often the service manager wants to hear that supervision goes on: twice in its time.
pub(super) fn rhythm() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|time| time / 2)
}

/// A service manager that does not listen any more is not told.
fn tell(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}
