//! What the exit status of `rekindle` means. Scripts rely on it: a number is never given a second meaning.

use std::process::ExitCode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, and the answer is "yes": the site is good, the VMs are ready, nothing differs.
    Ok = 0,
    /// Done, and the answer is "no": a VM failed, `plan` or `diff` found something with `--exit-code`, consent was not given.
    No = 1,
    /// Nothing was done: wrong arguments, a bad configuration or a bad site.
    Usage = 2,
    /// The world could not be reached: libvirt, the agent's socket, the store, a directory.
    World = 3,
}

impl Exit {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Ok, Self::No, Self::Usage, Self::World];

    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// For the manual.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Ok => "done, and the answer is yes",
            Self::No => "done, and the answer is no: a VM failed, something differs, consent was not given",
            Self::Usage => "nothing was done: wrong arguments, a bad configuration or a bad site",
            Self::World => "the world could not be reached: libvirt, the agent, the store or a directory",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
