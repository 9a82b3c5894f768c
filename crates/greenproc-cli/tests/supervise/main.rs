//! `greenproc supervise`: the file and its faults, and the tree that it describes, with real programs of the host.
//!
//! | file | what it shows |
//! |---|---|
//! | `file` | the file, its faults, `--check` |
//! | `life` | lines, restarts, giving up, the end of the tree by itself |
//! | `order` | readiness by a line, a port, a page, a command; what comes after what; what is not ready in time |
//! | `stop` | SIGTERM, reverse order, who has to be killed, the second signal, what outlives nobody |
//! | `health` | a child that is not well is restarted |
//! | `outside` | pages with a real HTTP client, a service manager's socket |

#![cfg(unix)]

mod file;
#[path = "../greenproc/mod.rs"]
mod greenproc;
mod health;
mod life;
mod order;
mod outside;
mod stop;
mod tree;
