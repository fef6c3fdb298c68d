//! Finds the names that a template uses, with their lines. Not a parser of Tera: Tera has already accepted the text when this
//! looks at it, so it only has to tell a variable's path from a keyword, a filter, a function or an argument.

/// A path such as `disks.root.device` in a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// Line, from 1.
    pub line: usize,
    /// Its parts; never empty.
    pub path: Vec<String>,
}

/// A name that a template gives to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    /// The name.
    pub name: String,
    /// The path of the list that a `for` runs over, where it is a plain path; else unknown.
    pub element_of: Option<Vec<String>>,
}

/// What a template uses and binds.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Uses in order.
    pub uses: Vec<Use>,
    /// Bindings in order.
    pub bindings: Vec<Binding>,
    /// `{% extends %}`: line and name.
    pub extends: Option<(usize, String)>,
}

/// Reads a template.
pub(super) fn names(source: &str) -> Names {
    let mut names = Names::default();
    let mut rest = source;
    let mut line = 1;
    let mut skip = |rest: &mut &str, to: usize| {
        line += rest[..to].matches('\n').count();
        *rest = &rest[to..];
        line
    };
    skip(&mut rest, 0);
    while let Some(open) = rest.find('{') {
        let at = skip(&mut rest, open);
        let close = match rest.as_bytes().get(1) {
            Some(b'#') => "#}",
            Some(b'{') => "}}",
            Some(b'%') => "%}",
            _ => {
                skip(&mut rest, 1);
                continue;
            }
        };
        let end = end_of(rest, close);
        if close != "#}" {
            let inside = &rest[2..end.max(2)];
            let tokens = tokens(inside, at);
            if close == "%}" && tokens.first().is_some_and(|token| token.text == "raw") {
                let after = rest.find("endraw").unwrap_or(rest.len());
                skip(&mut rest, after);
                continue;
            }
            if close == "%}" { statement(&tokens, &mut names) } else { expression(&tokens, &mut names) }
        }
        let past = (end + 2).min(rest.len());
        skip(&mut rest, past);
    }
    names
}

/// Where the tag ends: the first `close` outside of quotes.
pub(super) fn end_of(text: &str, close: &str) -> usize {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 2;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(open), byte) if byte == open => quote = None,
            (None, byte @ (b'"' | b'\'' | b'`')) if close != "#}" => quote = Some(byte),
            (None, _) if bytes[at..].starts_with(close.as_bytes()) => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[derive(Debug)]
struct Token {
    line: usize,
    /// A dotted path, a quoted text with its quotes, or one other character.
    text: String,
}

impl Token {
    fn is_path(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    }
}

fn tokens(text: &str, mut line: usize) -> Vec<Token> {
    let mut all = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((start, c)) = chars.next() {
        if c == '\n' {
            line += 1;
        }
        if c.is_whitespace() {
            continue;
        }
        let begun = line;
        let mut end = start + c.len_utf8();
        if matches!(c, '"' | '\'' | '`') {
            for (at, inner) in chars.by_ref() {
                end = at + inner.len_utf8();
                line += usize::from(inner == '\n');
                if inner == c {
                    break;
                }
            }
        } else if c.is_ascii_alphanumeric() || c == '_' {
            // `a?.b` reads an optional `a`: the path goes on.
            while let Some((at, inner)) = chars.next_if(|(_, n)| n.is_ascii_alphanumeric() || matches!(n, '_' | '.' | '?')) {
                end = at + inner.len_utf8();
            }
        }
        all.push(Token { line: begun, text: text[start..end].to_owned() });
    }
    all
}

fn statement(tokens: &[Token], names: &mut Names) {
    let tokens = tokens.strip_prefix_of("-");
    let Some((keyword, rest)) = tokens.split_first() else { return };
    match keyword.text.as_str() {
        "if" | "elif" => expression(rest, names),
        "set" | "set_global" => {
            if let Some((name, value)) = rest.split_first() {
                names.bindings.push(Binding { name: name.text.clone(), element_of: None });
                expression(value, names);
            }
        }
        "for" => for_loop(rest, names),
        "extends" => {
            names.extends = rest.first().map(|token| (token.line, token.text.trim_matches(['"', '\'', '`']).to_owned()));
        }
        "component" => {
            let arguments = rest.iter().filter(|token| token.is_path());
            names.bindings.extend(arguments.map(|token| Binding { name: token.text.clone(), element_of: None }));
        }
        "filter" => expression(rest.get(1..).unwrap_or_default(), names),
        _ => {}
    }
}

