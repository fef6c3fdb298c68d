//! The manual of what the checks report: one short page for each code.
//!
//! Called by [`crate::explain()`]. Rules carry their manual themselves; these codes come from many places. A test finds each
//! example and holds the list to be all of them.

/// A code that the checks report, with what it means, a kickstart it is reported for and what to do.
pub(crate) struct Page {
    pub(crate) code: &'static str,
    what: &'static str,
    /// The release of the example.
    pub(crate) release: &'static str,
    pub(crate) example: &'static str,
    fix: &'static str,
}

impl Page {
    /// The page as Markdown.
    pub(crate) fn manual(&self) -> String {
        let Self { what, release, example, fix, .. } = self;
        format!("{what}\n\n# Example\n\nFor {release}:\n\n```kickstart\n{example}```\n\n# Fix\n\n{fix}\n")
    }
}

macro_rules! pages {
    ($($code:literal $release:literal $what:literal $example:literal $fix:literal)*) => {
        &[$(Page { code: $code, what: $what, release: $release, example: $example, fix: $fix }),*]
    };
}

/// All of them, by name.
pub(crate) const PAGES: &[Page] = pages! {
    "ambiguous-option" "rhel9"
    "An option is cut short, and what is left could be several options."
    "part / --size=9000 --m=2\n" "Write the option in full."

    "append-without-address" "rhel9"
    "`%ksappend` does not say what to append."
    "%ksappend\ntext\n" "Name an address, or remove the line."

    "conflicting-commands" "rhel9"
    "Two commands exclude each other: the installer refuses the file at the second one."
    "autopart\npart / --size=9000\n" "Remove one of them."

    "conflicting-options" "rhel9"
    "Two options of one line exclude each other, or one makes no sense with what the line is about."
    "ignoredisk --drives=vdb --only-use=vda\n" "Remove one of them."

    "deprecated-command" "rhel8"
    "The release ignores this command, and a later one refuses it. `ksvalidator` ends with a failure here, the installer goes on."
    "install\n" "Remove the line, or use what took its place; `rekindle ks upgrade` knows."

    "deprecated-option" "rhel9"
    "The release still takes this option, and a later one refuses it."
    "timezone UTC --isUtc\n" "Use the option that took its place; `--fix` does where there is one."

    "deprecated-section" "rhel9"
    "The release still takes this section, and a later one refuses it."
    "%traceback\necho\n%end\n" "Use `%onerror`, which runs at every error."

    "duplicate-definition" "rhel9"
    "Two lines define the same thing. `ksvalidator` refuses it; the installer warns, and takes both or the last one."
    "user --name=ops\nuser --name=ops\n" "Remove one of them."

    "empty-certificate" "rhel9"
    "A `%certificate` section holds nothing."
    "%certificate --dir=/etc/pki --filename=ca.pem\n%end\n" "Put the certificate (PEM) between the lines."

    "empty-command" "rhel9"
    "A line starts with a pair of quotes that hold nothing, in the place of a command."
    "'' --size=9000\n" "Remove the quotes."

    "empty-kickstart" "rhel9"
    "The file has no line that says anything."
    "\n" "Is it the right file? Was it rendered?"

    "include-without-file" "rhel9"
    "`%include` does not say what to include."
    "%include\ntext\n" "Name a file or an address, or remove the line."

    "invalid-boolean" "rhel9"
    "An option that is on or off is given something else."
    "network --device=eth0 --onboot=maybe\n"
    "Write yes or no, on or off, true or false, 1 or 0."

    "invalid-choice" "rhel9"
    "An option takes one of some words, and is given another."
    "bootloader --location=disk\n" "Write one of the words that the message lists."

    "invalid-integer" "rhel9"
    "An option takes a whole number, and is given something else. Numbers have no units: sizes are MiB."
    "part / --size=10G\n" "Write the number alone, such as 10240."

    "invalid-package" "rhel9"
    "A line of `%packages` excludes nothing: it is a dash alone."
    "%packages\n-\n%end\n" "Write the name right after the dash, or remove the line."

    "invalid-value" "rhel9"
    "An option's value is not of the kind that the option takes."
    "logvol / --vgname=vg0 --name=root --percent=101\n" "The message says what it takes."

    "lone-backslash" "rhel9"
    "A line ends with a backslash. A kickstart command cannot go on in the next line."
    "network --bootproto=dhcp \\" "Write the command in one line."

    "missing-argument" "rhel9"
    "An option or a command needs a value, and has none."
    "part / --size\n" "Write `--option=VALUE`."

    "missing-option" "rhel9"
    "A command lacks an option that it needs, always or with another one of the line."
    "part --size=9000\n" "Add what the message names; `rekindle ks explain COMMAND` lists all options."

    "not-utf-8" "rhel9"
    "The file holds bytes that are no UTF-8; the installer ends with an error at the first one."
    "" "Save the file as UTF-8: `iconv -f latin1 -t utf-8`."

    "removed-command" "rhel9"
    "The release refuses this command: it was dropped."
    "install\n" "Remove the line, or use what took its place; `rekindle ks upgrade` knows."

    "removed-option" "rhel10"
    "The release refuses this option: it was dropped."
    "timezone UTC --isUtc\n" "Use what took its place; `rekindle ks upgrade` knows."

    "section-in-section" "rhel9"
    "A section begins before the one above it has ended."
    "%post\necho\n%packages\n%end\n" "Close the first one with `%end`."

    "stray-end" "rhel9"
    "`%end` stands where no section is open."
    "text\n%end\n" "Remove it, or open a section before it."

    "unclosed-quote" "rhel9"
    "A quote is opened and not closed in its line."
    "bootloader --append=\"quiet\nzerombr\n" "Close it, or put a backslash before it."

    "unclosed-section" "rhel9"
    "A section goes on to the end of the file."
    "%post\necho\n" "Put a line `%end` after its last line."

    "unexpected-argument" "rhel9"
    "A command or an option that takes no value is given one. A space before or after `=` does that too."
    "clearpart --all=yes\n" "Remove it, or put it in quotes together with what it belongs to."

    "unknown-command" "rhel9"
    "The release has no such command."
    "tiemzone UTC\n" "The message names the nearest command, or the releases that have it."

    "unknown-option" "rhel9"
    "The command has no such option in this release."
    "part / --size=9000 --ondsk=vda\n" "`rekindle ks explain COMMAND --release R` lists the options that there are."

    "unknown-section" "rhel9"
    "There is no such section."
    "%packges\n%end\n" "The message names the nearest one."

    "unsupported-filesystem" "rhel9"
    "The release has no such file system."
    "part btrfs.01 --size=9000\n" "Use xfs or ext4, on partitions or LVM."
};

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn each_example_is_reported_with_its_code() {
        for page in PAGES.iter().filter(|page| page.code != "not-utf-8") {
            let report = crate::check(page.example, page.release.parse().unwrap());
            assert!(report.diagnostics().iter().any(|found| found.code == page.code), "{}: {report:?}", page.code);
        }
    }

    /// Codes stand in the sources as they are reported: quoted, of small letters with dashes, after the word that reports them.
    #[test]
    fn each_code_has_a_page() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut texts = vec![std::fs::read_to_string(source.join("parser.rs")).unwrap()];
        for folder in ["check", "command"] {
            for entry in std::fs::read_dir(source.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if !path.ends_with("manual.rs") {
                    texts.push(std::fs::read_to_string(path).unwrap());
                }
            }
        }
        let not_codes =
            ["computer-ou", "one-time-password", "no-password", "client-software", "server-software", "membership-software"];
        let is_code = |text: &str| {
            text.contains('-') && !text.starts_with('-') && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        };
        for text in &texts {
            for quoted in text.split('"').skip(1).step_by(2).filter(|text| is_code(text) && !not_codes.contains(text)) {
                assert!(PAGES.iter().any(|page| page.code == quoted), "`{quoted}` has no page");
            }
        }
        assert!(PAGES.is_sorted_by(|a, b| a.code < b.code));
    }
}
