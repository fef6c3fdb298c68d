//! `sizes.toml`: one table a size.

use crate::site::problems::Key;
use crate::site::table::Table;
use crate::site::units::{Gib, Mib};
use crate::site::value::Vcpus;

/// One table of `sizes.toml`.
#[derive(Debug)]
pub(crate) struct SizeFile {
    pub(crate) vcpus: Key<Vcpus>,
    pub(crate) memory: Key<Mib>,
    pub(crate) disk: Key<Gib>,
}

impl SizeFile {
    /// Reads one size.
    pub(crate) fn read(mut t: Table<'_>) -> Self {
        let size = Self { vcpus: t.need("vcpus"), memory: t.need("memory"), disk: t.need("disk") };
        t.finish();
        size
    }
}
