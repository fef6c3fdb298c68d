//! Says in words how a line does not fit its command's options.

use crate::argparse::Misfit;
use crate::check::{Line, Sink};
use crate::diagnostic::Severity::{Error, Warning};
use crate::diagnostic::{Applicability, Fix};
use crate::grammar::{Count, OptionRow};
use crate::release::Release;
use crate::source::Span;
use crate::suggest::nearest;

/// The most words of one line that are reported one by one.
const MOST_EXTRAS: usize = 8;

/// Reports why the words do not fit.
pub(crate) fn report(line: &Line<'_, '_>, misfit: Misfit, sink: &mut Sink<'_>) {
    let command = line.row.name;
    let (code, message, word, help) = match misfit {
        Misfit::Ambiguous { word } => {
            let typed = option_name(&line.arguments[word].value);
            let meant: Vec<&str> = names(line).filter(|name| name.starts_with(typed)).collect();
            (
                "ambiguous-option",
                format!("`{typed}` could be several options of `{command}`"),
                word,
                Some(format!("write one of {}", meant.join(", "))),
            )
        }
        Misfit::NoArgument { word, option } => (
            "missing-argument",
            format!("option `{option}` of `{command}` needs an argument"),
            word,
            Some(format!("write `{option}=VALUE`")),
        ),
        Misfit::UnwantedArgument { word, option } => (
            "unexpected-argument",
            format!("option `{option}` of `{command}` takes no argument"),
            word,
            Some(format!("write `{option}`")),
        ),
        Misfit::NotAnInt { word, option } => {
            ("invalid-integer", format!("`{option}` of `{command}` takes a whole number"), word, None)
        }
        Misfit::NotABool { word, option } => (
            "invalid-boolean",
            format!("`{option}` of `{command}` takes on or off"),
            word,
            Some("yes, no, true, false, 1 and 0 mean the same".to_owned()),
        ),
        Misfit::NotAChoice { word, row } => (
            "invalid-choice",
            format!("`{}` of `{command}` does not take this value", shown(row)),
            word,
            Some(format!("it takes {}", row.choices.join(", "))),
        ),
        Misfit::Missing { row } => {
            let what = if row.names.is_empty() { "argument" } else { "option" };
            ("missing-option", format!("`{command}` needs the {what} `{}`", shown(row)), usize::MAX, None)
        }
    };
    sink.push(Error, code, message, line.span(word), help);
}

/// Reports the words that no option and no positional argument took.
pub(crate) fn report_extras(line: &Line<'_, '_>, extras: &[usize], sink: &mut Sink<'_>) {
    let command = line.row.name;
    for word in extras.iter().copied().take(MOST_EXTRAS) {
        let text = &line.arguments[word].value;
        if !text.starts_with('-') {
            // The word itself may be a password and is not repeated.
            let message = format!("`{command}` does not take this argument");
            let help = if takes_words(line) { None } else { Some(format!("`{command}` takes no arguments besides its options")) };
            sink.push(Error, "unexpected-argument", message, line.span(word), help);
            continue;
        }
        let typed = option_name(text);
        let elsewhere = line.row.options.iter().find(|row| row.names.contains(&typed));
        let meant = if elsewhere.is_none() && sink.may_guess() { nearest(typed, names(line)) } else { None };
        let (code, help) = match (elsewhere, meant) {
            (Some(row), _) if was_there(row, line.release) => {
                ("removed-option", Some(format!("it is gone; {} had it", row.releases.names())))
            }
            (Some(row), _) => ("unknown-option", Some(format!("{} does not have it; {} do", line.release, row.releases.names()))),
            (None, Some(known)) => ("unknown-option", Some(format!("did you mean `{known}`?"))),
            (None, None) => ("unknown-option", None),
        };
        let message = format!("unknown option `{typed}` of `{command}` for {}", line.release);
        let span = line.span(word);
        sink.push(Error, code, message, span, help);
        // Only where the word stands in the text as it was read, without quotes.
        if let Some(known) = meant.filter(|_| span.of(sink.text()).starts_with(typed)) {
            sink.fix(Fix::replace(Span::new(span.start, span.start + typed.len()), known, Applicability::Unsafe));
        }
    }
}

/// Whether an earlier release of the same family had the option.
fn was_there(row: &OptionRow, release: Release) -> bool {
    row.releases.iter().any(|known| known.is_rhel() == release.is_rhel() && known < release)
}

/// Reports an option that does nothing any more.
pub(crate) fn deprecated_option(line: &Line<'_, '_>, row: &OptionRow, word: usize, sink: &mut Sink<'_>) {
    let message = format!("option `{}` of `{}` is deprecated in {}", shown(row), line.row.name, line.release);
    sink.push(Warning, "deprecated-option", message, line.span(word), Some("remove it".to_owned()));
    let stands_alone = row.count == Count::Zero || line.arguments[word].value.contains('=');
    if stands_alone {
        sink.fix(Fix::remove_word(sink.text(), line.span(word), Applicability::Safe));
    }
}

/// The options of the line's command in its release.
fn names<'l>(line: &'l Line<'_, '_>) -> impl Iterator<Item = &'static str> + 'l {
    let here = line.row.options.iter().filter(|row| row.releases.has(line.release));
    here.flat_map(|row| row.names.iter().copied())
}

fn takes_words(line: &Line<'_, '_>) -> bool {
    let here = |row: &&OptionRow| row.releases.has(line.release) && row.count != Count::Zero;
    line.row.positionals.iter().any(|row| here(&row))
}

fn shown(row: &OptionRow) -> &'static str {
    row.names.first().copied().unwrap_or(row.dest)
}

/// `--name` of `--name=value`, short enough to be shown.
fn option_name(word: &str) -> &str {
    let name = word.split('=').next().unwrap_or(word);
    let cut = name.char_indices().nth(40).map_or(name.len(), |(at, _)| at);
    let cut = name.find(char::is_control).unwrap_or(cut).min(cut);
    &name[..cut]
}
