//! `realm`, which reads its line itself, in the manner of `getopt`.

use super::{Call, State};
use crate::check::Sink;
use crate::lexer::{Comments, split};
use crate::source::Span;

/// Long options of `realm join`, and whether they take an argument.
const OPTIONS: &[(&str, bool)] = &[
    ("client-software", true),
    ("server-software", true),
    ("membership-software", true),
    ("one-time-password", true),
    ("no-password", false),
    ("computer-ou", true),
];

pub(super) fn check<'d>(call: &Call<'_, 'd, '_>, state: &mut State<'d>, sink: &mut Sink<'_>) {
    let span = call.line.name.span;
    if state.has_realm {
        sink.error("duplicate-definition", "`realm join` is given twice", span);
        return;
    }
    // As many bytes as the command has are cut off the front of the line, wherever the command
    // stands in it: a line that starts with space is not understood. Comments are not cut off.
    let line = sink.line_text();
    let rest = line.get(call.line.name.value.len()..).unwrap_or_default().trim();
    let mut words = Vec::new();
    if split(rest, Span::new(0, rest.len()), Comments::Keep, &mut words).is_err() {
        sink.error("unclosed-quote", "a quote is never closed in the arguments of `realm`", span);
        return;
    }
    let words: Vec<&str> = words.iter().map(|word| word.value.as_ref()).collect();
    match words.split_first() {
        None => sink.error("missing-argument", "`realm` needs arguments: `realm join REALM`", span),
        Some((&"join", arguments)) => match join(arguments) {
            Ok(()) => state.has_realm = true,
            Err(message) => sink.error("invalid-value", message, span),
        },
        Some(_) => sink.error("invalid-value", "`realm` knows nothing but `join`; its line must start with `realm`", span),
    }
}

fn join(arguments: &[&str]) -> Result<(), &'static str> {
    let mut left = arguments;
    while let Some((word, rest)) = left.split_first() {
        if !word.starts_with('-') || *word == "-" {
            break;
        }
        left = rest;
        if *word == "--" {
            break;
        }
        let Some(option) = word.strip_prefix("--") else {
            return Err("`realm join` has no short options");
        };
        let (name, value) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
        let mut meant = OPTIONS.iter().filter(|(known, _)| known.starts_with(name));
        let exact = OPTIONS.iter().find(|(known, _)| *known == name);
        let takes_value = match (exact, meant.next(), meant.next()) {
            (Some(option), _, _) | (None, Some(option), None) => option.1,
            (None, None, _) => return Err("`realm join` does not know one of these options"),
            (None, Some(_), Some(_)) => return Err("an option of `realm join` is cut too short"),
        };
        match (takes_value, value) {
            (true, None) => match left.split_first() {
                Some((_, rest)) => left = rest,
                None => return Err("an option of `realm join` needs an argument"),
            },
            (false, Some(_)) => return Err("an option of `realm join` takes no argument"),
            _ => {}
        }
    }
    if left.len() == 1 { Ok(()) } else { Err("`realm join` needs one realm, after its options") }
}
