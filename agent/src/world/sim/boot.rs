//! Boot files of simulated guests: names only, nothing reads them.

use super::SimHypervisor;
use crate::observed::BootFiles;
use crate::spec::{OsSpec, Timestamp};
use crate::world::boot_files::BootFilesError;
use crate::world::{BootFileSource, Change};

impl BootFileSource for SimHypervisor {
    fn ensure(&self, os: &OsSpec, now: Timestamp) -> Result<(BootFiles, Change), BootFilesError> {
        Ok((files(os, now), Change::Unchanged))
    }

    fn cached(&self, os: &OsSpec) -> Option<BootFiles> {
        Some(files(os, Timestamp(0)))
    }
}

fn files(os: &OsSpec, checked: Timestamp) -> BootFiles {
    let directory = camino::Utf8PathBuf::from("/simulated/boot").join(os.name.as_str());
    BootFiles { kernel: directory.join("vmlinuz"), initrd: directory.join("initrd.img"), checked }
}
