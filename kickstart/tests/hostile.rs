//! Broken and hostile input: never a panic, never more than linear time, always lossless.

use std::time::{Duration, Instant};

use kickstart::{Applicability, LintOptions, Release, check, fix, format, lint, parse, report, upgrade};

use crate::dice::Dice;

const SAMPLE: &str = include_str!("../benches/sample.ks");
const FROZEN: &str = include_str!("../parity/verdicts.txt");

/// Everything the library does with a text.
fn use_all(text: &str, release: Release) {
    let (document, _) = parse(text);
    assert_eq!(document.write(), text);
    let report = lint(text, release, &LintOptions::default());
    for diagnostic in report.diagnostics() {
        assert!(text.get(diagnostic.span.start..diagnostic.span.end).is_some(), "{diagnostic:?} of {text:?}");
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1, "{diagnostic:?}");
    }
    report::text::render("x.ks", text, report.diagnostics());
    let once = format(text, release);
    assert_eq!(format(&once, release), once, "formatting {text:?} twice changes it twice");
    let codes = |text: &str| {
        let mut codes: Vec<&str> = check(text, release).errors().map(|d| d.code).collect();
        codes.sort_unstable();
        codes
    };
    assert_eq!(codes(&once), codes(text), "formatting changes the verdict: {text:?} -> {once:?}");
    upgrade(text, release, Release::Rhel10);
    let fixed = fix(text, release, &LintOptions::default(), Applicability::Safe);
    assert!(report.is_ok() <= check(&fixed.text, release).is_ok(), "a safe fix breaks {text:?}: {:?}", fixed.text);
}

#[test]
fn edited_kickstarts_never_panic() {
    let pieces = [
        "\n",
        "\r",
        "\u{b}",
        "\u{2028}",
        "'",
        "\"",
        "\\",
        "#",
        "%",
        "--",
        "=",
        " ",
        "\u{0}",
        "\u{feff}",
        "é",
        "%end\n",
        "%post\n",
        "%packages\n",
        "@",
        "-",
        ",",
        "/",
        "--size=",
        "--=",
        "\u{a0}",
        "%include",
        "%ksappend ",
        "𝟗",
        "--a",
        "::",
        "..",
        "\t",
        "$",
    ];
    let lines: Vec<&str> = SAMPLE.lines().chain(FROZEN.lines()).collect();
    let mut dice = Dice::new(7);
    for round in 0..4_000 {
        let mut text = String::new();
        for _ in 0..=dice.below(6) {
            text.push_str(lines[dice.below(lines.len())]);
            text.push_str(if dice.below(8) == 0 { "" } else { "\n" });
        }
        for _ in 0..=dice.below(8) {
            let mut at = dice.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            if dice.below(4) == 0 {
                text.truncate(at);
            } else {
                text.insert_str(at, pieces[dice.below(pieces.len())]);
            }
        }
        use_all(&text, Release::ALL[round % Release::ALL.len()]);
    }
}

/// Makes a text of a wanted number of pieces.
type Make = fn(usize) -> String;

/// `n` lines with a number each.
fn numbered(n: usize, before: &str, after: &str) -> String {
    let mut text = String::new();
    for i in 0..n {
        text.extend([before, &i.to_string(), after]);
    }
    text
}

#[test]
fn time_is_linear_in_the_length_of_the_text() {
    let texts: &[(&str, Make)] = &[
        ("unknown commands", |n| "frobnicate --x\n".repeat(n)),
        ("partitions", |n| numbered(n, "part /a", " --size=9 --ondisk=vda\n")),
        ("unknown options in one line", |n| format!("part / {}\n", "--frob ".repeat(n))),
        ("deprecated options in one line", |n| format!("ignoredisk --drives=a {}\n", "--interactive ".repeat(n))),
        ("volumes in one line", |n| format!("volgroup vg0 {}\n", "pv.1 ".repeat(n))),
        ("a list", |n| format!("network --device=a --nameserver={}\n", "x,".repeat(n))),
        ("quotes", |n| format!("lang {}\n", "'a'\"b\"\\c ".repeat(n))),
        ("open quotes", |n| "lang 'x\n".repeat(n)),
        ("sections in sections", |n| "%post\n".repeat(n)),
        ("packages", |n| format!("%packages\n{}%end\n", "@a --nodefaults --optional\n".repeat(n))),
        ("a script", |n| format!("%post\n{}%end\n", "export PASSWORD=password=secret=abcdefghijk\n".repeat(n))),
        ("networks without addresses", |n| numbered(n, "network --device=e", " --noipv4 --noipv6\n")),
        ("suppressed findings", |n| "# rekindle: allow(firewall-disabled) x\nfirewall --disabled\n".repeat(n)),
    ];
    for (what, make) in texts {
        // Linear work takes a second even where everything else is busy; quadratic work takes minutes.
        let text = make(20_000);
        let start = Instant::now();
        lint(&text, Release::Rhel8, &LintOptions::default());
        assert!(start.elapsed() < Duration::from_secs(25), "{what}: {:?} for {} bytes", start.elapsed(), text.len());
    }
}
