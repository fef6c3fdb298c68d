//! The progress display of `apply` and `rebuild`: one line a VM on a terminal, plain lines of what changed elsewhere.
//!
//! It only shows [`Line`]s that it is given; where they come from (a loop in this process or an agent's API) is the caller's
//! business.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::screen::{Screen, span, tame};
use crate::observed::Phase;

/// The one display of this process, if there is one: log lines have to be put above it.
static DISPLAY: OnceLock<MultiProgress> = OnceLock::new();

/// Runs `write` with the display, if any, put aside.
pub(crate) fn aside<R>(write: impl FnOnce() -> R) -> R {
    match DISPLAY.get() {
        Some(display) => display.suspend(write),
        None => write(),
    }
}

/// What is to be seen of one VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its phase; none: nothing has been done for it yet.
    pub(crate) phase: Option<Phase>,
    /// What is being done, or why nothing is.
    pub(crate) note: String,
    /// Since when it is under way in this run.
    pub(crate) elapsed: Duration,
    /// How much of its present phase is done, in percent, where that is known.
    pub(crate) percent: Option<u8>,
    /// Nothing more will happen to it by itself.
    pub(crate) settled: bool,
}

/// How far a VM in `phase` is on its way to `Ready`, in percent, for the bar. The shares are those of a usual install; the bar
/// never moves back within an attempt.
pub(crate) fn way(phase: Option<Phase>, percent: Option<u8>) -> u64 {
    let (from, to) = match phase {
        None | Some(Phase::Retiring) => (0, 0),
        Some(Phase::Preparing) => (0, 4),
        Some(Phase::Installing) => (4, 70),
        Some(Phase::Installed) => (70, 71),
        Some(Phase::Booting) => (71, 82),
        Some(Phase::Enrolling) => (82, 96),
        Some(Phase::Verifying) => (96, 99),
        Some(Phase::Ready | Phase::Failed) => (100, 100),
    };
    from + (to - from) * u64::from(percent.unwrap_or(0).min(100)) / 100
}

/// The display.
pub(crate) struct Progress {
    screen: Screen,
    bars: Option<(MultiProgress, BTreeMap<String, ProgressBar>)>,
    shown: BTreeMap<String, (Option<Phase>, String)>,
}

impl Progress {
    /// A display on standard error: bars when that is a terminal, else lines.
    pub(crate) fn new(screen: Screen, terminal: bool) -> Self {
        let bars = terminal.then(|| {
            let display = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8));
            (DISPLAY.get_or_init(|| display).clone(), BTreeMap::new())
        });
        Self { screen, bars, shown: BTreeMap::new() }
    }

    /// Shows the state of these VMs.
    pub(crate) fn show(&mut self, lines: &BTreeMap<String, Line>) {
        match &mut self.bars {
            Some((display, bars)) => {
                let width = lines.keys().map(String::len).max().unwrap_or(0);
                for (vm, line) in lines {
                    let bar = bars.entry(vm.clone()).or_insert_with(|| {
                        let bar = display.add(ProgressBar::new(100));
                        bar.set_prefix(format!("{vm:width$}"));
                        bar
                    });
                    if bar.is_finished() {
                        continue;
                    }
                    let phase = line.phase.map_or("waiting", Phase::as_str);
                    bar.set_style(style(line.phase));
                    bar.set_position(way(line.phase, line.percent));
                    bar.set_message(format!("{phase:<10} {:>12}  {}", span(line.elapsed), tame(&line.note).replace('\n', " ")));
                    if line.settled {
                        bar.abandon();
                    }
                }
            }
            None => {
                for (vm, line) in lines {
                    let seen = (line.phase, line.note.clone());
                    if self.shown.get(vm) == Some(&seen) {
                        continue;
                    }
                    let phase = line.phase.map_or("waiting", Phase::as_str);
                    self.screen.note(&format!(
                        "{vm}: {phase} ({}) {}\n",
                        span(line.elapsed),
                        tame(&line.note).replace('\n', " ")
                    ));
                    self.shown.insert(vm.clone(), seen);
                }
            }
        }
    }

    /// Leaves the last state on the terminal.
    pub(crate) fn finish(self) {
        for bar in self.bars.into_iter().flat_map(|(_, bars)| bars.into_values()) {
            if !bar.is_finished() {
                bar.abandon();
            }
        }
    }
}

fn style(phase: Option<Phase>) -> ProgressStyle {
    let color = match phase {
        Some(Phase::Ready) => "green",
        Some(Phase::Failed) => "red",
        _ => "cyan",
    };
    let template = format!("{{prefix}} [{{bar:24.{color}/dim}}] {{pos:>3}} %  {{wide_msg}}");
    // The template is ours: a test holds it to be valid.
    ProgressStyle::with_template(&template).map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("━╸─"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_never_moves_back_along_a_life() {
        let mut last = 0;
        for phase in Phase::ALL.into_iter().take_while(|phase| *phase != Phase::Failed) {
            for percent in [0, 50, 100] {
                let now = way(Some(phase), Some(percent));
                assert!(now >= last, "{phase:?} at {percent} %: {now} after {last}");
                last = now;
            }
        }
        assert_eq!(last, 100);
    }

    #[test]
    fn the_template_of_the_bar_is_valid() {
        assert!(ProgressStyle::with_template("{prefix} [{bar:24.cyan/dim}] {pos:>3} %  {wide_msg}").is_ok());
    }
}
