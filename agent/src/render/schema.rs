//! The names that templates can use, read from the source of `context.rs`: one list for the compiler, for the check of a site's
//! templates and for `docs/template-variables.md`.
//!
//! The source is in one plain form (`pub struct`, doc comments, `pub field: Type`), which a test holds it to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text, a number, a truth value.
    Scalar(String),
    /// A structure of this name.
    Struct(String),
    /// A list of something.
    List(Box<Kind>),
    /// Not known here; anything may be asked of it.
    Unknown,
}

#[derive(Debug)]
struct Field {
    name: String,
    kind: Kind,
    can_be_none: bool,
    doc: String,
}

#[derive(Debug)]
struct Structure {
    doc: String,
    fields: Vec<Field>,
}

/// All structures by name; `Variables` is the root.
#[derive(Debug)]
pub(super) struct Schema {
    structures: BTreeMap<String, Structure>,
    order: Vec<String>,
}

/// The root structure.
const ROOT: &str = "Variables";

impl Schema {
    /// The schema of `context.rs`.
    pub(super) fn new() -> Self {
        Self::parse(include_str!("context.rs"))
    }

    fn parse(source: &str) -> Self {
        let mut schema = Self { structures: BTreeMap::new(), order: Vec::new() };
        let mut doc = String::new();
        let mut current: Option<String> = None;
        for line in source.lines().map(str::trim) {
            if let Some(text) = line.strip_prefix("///") {
                if !doc.is_empty() {
                    doc.push(' ');
                }
                doc.push_str(text.trim());
            } else if let Some(name) = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
                let structure = Structure { doc: std::mem::take(&mut doc), fields: Vec::new() };
                schema.structures.insert(name.to_owned(), structure);
                schema.order.push(name.to_owned());
                current = Some(name.to_owned());
            } else if let Some((name, kind)) = field(line) {
                let (kind, can_be_none) = kind_of(kind);
                let field = Field { name: name.to_owned(), kind, can_be_none, doc: std::mem::take(&mut doc) };
                if let Some(structure) = current.as_ref().and_then(|name| schema.structures.get_mut(name)) {
                    structure.fields.push(field);
                }
            } else if line == "}" {
                current = None;
            }
        }
        schema
    }

    /// What the top-level variable `name` is; none: there is no such variable.
    pub(super) fn variable(&self, name: &str) -> Option<Kind> {
        self.field(&Kind::Struct(ROOT.to_owned()), name)
    }

    /// What the field `name` of a `kind` is; none: it has no such field.
    pub(super) fn field(&self, kind: &Kind, name: &str) -> Option<Kind> {
        match kind {
            Kind::Struct(structure) => {
                let structure = self.structures.get(structure)?;
                structure.fields.iter().find(|field| field.name == name).map(|field| field.kind.clone())
            }
            Kind::Unknown => Some(Kind::Unknown),
            Kind::Scalar(_) | Kind::List(_) => None,
        }
    }

    /// The names that a `kind` has; for the root, the variables.
    pub(super) fn names(&self, kind: Option<&Kind>) -> Vec<&str> {
        let structure = match kind {
            None => ROOT,
            Some(Kind::Struct(name)) => name,
            Some(_) => return Vec::new(),
        };
        self.structures.get(structure).map(|s| s.fields.iter().map(|f| f.name.as_str()).collect()).unwrap_or_default()
    }

    /// The reference for people: `docs/template-variables.md`.
    pub(super) fn markdown(&self) -> String {
        let mut text = INTRODUCTION.to_owned();
        for name in &self.order {
            let Some(structure) = self.structures.get(name) else { continue };
            let title = if name == ROOT { "Variables".to_owned() } else { format!("`{name}`") };
            let _ = write!(text, "\n## {title}\n\n{}\n\n| name | is | |\n|---|---|---|\n", structure.doc);
            for field in &structure.fields {
                let none = if field.can_be_none { ", or none" } else { "" };
                let _ =
                    writeln!(text, "| `{}` | {}{none} | {} |", field.name, describe(&field.kind), field.doc.replace('|', "\\|"));
            }
        }
        text
    }
}

const INTRODUCTION: &str = "\
# Template variables

<!-- Generated from agent/src/render/context.rs: `REKINDLE_BLESS=1 cargo test -p rekindle-tests reference_of_variables`. -->

What a kickstart template (`NAME.ks.tera`, in a site's `templates/` or shipped) can use. Every variable is there in every
rendering; what does not apply is none or empty. A template that names anything else is refused when the site is read.

Values are printed by three means, and anything else fails the rendering:

| written as | for |
|---|---|
| `{{ value }}` | a plain word: letters, digits and `._-/:@+=,` |
| `{{ value \\| ks }}` | one word of a kickstart command, quoted where needed |
| `{{ value \\| sh }}` | one word of a shell command, quoted where needed |

A template of a site usually extends a shipped one and overrides blocks: `header`, `commands`, `end`, `network`, `storage`,
`bootloader`, `extra_commands`, `packages`, `pre`, `pre_install`, `post`, `sections`, `onerror`. The blocks `pre`, `pre_install`
and `post` are shell code within a script that reports its own failure; `sections` is for whole sections of one's own. A site's
file of the same name as a shipped one takes its place, and can still extend it as `shipped/NAME.ks.tera`.
";

/// `pub name: Type,`
fn field(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("pub ")?.strip_suffix(',')?.split_once(": ")
}

/// The kind, and whether it can be none.
fn kind_of(text: &str) -> (Kind, bool) {
    let inner = |outer: &str| text.strip_prefix(outer).and_then(|rest| rest.strip_suffix('>'));
    if let Some(inner) = inner("Option<") {
        return (kind_of(inner).0, true);
    }
    if let Some(inner) = inner("Vec<") {
        return (Kind::List(Box::new(kind_of(inner).0)), false);
    }
    let kind = match text {
        "String" => Kind::Scalar("text".to_owned()),
        "bool" => Kind::Scalar("true or false".to_owned()),
        "u8" | "u16" | "u32" | "u64" => Kind::Scalar("a number".to_owned()),
        structure => Kind::Struct(structure.to_owned()),
    };
    (kind, false)
}

fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Scalar(name) => name.clone(),
        Kind::Struct(name) => format!("[`{name}`](#{})", name.to_ascii_lowercase()),
        Kind::List(inner) => format!("a list of {}", describe(inner)),
        Kind::Unknown => "anything".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_every_structure_is_read_with_its_comment() {
        let schema = Schema::new();
        let declared = include_str!("context.rs").lines().filter(|line| line.starts_with("    pub ")).count();
        let read: usize = schema.structures.values().map(|structure| structure.fields.len()).sum();
        assert_eq!(read, declared);
        for (name, structure) in &schema.structures {
            assert!(!structure.doc.is_empty(), "{name}");
            for field in &structure.fields {
                assert!(!field.doc.is_empty(), "{name}.{}", field.name);
                let mut kind = &field.kind;
                while let Kind::List(inner) = kind {
                    kind = inner;
                }
                if let Kind::Struct(inner) = kind {
                    assert!(schema.structures.contains_key(inner), "{name}.{}: {inner}", field.name);
                }
            }
        }
    }

    #[test]
    fn paths_lead_through_structures() {
        let schema = Schema::new();
        let disks = schema.variable("disks").unwrap();
        let root = schema.field(&disks, "root").unwrap();
        assert!(matches!(schema.field(&root, "swap_mib"), Some(Kind::Scalar(_))));
        assert_eq!(schema.field(&root, "swap"), None);
        assert_eq!(schema.variable("disk"), None);
    }
}
