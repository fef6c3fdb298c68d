//! Plugs the simulator's guests into the install desk, where HTTP stands between them in real life.

use super::{Denied, InstallDesk};
use crate::observed::GuestEventKind;
use crate::spec::MacAddr;
use crate::world::sim::{DeskError, GuestDesk};

impl GuestDesk for InstallDesk {
    fn kickstart(&self, token: &str, macs: &[MacAddr]) -> Result<String, DeskError> {
        Self::kickstart(self, token, macs).map_err(as_seen_by_guests)
    }

    fn tell(&self, token: &str, kind: GuestEventKind) -> Result<(), DeskError> {
        Self::tell(self, token, kind).map(drop).map_err(as_seen_by_guests)
    }

    fn puppet_archive(&self, token: &str) -> Result<(), DeskError> {
        Self::puppet_archive(self, token).map(drop).map_err(as_seen_by_guests)
    }
}

fn as_seen_by_guests(denied: Denied) -> DeskError {
    match denied {
        Denied::Unavailable(_) => DeskError::Unavailable,
        Denied::UnknownToken
        | Denied::Ended { .. }
        | Denied::OutOfPhase { .. }
        | Denied::WrongMac { .. }
        | Denied::TooMuch { .. } => DeskError::Denied,
    }
}
