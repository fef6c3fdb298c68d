//! What a simulated guest may ask of the install listener: the calls of `reconcile::InstallDesk`, without the HTTP between.

use crate::observed::GuestEventKind;
use crate::spec::MacAddr;

/// Why the install listener did not do as a guest asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// 404: final for the guest.
    #[error("404")]
    Denied,
    /// 503: the guest tries again.
    #[error("503")]
    Unavailable,
}

/// The install listener as a guest sees it. Called without any lock of the simulator held; may block.
pub trait GuestDesk: Send + Sync {
    /// `GET /ks/TOKEN` with the MACs of `inst.ks.sendmac`.
    fn kickstart(&self, token: &str, macs: &[MacAddr]) -> Result<String, DeskError>;

    /// `POST /install/TOKEN/…`.
    fn tell(&self, token: &str, kind: GuestEventKind) -> Result<(), DeskError>;

    /// `GET /install/TOKEN/puppet.tar.gz`; the content is of no use to a simulated guest.
    fn puppet_archive(&self, token: &str) -> Result<(), DeskError>;
}
