//! Real packages, keys, repositories and clients: `rpmbuild`, `rpmsign`, `gpg`, `createrepo_c` and `dnf`, each test with homes of
//! its own. Start at [`RpmLab`]; `key`, `package`, `outside` (others' repositories), `policy` (our own) and `dnf` are its parts.
//!
//! Nothing of the machine's own configuration is read, and nothing is left running: what gpg starts is ended with the lab. All of
//! it panics when a program cannot be run or fails, with what the program said.

mod dnf;
mod key;
mod lab;
mod outside;
mod package;
mod policy;

pub use dnf::{Dnf, DnfRepo, Required};
pub use key::Key;
pub use lab::{Ran, RpmLab};
