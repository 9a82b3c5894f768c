//! Supervision trees on greenproc: empty so far.
//!
//! A supervisor is to start children in order, wait for whichever ends, and start again what its strategy says. It will
//! stand on the public face of `greenproc` alone: processes, wait-any, groups, kill and shutdown are there already.
