//! Verdicts of pykickstart, frozen by `kickstart/parity/parity.py --freeze`, for machines without Python.

use kickstart::{Release, check};

const FROZEN: &str = include_str!("../parity/verdicts.txt");

#[test]
fn verdicts_are_those_of_pykickstart() {
    let mut cases = 0;
    for (number, line) in FROZEN.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
        let mut fields = line.splitn(3, ' ');
        let verdict = fields.next().expect("a verdict");
        let release: Release = fields.next().and_then(|name| name.parse().ok()).expect("a release");
        let text = unescape(fields.next().expect("a document"));
        let report = check(&text, release);
        let ours = match (report.is_ok(), report.is_deprecated()) {
            (false, _) => "R",
            (true, true) => "D",
            (true, false) => "A",
        };
        assert_eq!(ours, verdict, "line {}: {release} {text:?}: {:?}", number + 1, report.diagnostics());
        cases += 1;
    }
    assert!(cases >= 500, "only {cases} frozen verdicts");
}

/// Undoes Python's `unicode_escape`.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let kind = chars.next().expect("something after a backslash");
        let digits = match kind {
            'n' => {
                out.push('\n');
                continue;
            }
            'r' => {
                out.push('\r');
                continue;
            }
            't' => {
                out.push('\t');
                continue;
            }
            '\\' => {
                out.push('\\');
                continue;
            }
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => panic!("unknown escape \\{other}"),
        };
        let code: String = chars.by_ref().take(digits).collect();
        let code = u32::from_str_radix(&code, 16).expect("hexadecimal digits");
        out.push(char::from_u32(code).expect("a character"));
    }
    out
}
