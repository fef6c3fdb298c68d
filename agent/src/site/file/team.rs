//! `teams/NAME.toml`.

use crate::site::problems::Key;
use crate::site::table::Table;
use crate::site::units::{Gib, Mib};
use crate::site::value::Whole;
use crate::spec::Contact;

/// `teams/NAME.toml`.
#[derive(Debug)]
pub(crate) struct TeamFile {
    pub(crate) contact: Key<Contact>,
    pub(crate) quota_vcpus: Key<Whole<0, 1_000_000>>,
    pub(crate) quota_memory: Key<Mib>,
    pub(crate) quota_disk: Key<Gib>,
}

impl TeamFile {
    /// Reads the file's top-level table.
    pub(crate) fn read(mut t: Table<'_>) -> Self {
        let (quota_vcpus, quota_memory, quota_disk) = match t.table("quota") {
            None => (Key::Absent, Key::Absent, Key::Absent),
            Some(mut q) => {
                let quota = (q.get("vcpus"), q.get("memory"), q.get("disk"));
                q.finish();
                quota
            }
        };
        let team = Self { contact: t.get("contact"), quota_vcpus, quota_memory, quota_disk };
        t.finish();
        team
    }
}
