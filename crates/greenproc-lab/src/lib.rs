//! The race lab of greenproc: empty so far.
//!
//! It is to run the real code of the runtime under a controlled scheduler, find the races of exit, wait, reparent and
//! signal code, and replay them from a token. Nothing of that is here yet. When it is, it will be compiled in by a
//! feature of its own, `racelab`, and without that feature this crate will stay empty, so that a plain build of the
//! workspace carries no scheduling points.
