//! Asking a person for consent to what destroys. Consent names what it is about, or it is none.

use std::io::BufRead as _;

use super::error::CliError;
use super::screen::{Screen, can_ask};

/// Asks that `word` be typed, after saying what will happen. `yes` is `--yes`; without it and without a terminal nothing is done.
pub(crate) fn ask(screen: Screen, yes: bool, what: &str, word: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !can_ask() {
        return Err(CliError::usage(anyhow::anyhow!("consent is needed and nobody can be asked: {what}"))
            .help("say `--yes` where no terminal is at hand"));
    }
    let paint = screen.err();
    screen.note(&format!("{} {what}\nType `{}` to consent: ", paint.bold("Consent:"), paint.bold(word)));
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    if answer.trim() == word {
        return Ok(());
    }
    Err(CliError::no(anyhow::anyhow!("no consent was given: nothing was done")))
}
