//! Scripts that fail, or fail unseen.

pub(super) mod carriage_returns_in_script;
pub(super) mod empty_script;
pub(super) mod errors_not_fatal;
pub(super) mod interpreter_missing;
pub(super) mod network_in_pre;
pub(super) mod nochroot_never_reaches_system;
pub(super) mod script_failure_ignored;
pub(super) mod secret_in_script;
pub(super) mod shebang_ignored;
pub(super) mod sysimage_in_chroot;