fn for_loop(tokens: &[Token], names: &mut Names) {
    let Some(split) = tokens.iter().position(|token| token.text == "in") else { return };
    let (bound, list) = (&tokens[..split], tokens.get(split + 1..).unwrap_or_default());
    let bound: Vec<&Token> = bound.iter().filter(|token| token.is_path()).collect();
    let list_path = match list {
        [one] | [one, Token { text: _, .. }] if one.is_path() && list.get(1).is_none_or(|next| next.text == "-") => {
            Some(path(&one.text))
        }
        _ => None,
    };
    let element_of = if bound.len() == 1 { list_path } else { None };
    names.bindings.extend(bound.iter().map(|token| Binding { name: token.text.clone(), element_of: element_of.clone() }));
    expression(list, names);
}

/// Words of the language, which are no variables.
const KEYWORDS: [&str; 16] =
    ["and", "or", "not", "is", "in", "if", "else", "for", "true", "True", "false", "False", "none", "None", "null", "loop"];

fn expression(tokens: &[Token], names: &mut Names) {
    for (index, token) in tokens.iter().enumerate() {
        let previous = index.checked_sub(1).map(|before| tokens[before].text.as_str());
        let next = tokens.get(index + 1).map(|after| after.text.as_str());
        let after_next = tokens.get(index + 2).map(|after| after.text.as_str());
        let is_filter_or_test =
            matches!(previous, Some("|" | "is")) || (previous == Some("not") && index >= 2 && tokens[index - 2].text == "is");
        let is_called = next == Some("(");
        let is_argument = next == Some("=") && after_next != Some("=") && matches!(previous, Some("(" | ","));
        let parts = path(&token.text);
        let is_keyword = parts.first().is_some_and(|first| KEYWORDS.contains(&first.as_str()));
        if token.is_path() && !is_filter_or_test && !is_called && !is_argument && !is_keyword {
            names.uses.push(Use { line: token.line, path: parts });
        }
    }
}

fn path(text: &str) -> Vec<String> {
    text.split('.').map(|part| part.trim_end_matches('?').to_owned()).collect()
}

trait StripPrefixOf {
    /// The tokens without a first one of this text.
    fn strip_prefix_of(&self, text: &str) -> &Self;
}

impl StripPrefixOf for [Token] {
    fn strip_prefix_of(&self, text: &str) -> &Self {
        match self.split_first() {
            Some((first, rest)) if first.text == text => rest,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[(usize, &str)]) {
        let found = names(source);
        let uses: Vec<(usize, String)> = found.uses.iter().map(|used| (used.line, used.path.join("."))).collect();
        let uses: Vec<(usize, &str)> = uses.iter().map(|(line, path)| (*line, path.as_str())).collect();
        assert_eq!(uses, expected, "{source:?}");
    }

    #[test]
    fn variables_are_told_from_everything_else_in_a_tag() {
        check("a {{ b.c | ks }} { d }", &[(1, "b.c")]);
        check("{{ a | join(sep=b, x='c.d }}') }}\n{{- e }}", &[(1, "a"), (1, "b"), (2, "e")]);
        check("{%- if a is defined and b is not starting_with(pat=\"x\") or not c -%}", &[(1, "a"), (1, "b"), (1, "c")]);
        check("{% for x in a.b %}{{ x.c }}{{ loop.first }}{% endfor %}", &[(1, "a.b"), (1, "x.c")]);
        check("{# {{ no }} #}{% raw %}{{ no }}{% endraw %}{{ yes }}", &[(1, "yes")]);
        check("{% set x = y.z %}\n\n{{ throw(message=m) }}", &[(1, "y.z"), (3, "m")]);
        check("{% block a %}{% include \"b\" %}{% endblock a %}${x#y} {{ a == b }}", &[(1, "a"), (1, "b")]);
        check("{{ vm?.team or 1.5 }}{{ a['k.l'] }}", &[(1, "vm.team"), (1, "a")]);
    }

    #[test]
    fn a_loop_variable_stands_for_an_element() {
        let found = names("{% for x in a.b -%}{% for k, v in m | pairs %}{% set y = 1 %}");
        let bound: Vec<(&str, Option<String>)> =
            found.bindings.iter().map(|b| (b.name.as_str(), b.element_of.as_ref().map(|path| path.join(".")))).collect();
        assert_eq!(bound, [("x", Some("a.b".to_owned())), ("k", None), ("v", None), ("y", None)]);
    }

    #[test]
    fn broken_text_is_read_to_its_end() {
        for text in ["{{", "{%", "{{ 'a", "{% raw %}", "{", "{{ a.", "{% for %}", "{#", "{{é}}", "{% for x in %}"] {
            names(text);
        }
    }
}
