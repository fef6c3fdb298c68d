//! docs/site.md is true: its examples are one good site, and it knows every key.

use std::collections::BTreeSet;
use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::render::{InstallUrls, Renderer};
use rekindle::site::load;
use rekindle::spec::Token;

use super::TestSite;

fn repository() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

fn manual() -> String {
    fs::read_to_string(repository().join("docs/site.md")).expect("docs/site.md")
}

/// The files of the manual: a path in bold code on a line of its own, then a `toml` fence.
fn examples(manual: &str) -> Vec<(&str, String)> {
    let mut files = Vec::new();
    let mut lines = manual.lines();
    while let Some(line) = lines.next() {
        let Some(path) = line.strip_prefix("**`").and_then(|rest| rest.strip_suffix("`**")) else { continue };
        assert_eq!(lines.next(), Some(""), "after {path}");
        assert_eq!(lines.next(), Some("```toml"), "after {path}");
        let text: String = lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        files.push((path, text));
    }
    files
}

#[test]
fn the_examples_of_the_manual_are_one_good_site() {
    let manual = manual();
    let files = examples(&manual);
    assert!(files.len() >= 13, "only {} examples were found", files.len());
    let site = TestSite::new(files.iter().map(|(path, text)| (*path, text.clone())));
    fs::create_dir_all(site.dir.join("puppet/modules")).expect("a directory");
    fs::create_dir_all(site.dir.join("keys")).expect("a directory");
    fs::write(site.dir.join("keys/build.asc"), "-----BEGIN PGP PUBLIC KEY BLOCK-----\n").expect("a key");
    let spec = load(&site.dir).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(spec.vms.len(), files.iter().filter(|(path, _)| path.starts_with("vms/")).count());
    assert_eq!(spec.vms["db1"].disks[1].size_gib, 500);
    let renderer = Renderer::new(None).expect("the shipped templates");
    let urls = InstallUrls { base: "http://192.0.2.1:8470".to_owned(), token: Token::new([0; 16]), enrolment: None };
    for vm in spec.vms.values() {
        renderer.render_kickstart(&spec, vm, &urls).unwrap_or_else(|error| panic!("{error}"));
    }
    for hypervisor in spec.hypervisors.values() {
        renderer.render_hypervisor(&spec, hypervisor).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn every_key_that_a_file_may_have_is_in_an_example() {
    let manual = manual();
    let examples: String = examples(&manual).into_iter().map(|(_, text)| text).collect();
    let mut keys = BTreeSet::new();
    for entry in repository().join("agent/src/site/file").read_dir_utf8().expect("the readers") {
        let code = fs::read_to_string(entry.expect("an entry").path()).expect("a reader");
        for call in [".get(\"", ".need(\"", ".list(\"", ".table(\"", ".tables(\"", ".get::<HttpUrl>(\"", ".get::<PathText>(\""] {
            keys.extend(
                code.match_indices(call).filter_map(|(at, _)| code[at + call.len()..].split('"').next()).map(str::to_owned),
            );
        }
    }
    assert!(keys.len() > 70, "only {} keys were found: the scan is out of date", keys.len());
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: BTreeSet<&str> = examples
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .flat_map(|line| line.split(|c| !is_word(c)))
        .collect();
    let missing: Vec<&String> = keys.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(missing.is_empty(), "docs/site.md has no example of {missing:?}");
}
