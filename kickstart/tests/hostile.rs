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

#[test]
fn what_the_fuzzer_found_once_stays_mended() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut files = 0;
    for entry in std::fs::read_dir(&corpus).expect("the corpus") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        match kickstart::decode(&bytes) {
            Ok(text) => Release::ALL.into_iter().for_each(|release| use_all(text, release)),
            Err(found) => assert_eq!(found.code, "not-utf-8"),
        }
        files += 1;
    }
    assert!(files >= 20, "only {files} files in {}", corpus.display());
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

/// What is wrong with the shape of a file, the first code and where it is. Each of these must end in linear time, without a panic.
#[test]
fn bad_input_is_reported_with_its_place() {
    let megabyte = "x".repeat(1 << 20);
    let cases: &[(&str, Vec<u8>, &str)] = &[
        ("not UTF-8", b"text\nlang \xff\n".to_vec(), "not-utf-8 2:6"),
        ("UTF-16", b"\xff\xfet\0e\0x\0t\0".to_vec(), "not-utf-8 1:1"),
        ("a byte order mark", "\u{feff}text\n".into(), "unknown-command 1:1"),
        ("NUL", b"text\nlang e\0n_US.UTF-8\0\n\0\n".to_vec(), "unknown-command 3:1"),
        ("CR LF", b"text\r\nlagn en_US\r\n".to_vec(), "unknown-command 2:1"),
        ("CR alone", b"text\rlagn en_US\r".to_vec(), "unknown-command 2:1"),
        ("no last newline", b"text\nlagn".to_vec(), "unknown-command 2:1"),
        ("nothing", Vec::new(), "empty-kickstart 1:1"),
        ("blank lines alone", b"\n \n\t\n".to_vec(), "empty-kickstart 1:1"),
        ("an open quote", b"text\nlang \"en_US\nzerombr\n".to_vec(), "unclosed-quote 2:6"),
        ("a backslash at the end", b"lang en_US\\".to_vec(), "lone-backslash 1:11"),
        ("an open section", b"text\n%post\necho\n".to_vec(), "unclosed-section 2:1"),
        ("an open section without a body", b"%packages".to_vec(), "unclosed-section 1:1"),
        ("a section in a section", b"%post\necho\n%packages\n%end\n".to_vec(), "section-in-section 3:1"),
        ("an end too many", b"%post\n%end\n%end\n".to_vec(), "stray-end 3:1"),
        ("an unknown section", b"text\n%psot\n%end\n".to_vec(), "unknown-section 2:1"),
        ("an include of nothing", b"text\n%include\n".to_vec(), "include-without-file 2:1"),
        ("a command of 1 MB", megabyte.clone().into(), "unknown-command 1:1"),
        ("an option of 1 MB", format!("part / --{megabyte}=1\n").into(), "unknown-option 1:8"),
        ("a value of 1 MB", format!("part / --size={megabyte}\n").into(), "invalid-integer 1:8"),
        ("a quote of 1 MB", format!("lang '{megabyte}\n").into(), "unclosed-quote 1:6"),
        ("many lines", "frob\n".repeat(100_000).into(), "unknown-command 1:1"),
        ("many open sections", "%post\n".repeat(100_000).into(), "section-in-section 2:1"),
        ("many words", format!("rootpw {}\n", "a ".repeat(100_000)).into(), "unexpected-argument 1:10"),
    ];
    for (what, bytes, expected) in cases {
        let start = Instant::now();
        let found = match kickstart::decode(bytes) {
            Ok(text) => {
                assert_eq!(parse(text).0.write(), text, "{what}");
                lint(text, Release::Rhel9, &LintOptions::default());
                format(text, Release::Rhel9);
                check(text, Release::Rhel9).errors().next().map(|found| format!("{} {}:{}", found.code, found.line, found.column))
            }
            Err(found) => Some(format!("{} {}:{}", found.code, found.line, found.column)),
        };
        assert_eq!(found.as_deref(), Some(*expected), "{what}");
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: {:?} for {} bytes", start.elapsed(), bytes.len());
    }
}

#[test]
fn a_file_that_includes_itself_is_read_once() {
    let text = "#version=RHEL9\ntext\n%include self.ks\n";
    let report = lint(text, Release::Rhel9, &LintOptions::default());
    assert!(report.is_ok(), "{report:?}");
    assert!(report.diagnostics().iter().any(|found| found.code == "include-not-written" && found.line == 3), "{report:?}");
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
