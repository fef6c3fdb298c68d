//! The rules beyond parity: every manual's example is found, every fix is accepted, the docs are fresh.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kickstart::{Applicability, Firmware, LintOptions, Release, Severity, explain, fix, lint, rules};

/// A code block of a manual: what its comment `# with:` says of the machine, and its text.
struct Block {
    settings: String,
    text: String,
}

fn blocks(manual: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = manual.lines();
    while let Some(line) = lines.next() {
        if line == "```kickstart" {
            let text: String = lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
            let settings = text.lines().next().and_then(|line| line.strip_prefix("# with: ")).unwrap_or_default().to_owned();
            // A carriage return cannot stand in a comment.
            blocks.push(Block { settings, text: text.replace("\\r", "\r") });
        }
    }
    blocks
}

fn codes(block: &Block, code: &str) -> Vec<&'static str> {
    let mut release = Release::Rhel9;
    let mut options = LintOptions { select: vec![code.to_owned()], ..LintOptions::default() };
    for setting in block.settings.split_whitespace() {
        let (name, value) = setting.split_once('=').expect("a setting with a value");
        match (name, value) {
            ("release", _) => release = value.parse().expect("a release"),
            ("firmware", "uefi") => options.firmware = Some(Firmware::Uefi),
            ("firmware", "bios") => options.firmware = Some(Firmware::Bios),
            ("disk", _) => options.disk_mib = value.parse().ok(),
            ("disks", _) => options.disks = value.split(',').map(str::to_owned).collect(),
            ("available", _) => options.available = value.split(',').map(str::to_owned).collect(),
            _ => panic!("unknown setting {setting}"),
        }
    }
    lint(&block.text, release, &options).diagnostics().iter().map(|d| d.code).collect()
}

#[test]
fn every_example_is_found_and_every_fix_is_accepted() {
    for (code, _, _) in rules() {
        let manual = explain(code).expect("a manual");
        let blocks = blocks(&manual);
        let [example, fix] = &blocks[..] else { panic!("{code}: an example and a fix, not {} blocks", blocks.len()) };
        assert!(codes(example, code).contains(&code), "{code} does not find its example");
        assert_eq!(codes(fix, code), Vec::<&str>::new(), "{code} finds its fix");
    }
}

#[test]
fn a_rule_has_the_name_of_its_file() {
    for (code, family, _) in rules() {
        let file = root().join(format!("src/rules/{family}/{}.rs", code.replace('-', "_")));
        assert!(file.is_file(), "{}", file.display());
    }
    let mut all: Vec<&str> = rules().map(|(code, _, _)| code).collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "two rules have the same code");
}

#[test]
fn the_printed_manual_is_fresh() {
    let mut text = String::from(
        "# Rules\n\nWhat `kickstart::lint` finds beyond what `ksvalidator` checks. Printed from the rule files by\n`UPDATE=1 cargo test -p rekindle-kickstart the_printed_manual_is_fresh`; do not edit.\n",
    );
    let mut last = "";
    for (code, family, severity) in rules() {
        if family != last {
            write!(text, "\n## {family}\n").expect("writes");
            last = family;
        }
        let manual = explain(code).expect("a manual").replace("\n# ", "\n#### ");
        write!(text, "\n### {code} ({severity})\n\n{manual}").expect("writes");
    }
    let file = root().join("../docs/rules.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &text).expect("writes the manual");
    }
    let printed = std::fs::read_to_string(&file).expect("docs/rules.md");
    assert!(printed == text, "docs/rules.md is stale: run the test with UPDATE=1");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Findings of a text, as `severity code line`.
fn found(text: &str, options: &LintOptions) -> Vec<String> {
    let report = lint(text, Release::Rhel9, options);
    report.diagnostics().iter().map(|d| format!("{} {} {}", d.severity, d.code, d.line)).collect()
}

#[test]
fn a_good_kickstart_has_neither_errors_nor_warnings() {
    let report = lint(include_str!("../benches/sample.ks"), Release::Rhel9, &LintOptions::default());
    let bad: Vec<_> = report.diagnostics().iter().filter(|d| d.severity > Severity::Info).collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn rules_are_chosen_by_code_and_family_and_their_severity_is_the_callers() {
    let text = "firewall --disabled\nselinux --disabled\n";
    let select = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let security = LintOptions { select: select(&["security"]), ..LintOptions::default() };
    assert_eq!(found(text, &security), ["warning firewall-disabled 1", "warning selinux-disabled 2"]);
    let one = LintOptions { ignore: select(&["selinux-disabled"]), ..security.clone() };
    assert_eq!(found(text, &one), ["warning firewall-disabled 1"]);
    let strict = LintOptions { severities: vec![("firewall-disabled".to_owned(), Severity::Error)], ..one };
    assert_eq!(found(text, &strict), ["error firewall-disabled 1"]);
}

#[test]
fn a_comment_allows_a_finding_in_the_next_line_or_in_the_whole_file() {
    let security = LintOptions { select: vec!["security".to_owned()], ..LintOptions::default() };
    let line = "# rekindle: allow(selinux-disabled, firewall-disabled) lab\nselinux --disabled\nselinux --disabled\n";
    assert_eq!(found(line, &security), ["warning selinux-disabled 3"]);
    let file = "# rekindle: allow(selinux-disabled) lab\n\nselinux --disabled\nselinux --disabled\n";
    assert_eq!(found(file, &security), Vec::<String>::new());
    let other = "# rekindle: allow(firewall-disabled)\nselinux --disabled\n";
    assert_eq!(found(other, &security), ["warning selinux-disabled 2"]);
}

#[test]
fn nothing_is_said_to_be_missing_where_an_include_may_bring_it() {
    let report = lint("%include http://192.0.2.1/disks.ks\npart pv.01 --size=9\n", Release::Rhel9, &LintOptions::default());
    assert!(report.diagnostics().is_empty(), "{:#?}", report.diagnostics());
}

#[test]
fn safe_fixes_mend_and_unsafe_ones_only_on_demand() {
    let text = "\
install
timezone Europe/Berlin --isUtc --ntpservers=a.example.com,b.example.com
autostep
selinux --disabled
%packages --instLangs=en
@core
vim
@core
%end
halt
";
    let options = LintOptions::default();
    let safe = fix(text, Release::Rhel9, &options, Applicability::Safe);
    let expected = "\
timezone Europe/Berlin --utc
timesource --ntp-server=a.example.com
timesource --ntp-server=b.example.com
selinux --disabled
%packages --inst-langs=en
@core
vim
%end
halt
";
    assert_eq!(safe.text, expected);
    let all = fix(text, Release::Rhel9, &options, Applicability::Unsafe);
    assert!(all.text.contains("selinux --enforcing\n") && all.text.contains("\npoweroff\n"), "{}", all.text);
}

#[test]
fn a_mistyped_word_is_mended_only_where_somebody_looks() {
    let text = "tiemzone Europe/Berln --utc\npart / --size=9 --ondsk=vda\n%post\r\necho\r\n%end\n";
    let options = LintOptions { select: vec!["scripts".to_owned(), "unknown-timezone".to_owned()], ..LintOptions::default() };
    let safe = fix(text, Release::Rhel9, &options, Applicability::Safe);
    assert_eq!(safe.text, text.replace("echo\r\n", "echo\n"));
    let all = fix(text, Release::Rhel9, &options, Applicability::Unsafe);
    assert!(
        all.text.starts_with("timezone Europe/Berlin --utc\npart / --size=9 --ondisk=vda\n%post --erroronfail"),
        "{}",
        all.text
    );
}
