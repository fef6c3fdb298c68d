//! Files edited at random: loading never panics, and a report always has a place that exists.

use std::fs;

use proptest::prelude::*;

use super::{GOOD, TestSite};

/// One edit: which file, where, how many bytes go, and what comes instead.
type Edit = (prop::sample::Index, prop::sample::Index, usize, &'static str);

fn edit() -> impl Strategy<Value = Edit> {
    const PIECES: &[&str] = &[
        "",
        "\n",
        "\"",
        "'",
        "[",
        "]",
        "[[",
        "{",
        "}",
        "=",
        ",",
        "#",
        "\"\"\"",
        "\\",
        "\r\n",
        "é",
        "\u{202e}",
        "0",
        "true",
        "a.b = 1\n",
    ];
    (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..12, prop::sample::select(PIECES))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn edited_files_never_panic_and_every_mistake_has_a_place_that_exists(edits in prop::collection::vec(edit(), 1..4)) {
        let site = TestSite::good();
        for (file, at, gone, piece) in edits {
            let path = site.dir.join(GOOD[file.index(GOOD.len())].0);
            let text = fs::read_to_string(&path).expect("the file");
            let mut at = at.index(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let mut end = (at + gone).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            fs::write(&path, format!("{}{piece}{}", &text[..at], &text[end..])).expect("written");
        }
        if let Err(errors) = rekindle::site::load(&site.dir) {
            prop_assert!(!errors.errors().is_empty());
            let shows_control = errors.to_string().contains('\u{202e}');
            prop_assert!(!shows_control);
            for error in errors.errors() {
                let Some((line, column)) = error.place else { continue };
                let text = fs::read_to_string(&error.file).expect("a file that exists");
                let found = text.split('\n').nth(line - 1);
                prop_assert!(found.is_some_and(|found| column <= found.chars().count() + 1), "{}", error);
            }
        }
    }
}
