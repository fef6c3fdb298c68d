//! Which command, option and section exists in which release: static data and its look-up.
//!
//! The data ([`table`]) is printed by `resources/grammar/introspect.py`; nothing is built at run
//! time. A new release is a new [`Release`] variant, a new name in that script, and its output.

pub(crate) mod meaning;
#[rustfmt::skip]
mod table;

use crate::release::Release;

/// A set of releases, one bit each in the order of [`Release::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Releases(pub(crate) u16);

impl Releases {
    /// Whether `release` is in the set.
    pub(crate) fn has(self, release: Release) -> bool {
        self.0 & (1 << release.index()) != 0
    }

    /// The releases in the set, RHEL first.
    pub(crate) fn iter(self) -> impl Iterator<Item = Release> {
        Release::ALL.into_iter().filter(move |release| self.has(*release))
    }

    /// The names of the releases, as `rhel7 rhel8 f40`.
    pub(crate) fn names(self) -> String {
        let names: Vec<&str> = self.iter().map(Release::name).collect();
        names.join(" ")
    }
}

/// What an argument must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything, or one of `choices` where there are some.
    Text,
    /// What Python's `int()` takes.
    Int,
    /// on/off, yes/no, true/false, 1/0 in any case.
    Bool,
    /// Words between commas.
    List,
    /// One of `choices`, in any case.
    Keyword,
}

/// How many words an argument takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// None: a switch.
    Zero,
    /// Exactly one.
    One,
    /// One or none.
    Maybe,
    /// Any number.
    Any,
}

/// One option, or one positional argument (`names` empty), of one command.
///
/// An option that changed between releases has a row for each form, with disjoint `releases`.
#[derive(Debug)]
pub(crate) struct OptionRow {
    pub(crate) names: &'static [&'static str],
    /// Where the value goes; options that exclude each other may share it.
    pub(crate) dest: &'static str,
    pub(crate) kind: Kind,
    pub(crate) count: Count,
    pub(crate) choices: &'static [&'static str],
    pub(crate) required: bool,
    /// Whether each use adds a value; else the last one counts.
    pub(crate) repeatable: bool,
    pub(crate) releases: Releases,
    /// Releases in which it does nothing but warn.
    pub(crate) deprecated: Releases,
}

/// One command or section.
#[derive(Debug)]
pub(crate) struct CommandRow {
    pub(crate) name: &'static str,
    /// The first of the names that mean this command (`part` for `part` and `partition`).
    pub(crate) object: &'static str,
    /// Releases that know the word at all, removed and deprecated included.
    pub(crate) releases: Releases,
    /// Releases that ignore the command with a warning, whatever its arguments.
    pub(crate) deprecated: Releases,
    /// Releases that refuse it by name.
    pub(crate) removed: Releases,
    /// Releases in which it has no option table: it reads its arguments its own way.
    pub(crate) free: Releases,
    /// Releases in which each line or section adds one more; else the last one counts.
    pub(crate) repeatable: Releases,
    /// Commands that must not come before it.
    pub(crate) conflicts: &'static [(Releases, &'static [&'static str])],
    pub(crate) options: &'static [OptionRow],
    pub(crate) positionals: &'static [OptionRow],
}

/// The row of a command, whether or not `release` has it.
pub(crate) fn command(name: &str) -> Option<(usize, &'static CommandRow)> {
    find(table::COMMANDS, name)
}

/// The row of a section by its opening word.
pub(crate) fn section(opener: &str) -> Option<&'static CommandRow> {
    find(table::SECTIONS, opener).map(|(_, row)| row)
}

/// Every command row, sorted by name.
pub(crate) fn commands() -> &'static [CommandRow] {
    table::COMMANDS
}

/// Every section row, sorted by name.
pub(crate) fn sections() -> &'static [CommandRow] {
    table::SECTIONS
}

fn find(rows: &'static [CommandRow], name: &str) -> Option<(usize, &'static CommandRow)> {
    let index = rows.binary_search_by(|row| row.name.cmp(name)).ok()?;
    Some((index, &rows[index]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_so_that_look_up_finds_them() {
        for rows in [table::COMMANDS, table::SECTIONS] {
            assert!(rows.is_sorted_by(|a, b| a.name < b.name));
        }
        assert!(command("part").is_some() && section("%post").is_some());
        assert!(command("%post").is_none() && command("").is_none());
    }

    #[test]
    fn each_release_has_as_many_commands_as_its_handler() {
        let count = |release| commands().iter().filter(|row| row.releases.has(release)).count();
        let counts: Vec<usize> = Release::ALL.into_iter().map(count).collect();
        assert_eq!(counts, [66, 71, 73, 75, 71, 71, 71, 73, 73]);
    }

    #[test]
    fn an_option_has_one_form_in_each_release() {
        for row in commands() {
            for release in Release::ALL {
                let mut names: Vec<&str> = row
                    .options
                    .iter()
                    .filter(|option| option.releases.has(release))
                    .flat_map(|option| option.names.iter().copied())
                    .collect();
                let all = names.len();
                names.sort_unstable();
                names.dedup();
                assert_eq!(names.len(), all, "{} in {release}", row.name);
            }
        }
    }
}
