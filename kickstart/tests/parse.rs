//! The parser: lossless, places right, never fails.

use kickstart::{ItemKind, SectionKind, parse};

#[track_caller]
fn check_parse(text: &str, codes: &[(&str, usize, usize)]) {
    let (document, diagnostics) = parse(text);
    assert_eq!(document.write(), text, "lossless");
    let found: Vec<_> = diagnostics.iter().map(|d| (d.code, d.line, d.column)).collect();
    assert_eq!(found, codes, "{text:?}");
}

#[test]
fn every_text_is_written_back_byte_for_byte() {
    for text in [
        "",
        "\n\n",
        "text\r\n# c\r\n\r\nlang en_US\r\n",
        "%post --log=/x\necho '%end'\n  %end\ntext",
        "a\u{b}b\u{2028}c\u{85}d",
        "part / 'x\n%packages\n@core\n",
        "%pre\n%post\n%end\n%end\n\\",
        "\u{0}\u{feff}x \"\\",
    ] {
        let (document, _) = parse(text);
        assert_eq!(document.write(), text);
    }
}

#[test]
fn what_is_wrong_with_the_shape_has_a_place() {
    check_parse("text\n", &[]);
    check_parse(" \n\n", &[("empty-kickstart", 1, 1)]);
    check_parse("lang 'en\n", &[("unclosed-quote", 1, 6)]);
    check_parse("text\nlang en\\", &[("lone-backslash", 2, 8)]);
    check_parse("''\n", &[("empty-command", 1, 1)]);
    check_parse("%end\n", &[("stray-end", 1, 1)]);
    check_parse("text\n%pakages\n%end\n", &[("unknown-section", 2, 1)]);
    check_parse("%post\necho\n", &[("unclosed-section", 1, 1)]);
    check_parse("%post\n%pre\n%end\n", &[("section-in-section", 2, 1)]);
    check_parse("%include\n", &[("include-without-file", 1, 1)]);
    check_parse("%ksappend\n", &[("append-without-address", 1, 1)]);
    check_parse("%post\n%end 'x\n%end\n", &[("unclosed-quote", 2, 6)]);
    check_parse("%post\n%include\n%end\n", &[("include-without-file", 2, 1)]);
}

#[test]
fn script_lines_that_start_with_a_percent_sign_stay_in_the_script() {
    check_parse("%post\n%foo\n%ksappend\n\t%%\n%end # done\ntext\n", &[]);
}

#[test]
fn sections_know_their_body_and_its_first_line() {
    let text = "text\n%packages --nocore\n@core\nvim\n%end\nreboot\n";
    let (document, _) = parse(text);
    let (item, section) = document.sections().next().expect("a section");
    assert_eq!((item.line, section.body_line), (2, 3));
    assert_eq!(section.kind, SectionKind::Packages);
    assert_eq!(section.body.of(text), "@core\nvim\n");
    assert_eq!(section.end.map(|end| end.of(text)), Some("%end\n"));
    assert_eq!(document.words(section.header).len(), 2);
    let last = document.items().last().expect("reboot");
    assert!(matches!(last.kind, ItemKind::Command(_)));
    assert_eq!(last.line, 6);
}

#[test]
fn a_million_short_lines_and_one_long_line_are_read_in_linear_time() {
    let short = "x\n".repeat(1_000_000);
    let (document, diagnostics) = parse(&short);
    assert_eq!((document.items().len(), diagnostics.len()), (1_000_000, 0));
    let long = "x".repeat(10_000_000);
    let (document, _) = parse(&long);
    assert_eq!(document.items().len(), 1);
}
