//! What makes the installed machine easy to break into.

pub(super) mod bootloader_hash_unusable;
pub(super) mod bootloader_password_plain;
pub(super) mod empty_password;
pub(super) mod firewall_disabled;
pub(super) mod hash_not_a_hash;
pub(super) mod id_taken_twice;
pub(super) mod invalid_user_name;
pub(super) mod malformed_ssh_key;
pub(super) mod passphrase_in_plain_text;
pub(super) mod plaintext_password;
pub(super) mod root_ssh_by_password;
pub(super) mod selinux_disabled;
pub(super) mod sshkey_for_unknown_user;
pub(super) mod tls_not_verified;
pub(super) mod undefined_group;
pub(super) mod unencrypted_source;
pub(super) mod unsigned_packages;
pub(super) mod weak_hash;
pub(super) mod weak_password;
