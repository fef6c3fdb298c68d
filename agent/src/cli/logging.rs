//! Sets up `tracing`: text for people, JSON lines for collectors, the journal under systemd. Logs go to standard error (or the
//! journal), never to standard output, which belongs to the answer.

use std::io::{IsTerminal as _, Write};

use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use super::error::CliError;
use super::progress;
use super::screen::Screen;
use crate::settings;

/// `--log-format`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// The journal when started by systemd, else text
    #[default]
    Auto,
    /// One line for people
    Text,
    /// One JSON object a line
    Json,
    /// systemd's journal, with fields
    Journald,
}

impl From<settings::LogFormat> for LogFormat {
    fn from(format: settings::LogFormat) -> Self {
        match format {
            settings::LogFormat::Text => Self::Text,
            settings::LogFormat::Json => Self::Json,
            settings::LogFormat::Journald => Self::Journald,
        }
    }
}

/// Sets up logging for the rest of the run. `verbosity` counts `-v`; `base` is the level without any. `REKINDLE_LOG`
/// (`info,rekindle::serve=debug`) goes before both.
pub(crate) fn set_up(screen: Screen, format: LogFormat, verbosity: u8, base: &str) -> Result<(), CliError> {
    let filter = match std::env::var("REKINDLE_LOG") {
        Ok(text) => EnvFilter::try_new(&text).map_err(|error| {
            CliError::usage(anyhow::Error::new(error).context(format!("the environment variable REKINDLE_LOG says `{text}`")))
                .help("use a level (`error`, `warn`, `info`, `debug`, `trace`) or `info,rekindle::serve=debug`")
        })?,
        Err(_) => EnvFilter::new(match verbosity {
            0 => base.to_owned(),
            1 => "info".to_owned(),
            2 => "info,rekindle=debug,kickstart=debug".to_owned(),
            _ => "trace".to_owned(),
        }),
    };
    let format = match format {
        LogFormat::Auto if std::env::var_os("JOURNAL_STREAM").is_some() && !std::io::stderr().is_terminal() => {
            LogFormat::Journald
        }
        LogFormat::Auto => LogFormat::Text,
        other => other,
    };
    let layer = match format {
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(|| Beside).boxed(),
        LogFormat::Journald => tracing_journald::layer()
            .map_err(|error| {
                CliError::world(anyhow::Error::new(error).context("log to the journal"))
                    .help("use `--log-format text` or `--log-format json` where systemd-journald does not run")
            })?
            .with_syslog_identifier("rekindle".to_owned())
            .boxed(),
        LogFormat::Auto | LogFormat::Text => {
            let ansi = screen.err().is_on();
            tracing_subscriber::fmt::layer().with_ansi(ansi).with_target(false).with_writer(|| Beside).boxed()
        }
    };
    tracing_subscriber::registry().with(filter).with(layer).init();
    Ok(())
}

/// Standard error, with the progress display put aside for the time of a line.
struct Beside;

impl Write for Beside {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        progress::aside(|| std::io::stderr().lock().write_all(buffer))?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
}
