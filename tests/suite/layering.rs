//! Who may import whom in `agent/src`: the table of ARCHITECTURE.md, held by reading the sources.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

/// One row: a module, the modules of the crate that it may name, and outside crates that it must not name.
struct Row {
    module: &'static str,
    may: &'static [&'static str],
    must_not: &'static [&'static str],
}

/// Crates that make a module impure: a format, an executor, a database, libvirt, HTTP.
const IMPURE: &[&str] = &["serde", "tokio", "rusqlite", "virt", "virt_sys", "axum", "hyper", "ureq", "nix"];

/// `cli` and the crate's root may name everything and have no row. `exit` is named by nobody but `cli`.
const TABLE: &[Row] = &[
    Row { module: "spec", may: &[], must_not: IMPURE },
    Row { module: "observed", may: &["spec"], must_not: IMPURE },
    Row { module: "site", may: &["spec"], must_not: &["tokio", "rusqlite", "virt", "axum"] },
    Row { module: "settings", may: &["spec", "site"], must_not: &["tokio", "rusqlite", "virt", "axum"] },
    Row { module: "plan", may: &["spec", "observed"], must_not: IMPURE },
    Row { module: "xml", may: &["spec"], must_not: IMPURE },
    Row { module: "render", may: &["spec", "xml"], must_not: &["tokio", "rusqlite", "virt", "axum", "hyper", "ureq", "nix"] },
    Row { module: "world", may: &["spec", "observed", "xml"], must_not: &["axum"] },
    Row { module: "execute", may: &["spec", "observed", "plan", "render", "world"], must_not: &["axum", "virt", "rusqlite"] },
    Row {
        module: "reconcile",
        may: &["spec", "observed", "site", "plan", "render", "world", "execute", "metrics"],
        must_not: &["axum", "hyper", "virt", "rusqlite"],
    },
    Row { module: "metrics", may: &["spec", "observed", "reconcile"], must_not: &["axum", "virt", "rusqlite"] },
    Row { module: "serve", may: &["spec", "observed", "reconcile", "metrics"], must_not: &["virt", "virt_sys", "rusqlite"] },
];

/// Deviations from the table, each with its reason: (file under `agent/src`, module it names, why).
const DEVIATIONS: &[(&str, &str, &str)] = &[];

/// A file's text up to its tests: tests may name what they like.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod ").map_or(text, |at| &text[..at])
}

/// Modules of the crate that `text` names (`crate::NAME`), comments aside.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let name: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            // A macro or an item of the crate's root has no module.
            if !name.is_empty() && rest[name.len()..].starts_with("::") {
                names.insert(name);
            }
        }
    }
    names
}

/// Whether `text` names the outside crate `name`.
fn names_crate(text: &str, name: &str) -> bool {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| {
        line.match_indices(&format!("{name}::")).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        })
    })
}

fn sources(directory: &Utf8Path, into: &mut Vec<Utf8PathBuf>) {
    for entry in directory.read_dir_utf8().expect("a readable directory") {
        let path = entry.expect("a readable entry").into_path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension() == Some("rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_module_of_the_agent_names_only_what_the_table_allows() {
    let root = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../agent/src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 20, "only {} files under {root}: the test looks in the wrong place", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&root).expect("a file under the root");
        let module = path.iter().next().unwrap_or_default().trim_end_matches(".rs");
        if matches!(module, "cli" | "exit" | "lib" | "main") {
            continue;
        }
        let Some(row) = TABLE.iter().find(|row| row.module == module) else {
            wrong.push(format!("{path}: module `{module}` has no row in the table"));
            continue;
        };
        let text = std::fs::read_to_string(file).expect("a readable file");
        let text = without_tests(&text);
        for name in named(text) {
            let excused = DEVIATIONS.iter().any(|(of, to, _)| path == *of && name == *to);
            if name != module && !row.may.contains(&name.as_str()) && !excused {
                wrong.push(format!("{path}: `{module}` must not name `crate::{name}`"));
            }
        }
        for name in row.must_not.iter().filter(|name| names_crate(text, name)) {
            wrong.push(format!("{path}: `{module}` must not use the crate `{name}`"));
        }
    }
    assert!(wrong.is_empty(), "the layering of ARCHITECTURE.md is broken:\n{}", wrong.join("\n"));
}

#[test]
fn names_are_found_in_imports_and_paths_but_not_in_comments() {
    let text = "use crate::plan::{Plan, Step};\n// use crate::world::World;\nlet x = crate::spec::VmName;\nuse crate::Root;\n";
    assert_eq!(named(text), BTreeSet::from(["plan".to_owned(), "spec".to_owned()]));
    assert!(names_crate("use serde::Serialize;", "serde"));
    assert!(!names_crate("use my_serde::Serialize; // serde is not used", "serde"));
    assert!(!names_crate("crate::world::virt::open()", "virt"));
}
