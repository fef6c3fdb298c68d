//! Hostile text in every string of a site: each one is refused with its file named, whatever the field.

use std::fs;

use super::{GOOD, TestSite};

/// Values that would add a line, a word, a quotation or a template expression somewhere, as written between TOML's quotes.
const HOSTILE: &[&str] = &[
    "a\\nb",
    "%post",
    "a'b",
    "a\\\"b",
    "$(reboot)",
    "`id`",
    "{{ x }}",
    "../../etc/passwd\\u0000",
    "a\\u202Eb",
    "a\\u0007",
    "a\\\\b",
];

/// Strings that only ever travel as data, never as part of a text: Hiera values.
const DATA: &[&str] = &["1.2", "1.3"];

/// Byte ranges of the strings of `toml`, without their quotes: enough of a scanner for the files of `GOOD`, which have neither
/// escapes nor multi-line strings.
fn strings(toml: &str) -> Vec<(usize, usize)> {
    let quotes: Vec<usize> = toml.match_indices('"').map(|(at, _)| at).collect();
    assert!(quotes.len().is_multiple_of(2), "an odd number of quotes in:\n{toml}");
    quotes.chunks(2).map(|pair| (pair[0] + 1, pair[1])).collect()
}

#[test]
fn hostile_text_is_refused_in_every_string_of_every_file() {
    let site = TestSite::good();
    let mut tried = 0;
    for (file, text) in GOOD.iter().filter(|(file, _)| *file != "puppet/hiera.yaml") {
        for (from, to) in strings(text) {
            let good = &text[from..to];
            if DATA.contains(&good) {
                continue;
            }
            for hostile in HOSTILE {
                fs::write(site.dir.join(file), format!("{}{hostile}{}", &text[..from], &text[to..])).expect("written");
                let mistakes = site.mistakes();
                assert!(mistakes.iter().any(|m| m.starts_with(file)), "{hostile:?} for {good:?} in {file}: {mistakes:#?}");
                tried += 1;
            }
        }
        fs::write(site.dir.join(file), text).expect("written");
    }
    assert!(tried > 900, "only {tried} values were tried");
    assert_eq!(site.mistakes(), Vec::<String>::new());
}
