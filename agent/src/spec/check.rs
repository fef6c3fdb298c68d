//! Health checks: what must answer for a VM to be `Ready`.

use std::time::Duration;

use super::UrlPath;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckKind {
    /// `GET` on the VM's address answers with this status and, where given, contains this text.
    Http {
        /// TCP port.
        port: u16,
        /// Path and query.
        path: UrlPath,
        /// Expected status.
        status: u16,
        /// Text that the body must contain.
        contains: Option<String>,
    },
    /// A TCP connection to the VM's address is accepted.
    Tcp {
        /// TCP port.
        port: u16,
    },
    /// A command in the guest, run by the guest agent without a shell, ends with 0.
    Command {
        /// Program (absolute path) and arguments.
        argv: Vec<String>,
    },
}

/// A health check of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSpec {
    /// Its name in reports.
    pub name: String,
    /// What is asked.
    pub kind: CheckKind,
    /// How long an answer may take.
    pub timeout: Duration,
}
