//! `teams/NAME.toml` → `TeamSpec`.

use crate::site::file::TeamFile;
use crate::site::units::{Gib, Mib};
use crate::spec::{TeamName, TeamSpec};

/// Resolves `file`.
pub(super) fn resolve(name: &TeamName, file: &TeamFile) -> TeamSpec {
    TeamSpec {
        name: name.clone(),
        contact: file.contact.value().map(|contact| contact.as_str().to_owned()),
        quota_vcpus: file.quota_vcpus.value().map(|n| n.as_u32()),
        quota_memory_mib: file.quota_memory.value().map(|Mib(mib)| *mib),
        quota_disk_gib: file.quota_disk.value().map(|Gib(gib)| *gib),
    }
}
