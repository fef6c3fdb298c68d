//! Where output goes: colours, tables, spans of time. Every subcommand prints through here, so that a closed pipe is no panic
//! and that nothing a guest wrote can steer the terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clap::ValueEnum;

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Adds colour where it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// Without colour.
    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { on: false }
    }

    /// Whether colours are added.
    pub(crate) const fn is_on(self) -> bool {
        self.on
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Failure, destruction.
    pub(crate) fn red(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// Success, creation.
    pub(crate) fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Under way, change.
    pub(crate) fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Advice.
    pub(crate) fn cyan(self, text: &str) -> String {
        self.wrap("36", text)
    }

    /// Headings.
    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What matters less.
    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }
}

/// Standard output and standard error as this run uses them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Screen {
    choice: ColorChoice,
}

#[expect(clippy::unused_self, reason = "whoever prints has a screen, whatever that screen needs to know today")]
impl Screen {
    /// As `--color` says.
    pub(crate) const fn new(choice: ColorChoice) -> Self {
        Self { choice }
    }

    fn color(self, terminal: bool) -> bool {
        match self.choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    /// Colours for standard output.
    pub(crate) fn out(self) -> Paint {
        Paint { on: self.color(std::io::stdout().is_terminal()) }
    }

    /// Colours for standard error.
    pub(crate) fn err(self) -> Paint {
        Paint { on: self.color(std::io::stderr().is_terminal()) }
    }

    /// Writes to standard output.
    pub(crate) fn print(self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// Writes to standard error; nothing can be done about a failure there.
    pub(crate) fn note(self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    /// Writes a value as JSON with a final line break.
    pub(crate) fn print_json(self, value: &impl serde::Serialize) -> std::io::Result<()> {
        let mut text = serde_json::to_string_pretty(value)?;
        text.push('\n');
        self.print(&text)
    }
}

/// Whether a person can be asked: both ends of the conversation are a terminal.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A table with aligned columns, two spaces between them, without a frame.
#[derive(Debug, Default)]
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(crate) fn new(head: &[&str]) -> Self {
        Self::headed(head.iter().map(|head| (*head).to_owned()))
    }

    /// A table with headings that depend on what is shown.
    pub(crate) fn headed(head: impl IntoIterator<Item = String>) -> Self {
        Self { head: head.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row; cells may hold colours.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as text.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let columns = self.rows.iter().map(Vec::len).chain([self.head.len()]).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| columns_of(cell));
            cells.chain(self.head.get(column).map(|head| columns_of(head))).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut out = String::new();
        let mut line = |cells: &[String]| {
            let mut text = String::new();
            for (cell, width) in cells.iter().zip(&widths) {
                let pad = width.saturating_sub(columns_of(cell));
                // Writing to a String cannot fail.
                let _ = write!(text, "{cell}{:pad$}  ", "");
            }
            let _ = writeln!(out, "{}", text.trim_end());
        };
        if !self.head.is_empty() {
            line(&self.head.iter().map(|head| paint.bold(head)).collect::<Vec<_>>());
        }
        for row in &self.rows {
            line(row);
        }
        out
    }
}

/// Terminal columns of a text, colours left out. Names and numbers here are ASCII; one column a character will do.
fn columns_of(text: &str) -> usize {
    let mut count = 0;
    let mut escape = false;
    for c in text.chars() {
        match c {
            '\x1b' => escape = true,
            'm' if escape => escape = false,
            _ if escape => {}
            _ => count += 1,
        }
    }
    count
}

/// A span of time for people: `0.8 s`, `42 s`, `3 min 07 s`, `2 h 05 min`, `3 d 4 h`.
pub(crate) fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", (duration.as_millis() / 100) as f64 / 10.0),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// A revision for people: the first 12 digits of a commit or digest.
pub(crate) fn revision(text: &str) -> &str {
    let digits = text.rsplit(':').next().unwrap_or(text);
    digits.get(..12).unwrap_or(digits)
}

/// A number of seconds as it travels in JSON.
pub(crate) fn seconds(count: f64) -> Duration {
    Duration::try_from_secs_f64(count).unwrap_or_default()
}

/// Text that a guest or another program wrote, on one line and safe for a terminal.
pub(crate) fn one_line(text: &str) -> String {
    tame(text).replace(['\n', '\t'], " ")
}

/// Text that a guest wrote, safe for a terminal: control characters but tab and line break become `?`.
pub(crate) fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_say_them() {
        for (millis, text) in [
            (0, "0.0 s"),
            (840, "0.8 s"),
            (9_999, "9.9 s"),
            (42_000, "42 s"),
            (187_000, "3 min 07 s"),
            (7_500_000, "2 h 05 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn revisions_are_cut_to_what_people_compare() {
        assert_eq!(revision("sha256:0c0213950a6656f35154"), "0c0213950a66");
        assert_eq!(revision("77250c7"), "77250c7");
    }

    #[test]
    fn tables_align_coloured_cells() {
        let on = Paint { on: true };
        let mut table = Table::new(&["VM", "PHASE"]);
        table.row([on.green("web1"), "ready".to_owned()]);
        table.row(["a".to_owned(), "failed".to_owned()]);
        assert_eq!(table.render(Paint::plain()), "VM    PHASE\n\x1b[32mweb1\x1b[0m  ready\na     failed\n");
    }

    #[test]
    fn what_a_guest_wrote_cannot_steer_the_terminal() {
        assert_eq!(tame("a\x1b[2Jb\r\n\tc\u{9b}"), "a?[2Jb?\n\tc?");
    }
}
