//! Pure: `Spec` → text.

mod domain_xml;

pub use domain_xml::{INSTALLER_LOG_PORT, domain_xml};
