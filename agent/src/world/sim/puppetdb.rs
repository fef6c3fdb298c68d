//! The simulator's PuppetDB: reports that a test puts there. Simulated guests tell their own, so that it is empty by itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::observed::PuppetReport;
use crate::spec::{Fqdn, PuppetHost, PuppetServerSpec};
use crate::world::puppet::{PuppetDbError, ReportArchive};

#[derive(Default)]
struct Inner {
    reports: BTreeMap<Fqdn, PuppetReport>,
    down: bool,
    asked: u64,
}

/// See the module.
#[derive(Default)]
pub struct SimPuppetDb(Mutex<Inner>);

impl SimPuppetDb {
    /// A report arrives; it takes the place of the one before.
    pub fn put(&self, certname: Fqdn, report: PuppetReport) {
        self.lock().reports.insert(certname, report);
    }

    /// From now on nothing is answered, or all again.
    pub fn set_down(&self, down: bool) {
        self.lock().down = down;
    }

    /// How often it was asked.
    pub fn asked(&self) -> u64 {
        self.lock().asked
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReportArchive for SimPuppetDb {
    fn newest(
        &self,
        _: &PuppetServerSpec,
        _: &PuppetHost,
        certnames: &[Fqdn],
    ) -> Result<BTreeMap<Fqdn, PuppetReport>, PuppetDbError> {
        let mut inner = self.lock();
        inner.asked += 1;
        if inner.down {
            return Err(PuppetDbError::Unreachable { url: "sim:///puppetdb".to_owned(), reason: "injected fault".to_owned() });
        }
        Ok(certnames.iter().filter_map(|name| Some((name.clone(), inner.reports.get(name)?.clone()))).collect())
    }
}
