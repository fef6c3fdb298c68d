//! Which line of which template a byte of a rendered text came from.
//!
//! Called when a rendered kickstart is refused, and never before: the templates are compiled once more with a mark at every piece
//! of their text, rendered once more, and the marks are taken out again. What comes out must be the refused text byte for byte; a
//! template that looks at its own text (a captured block that is compared, say) can prevent that, and then nothing is said about
//! lines. The bytes that a VM is given are never touched by any of this.

use tera::{Context, Tera};

use super::scan::end_of;
use super::{functions, shipped};

/// Characters of the private use area: no kickstart holds them, and no template trims them.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';

/// Templates with marks.
pub(super) struct Marked {
    tera: Tera,
    /// Template and line of each mark.
    places: Vec<(usize, usize)>,
}

/// Where the pieces of a rendered text came from.
pub(super) struct Origins<'m> {
    marked: &'m Marked,
    /// Byte of the text and the mark that stands before it, in order.
    marks: Vec<(usize, usize)>,
}

impl Marked {
    /// Compiles `templates` (name and text) with marks; none if they do not compile so.
    pub(super) fn new(templates: &[(String, String)]) -> Option<Self> {
        let mut places = Vec::new();
        let marked: Vec<(&str, String)> =
            templates.iter().enumerate().map(|(index, (name, text))| (name.as_str(), mark(text, index, &mut places))).collect();
        let mut tera = Tera::new();
        functions::register(&mut tera);
        tera.set_fallback_prefixes([shipped::PREFIX]).ok()?;
        tera.add_raw_templates(marked).ok()?;
        Some(Self { tera, places })
    }

    /// Renders again, and says where the pieces of `text` came from.
    pub(super) fn origins(&self, template: &str, context: &Context, text: &str) -> Option<Origins<'_>> {
        let rendered = self.tera.render(template, context).ok()?;
        let (bare, marks) = strip(&rendered)?;
        // The renderer ends every text with a line break.
        (bare.trim_end_matches('\n') == text.trim_end_matches('\n')).then_some(Origins { marked: self, marks })
    }
}

impl Origins<'_> {
    /// The template (by its index) and the line, from 1, that byte `at` came from.
    pub(super) fn of(&self, at: usize) -> Option<(usize, usize)> {
        let after = self.marks.partition_point(|(byte, _)| *byte <= at);
        let (_, mark) = self.marks.get(after.checked_sub(1)?)?;
        self.marked.places.get(*mark).copied()
    }
}

/// The template with a mark before the first character of its text in each line and after each tag, and before each value that does
/// not trim what is before it. A mark stands beside something that is no space already, so that nothing is trimmed that was not.
fn mark(source: &str, template: usize, places: &mut Vec<(usize, usize)>) -> String {
    let mut out = String::with_capacity(source.len() * 2);
    let mut rest = source;
    let mut line = 1;
    let mut put_mark = |out: &mut String, line: usize| {
        out.extend([OPEN.to_string(), places.len().to_string(), CLOSE.to_string()]);
        places.push((template, line));
    };
    let put_text = |out: &mut String, text: &str, line: &mut usize, put_mark: &mut dyn FnMut(&mut String, usize)| {
        for piece in text.split_inclusive('\n') {
            let bare = piece.trim_start();
            if bare.is_empty() {
                out.push_str(piece);
            } else {
                out.push_str(&piece[..piece.len() - bare.len()]);
                put_mark(out, *line);
                out.push_str(bare);
            }
            *line += usize::from(piece.ends_with('\n'));
        }
    };
    while let Some(open) = next_tag(rest) {
        put_text(&mut out, &rest[..open], &mut line, &mut put_mark);
        rest = &rest[open..];
        let close = match rest.as_bytes()[1] {
            b'#' => "#}",
            b'{' => "}}",
            _ => "%}",
        };
        let end = (end_of(rest, close) + 2).min(rest.len());
        let (tag, after) = rest.split_at(end);
        if close == "}}" && !tag.starts_with("{{-") {
            put_mark(&mut out, line);
        }
        out.push_str(tag);
        line += tag.matches('\n').count();
        rest = after;
        let keyword = tag.trim_start_matches(['{', '%', '-', ' ', '\n']);
        if close == "%}" && keyword.starts_with("raw") {
            let end = rest.find("endraw").and_then(|at| rest[..at].rfind("{%")).unwrap_or(rest.len());
            put_text(&mut out, &rest[..end], &mut line, &mut put_mark);
            rest = &rest[end..];
        }
    }
    put_text(&mut out, rest, &mut line, &mut put_mark);
    out
}

