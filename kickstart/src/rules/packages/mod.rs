//! Package selections that contradict themselves.

pub(super) mod kernel_excluded;
pub(super) mod missing_packages_ignored;
pub(super) mod package_included_and_excluded;
pub(super) mod package_line_with_several_names;
pub(super) mod package_listed_twice;
pub(super) mod two_environments;
pub(super) mod unavailable_package;
