//! Errors of the command line: the exit status they lead to, and how they are printed, once, with causes and the next thing
//! to try.

use std::error::Error;
use std::fmt::Write as _;

use super::screen::Paint;
use crate::exit::Exit;

/// An error on its way to `main`.
#[derive(Debug)]
pub(crate) struct CliError {
    exit: Exit,
    error: Option<anyhow::Error>,
    help: Option<String>,
}

impl CliError {
    /// Wrong arguments, configuration or site.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: Some(error.into()), help: None }
    }

    /// Something outside did not answer or refused.
    pub(crate) fn world(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::World, error: Some(error.into()), help: None }
    }

    /// The answer is "no".
    pub(crate) fn no(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::No, error: Some(error.into()), help: None }
    }

    /// Everything has been said already: only the exit status is left to give.
    pub(crate) const fn silent(exit: Exit) -> Self {
        Self { exit, error: None, help: None }
    }

    /// Adds the next thing to try.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The exit status.
    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    /// The text for standard error; empty when all has been said.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let mut out = String::new();
        let Some(error) = &self.error else { return out };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{} {}", paint.red("error:"), indent(&error.to_string()));
        let mut said = error.to_string();
        for cause in error.chain().skip(1) {
            let text = cause.to_string();
            // Some libraries repeat their source in their own text; once is enough.
            if !said.contains(&text) {
                let _ = writeln!(out, "  {} {}", paint.bold("because:"), indent(&text));
            }
            said = text;
        }
        if let Some(help) = &self.help {
            let _ = writeln!(out, "  {} {}", paint.cyan("try:"), indent(help));
        }
        out
    }
}

fn indent(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

/// A reader of our output that goes away (`| head`) is no failure.
impl From<std::io::Error> for CliError {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self::silent(Exit::Ok)
        } else {
            Self::world(anyhow::Error::new(error).context("write the output"))
        }
    }
}

/// Gives results of the library their exit status.
pub(crate) trait OrExit<T> {
    /// An error here is the caller's: arguments, configuration, site.
    fn or_usage(self, context: impl FnOnce() -> String) -> Result<T, CliError>;
    /// An error here is the world's.
    fn or_world(self, context: impl FnOnce() -> String) -> Result<T, CliError>;
}

impl<T, E: Error + Send + Sync + 'static> OrExit<T> for Result<T, E> {
    fn or_usage(self, context: impl FnOnce() -> String) -> Result<T, CliError> {
        self.map_err(|error| CliError::usage(anyhow::Error::new(error).context(context())))
    }

    fn or_world(self, context: impl FnOnce() -> String) -> Result<T, CliError> {
        self.map_err(|error| CliError::world(anyhow::Error::new(error).context(context())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_printed_once_with_the_next_thing_to_try() {
        let inner = std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        let error = CliError::world(anyhow::Error::new(inner).context("open the store `/x`")).help("start the agent");
        assert_eq!(error.render(Paint::plain()), "error: open the store `/x`\n  because: no such file\n  try: start the agent\n");
        assert_eq!(error.exit(), Exit::World);
    }

    #[test]
    fn a_reader_that_goes_away_is_no_failure() {
        let error = CliError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert_eq!((error.exit(), error.render(Paint::plain())), (Exit::Ok, String::new()));
    }
}
