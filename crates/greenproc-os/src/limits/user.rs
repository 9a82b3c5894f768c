//! Whose OS process this is.
#![allow(unsafe_code, reason = "getuid and getgid")]

/// The real user id of this OS process.
pub fn user_id() -> u32 {
    // SAFETY: getuid touches no memory and cannot fail.
    unsafe { libc::getuid() }
}

/// The real group id of this OS process.
pub fn group_id() -> u32 {
    // SAFETY: getgid touches no memory and cannot fail.
    unsafe { libc::getgid() }
}
