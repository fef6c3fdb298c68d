//! What the installer's own log (virtio port) amounts to. `reconcile::diagnose` reads the text; this is its result.

/// What the installer's log says about the end of the install.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogVerdict {
    /// No word of an end yet.
    #[default]
    Running,
    /// "Installation successfully finished."
    Finished,
    /// A line that no good install has.
    Failed,
}

/// The installer's log, digested.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstallerLog {
    /// The end.
    pub verdict: LogVerdict,
    /// What it is doing, in its own words (`progress:` lines).
    pub doing: Option<String>,
    /// Packages installed and selected, where the log has said so.
    pub packages: Option<(u32, u32)>,
    /// Queue tasks done and in all.
    pub tasks: Option<(u32, u32)>,
    /// The last lines.
    pub tail: Vec<String>,
}
