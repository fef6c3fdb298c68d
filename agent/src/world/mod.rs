//! Stage 5 of the pipeline: the outside, behind traits named after our needs.
//!
//! [`World`] holds all of it; `execute` is the only writer, [`Collector`] the only reader.

mod board;
mod boot;
pub mod boot_files;
mod check_runner;
mod checks;
mod clock;
mod collect;
mod hypervisor;
#[cfg(feature = "libvirt")]
mod libvirt;
mod lock;
mod logs;
pub mod mirror;
pub mod puppet;
pub mod repo;
pub mod sim;
mod store;
mod worker;

pub use board::{Board, StepFailure};
pub use boot::{BootFileCache, BootFileSource};
pub use check_runner::CheckRunner;
pub use checks::NetworkChecks;
pub use clock::{Clock, ManualClock, SystemClock};
pub use collect::Collector;
pub use hypervisor::{Change, DomainEvent, GuestExit, Hypervisor, HypervisorError};
#[cfg(feature = "libvirt")]
pub use libvirt::{Libvirt, load_libvirt};
pub use lock::{Lock, LockError};
pub use logs::last_lines;
pub use store::{RunNoted, Store, StoreError, TimelineEntry};
pub use worker::{CallLimits, HypervisorHandle};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8PathBuf;

use crate::observed::BootFiles;
use crate::spec::{OsName, OsSpec, Timestamp, VmName};
use crate::world::puppet::{CertificateAuthority, PuppetDb, ReportArchive};

/// Everything outside of the process.
pub struct World {
    /// libvirt or the simulator.
    pub hypervisor: HypervisorHandle,
    /// What cannot be observed.
    pub store: Arc<Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Health checks over the network.
    pub checks: Arc<dyn CheckRunner>,
    /// Kernels and initrds.
    pub boot: Arc<dyn BootFileSource>,
    /// The Puppet CA, where the site has one.
    pub ca: Arc<dyn CertificateAuthority>,
    /// Reports of Puppet that were not heard of, where the site says who keeps them.
    pub puppetdb: Arc<dyn ReportArchive>,
    /// Errors and check results of this run.
    pub board: Board,
    /// Where VMs' logs are.
    pub state_dir: Utf8PathBuf,
    /// When each tree was last asked, in this run.
    asked: Mutex<BTreeMap<OsName, BootFiles>>,
}

impl World {
    /// A world of these parts.
    pub fn new(
        hypervisor: HypervisorHandle,
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        checks: Arc<dyn CheckRunner>,
        boot: Arc<dyn BootFileSource>,
        ca: Arc<dyn CertificateAuthority>,
        state_dir: Utf8PathBuf,
    ) -> Self {
        let puppetdb = Arc::new(PuppetDb::default());
        let (board, asked) = (Board::default(), Mutex::default());
        Self { hypervisor, store, clock, checks, boot, ca, puppetdb, board, state_dir, asked }
    }

    /// The same with these reports in place of the site's PuppetDB.
    #[must_use]
    pub fn with_reports(self, puppetdb: Arc<dyn ReportArchive>) -> Self {
        Self { puppetdb, ..self }
    }

    /// The directory of an attempt's logs.
    pub fn attempt_dir(&self, vm: &VmName, attempt: u32) -> Utf8PathBuf {
        self.state_dir.join("vms").join(vm.as_str()).join(format!("attempt-{attempt}"))
    }

    /// Removes what is kept of a VM's attempts before this one: their directories, and what their guests told.
    ///
    /// A directory that cannot be removed is logged and left: no install waits for an old log.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    pub fn forget_attempts(&self, vm: &VmName, before: u32) -> Result<(), StoreError> {
        let home = self.state_dir.join("vms").join(vm.as_str());
        for entry in home.read_dir_utf8().into_iter().flatten().flatten() {
            let attempt = entry.file_name().strip_prefix("attempt-").and_then(|number| number.parse::<u32>().ok());
            if attempt.is_some_and(|attempt| attempt < before)
                && let Err(error) = std::fs::remove_dir_all(entry.path())
            {
                tracing::warn!(vm = %vm, path = %entry.path(), %error, "an old attempt's directory stays");
            }
        }
        self.store.forget_events(vm, before)
    }

    /// Under which name the store keeps the probe's answer: it holds until the machine boots again.
    pub fn probe_fact(&self) -> String {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        format!("domain-type@{}", boot.trim())
    }

    /// Boot files that were asked for in this run and are still there.
    pub fn boot_files(&self, os: &OsSpec) -> Option<BootFiles> {
        let files = self.asked.lock().unwrap_or_else(PoisonError::into_inner).get(&os.name).cloned()?;
        let cached = self.boot.cached(os)?;
        (cached.kernel == files.kernel && cached.initrd == files.initrd).then_some(files)
    }

    /// The tree of `os` has just been asked.
    pub fn note_boot_files(&self, os: &OsName, files: BootFiles, at: Timestamp) {
        let files = BootFiles { checked: at, ..files };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(os.clone(), files);
    }
}
