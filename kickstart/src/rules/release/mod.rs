//! What this release does not do any more.

pub(super) mod anaconda_section_removed;
pub(super) mod malformed_language;
pub(super) mod teaming_removed;
pub(super) mod unknown_keymap;
pub(super) mod unknown_timezone;
pub(super) mod version_comment_differs;