/// Where the next `{{`, `{%` or `{#` is.
fn next_tag(text: &str) -> Option<usize> {
    text.as_bytes().windows(2).position(|pair| pair[0] == b'{' && matches!(pair[1], b'{' | b'%' | b'#'))
}

/// The text without its marks, and where they were.
fn strip(text: &str) -> Option<(String, Vec<(usize, usize)>)> {
    let mut bare = String::with_capacity(text.len());
    let mut marks = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        bare.push_str(before);
        let (number, after) = after.split_once(CLOSE)?;
        marks.push((bare.len(), number.parse().ok()?));
        rest = after;
    }
    bare.push_str(rest);
    Some((bare, marks))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Renders `t`, which may use the partial `p` and the parent `b`; each line is `template:line text`.
    #[track_caller]
    fn check(template: &str, expected: &[&str]) {
        let parent = "head\n{% block one %}\none of base\n{% endblock %}\n{%- block two %}\ntwo of base\n{%- endblock %}\ntail\n";
        let partial = "first of p\n{%- if v %}\n  second {{ v }}\n{%- endif %}\n";
        let templates: Vec<(String, String)> = [("t.tera", template), ("p.tera", partial), ("b.tera", parent)]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .to_vec();
        let mut tera = Tera::new();
        functions::register(&mut tera);
        tera.add_raw_templates(templates.clone()).unwrap();
        let mut context = Context::new();
        context.insert("v", "value");
        context.insert("list", &["a", "b"]);
        let text = tera.render("t.tera", &context).unwrap();
        let marked = Marked::new(&templates).unwrap();
        let origins = marked.origins("t.tera", &context, &text).expect("the same bytes");
        let mut found = Vec::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at + line.len() - line.trim_start().len();
            if !line.trim().is_empty() {
                let (template, number) = origins.of(start).expect("an origin");
                found.push(format!("{}:{number} {}", &templates[template].0[..1], line.trim()));
            }
            at += line.len();
        }
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn lines_of_includes_parents_blocks_and_loops_are_found() {
        check("a\n  b {{ v }}\n\n{{ v }}\n", &["t:1 a", "t:2 b value", "t:4 value"]);
        check("a\n{% include \"p.tera\" %}\nb\n", &["t:1 a", "p:1 first of p", "p:3 second value", "t:3 b"]);
        check(
            "{%- extends \"b.tera\" %}\n{%- block two %}\nmine\n{%- endblock %}",
            &["b:1 head", "b:3 one of base", "t:3 mine", "b:8 tail"],
        );
        check("{% for x in list -%}\n  item {{ x }}\n{% endfor -%}\nend\n", &["t:2 item a", "t:2 item b", "t:4 end"]);
        check("{# no\n #}a\n{% raw %}{{ b }}\nc{% endraw %}\nd", &["t:2 a", "t:3 {{ b }}", "t:4 c", "t:5 d"]);
        check("{% set y = v -%}\nnetwork\n{%- if v %} --ip={{ y }}\n{%- endif %}\n", &["t:2 network --ip=value"]);
    }

    #[test]
    fn every_shipped_template_compiles_with_marks() {
        let templates: Vec<(String, String)> =
            shipped::TEMPLATES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert!(Marked::new(&templates).is_some());
    }

    #[test]
    fn a_template_that_looks_at_its_own_text_has_no_origins() {
        let templates =
            vec![("t.tera".to_owned(), "{% set x %}ab{% endset %}{% if x == \"ab\" %}same{% else %}other{% endif %}".to_owned())];
        let marked = Marked::new(&templates).unwrap();
        assert!(marked.origins("t.tera", &Context::new(), "same\n").is_none());
    }
}
