//! What the installer's own log (virtio port) amounts to.
//!
//! A line is `HH:MM:SS,mmm SEVERITY program:message` (rsyslog's template in Anaconda's images); Anaconda's own messages begin with
//! a tag. The strings looked for are Anaconda's and, for failures, those that lorax's log monitor takes as failures.

/// What the installer's log says about the end of the install.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogVerdict {
    /// No word of an end yet.
    #[default]
    Running,
    /// "Installation successfully finished."
    Finished,
    /// A line that no good install has.
    Failed,
}

/// Lines kept of a log's end.
const TAIL: usize = 40;

/// A line longer than this is cut: the log comes from a machine that may do anything.
const LINE_MAX: usize = 2000;

/// Words that no good install logs.
const FAILURES: &[&str] = &[
    "Traceback (",
    "traceback script(s) have been run",
    "Running kickstart %%onerror script(s)",
    "Running kickstart %%traceback script(s)",
    "Out of memory:",
    "insufficient disk space:",
    "Not enough disk space to download the packages",
    "error populating transaction after",
    "packaging: Missed: NoSuchPackage",
    "packaging: Installation failed",
    "The following error occurred while installing.  This is a fatal error",
    "The following mandatory spokes are not completed",
    "An error occurred during reading the kickstart file",
    "Error in POSTIN scriptlet in rpm package",
];

/// The installer's log, digested line by line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstallerLog {
    /// The end.
    pub verdict: LogVerdict,
    /// What it is doing, in its own words (`progress:` lines).
    pub doing: Option<String>,
    /// Packages installed and selected, where the log has said so.
    pub packages: Option<(u32, u32)>,
    /// Queue tasks done and in all.
    pub tasks: Option<(u32, u32)>,
    /// The first line that speaks of a failure.
    pub failure: Option<String>,
    /// The last lines, oldest first.
    pub tail: Vec<String>,
    /// The last package counted: Anaconda logs each of them twice.
    last_package: String,
}

impl InstallerLog {
    /// Takes in the next line.
    pub fn push(&mut self, line: &str) {
        let line = clean(line);
        if line.is_empty() {
            return;
        }
        self.read_progress(&line);
        if self.verdict != LogVerdict::Finished && line.contains("Installation successfully finished.") {
            self.verdict = LogVerdict::Finished;
        }
        if self.verdict == LogVerdict::Running && !line.contains("IGNORED") && FAILURES.iter().any(|words| line.contains(words)) {
            self.verdict = LogVerdict::Failed;
            self.failure = Some(line.clone());
        }
        if self.tail.len() == TAIL {
            self.tail.remove(0);
        }
        self.tail.push(line);
    }

    /// Share of the install that is done, 0 to 1, as far as the log tells.
    pub fn share(&self) -> Option<f64> {
        let (done, all) = self.packages.or(self.tasks)?;
        (all > 0).then(|| (f64::from(done) / f64::from(all)).min(1.0))
    }

    fn read_progress(&mut self, line: &str) {
        if let Some((_, words)) = line.split_once("anaconda: progress: ") {
            self.doing = Some(words.to_owned());
        } else if let Some((_, rest)) = line.split_once("packaging: Installed: ") {
            let name = rest.split(' ').next().unwrap_or_default();
            if name != self.last_package {
                name.clone_into(&mut self.last_package);
                let (done, all) = self.packages.unwrap_or_default();
                self.packages = Some((done + 1, all.max(done + 1)));
            }
        } else if let Some((before, _)) = line.split_once(" packages selected totalling ") {
            if let Some(all) = before.rsplit(' ').next().and_then(|word| word.parse().ok()) {
                self.packages = Some((self.packages.unwrap_or_default().0, all));
            }
        } else if let Some((_, rest)) = line.split_once("installation: Task completed: ")
            && let Some(counts) = rest.rsplit_once('(').map(|(head, _)| head).and_then(|head| head.rsplit_once('('))
            && let Some((done, all)) = counts.1.trim_end().trim_end_matches(')').split_once('/')
            && let (Ok(done), Ok(all)) = (done.parse(), all.parse())
        {
            self.tasks = Some((done, all));
        }
    }
}

/// A line that is safe to show: without control and direction-changing characters, cut at a limit.
pub fn clean(line: &str) -> String {
    line.chars()
        .filter(|c| !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .take(LINE_MAX)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(lines: &[&str]) -> InstallerLog {
        let mut log = InstallerLog::default();
        lines.iter().for_each(|line| log.push(line));
        log
    }

    #[test]
    fn progress_packages_and_end_are_read_from_anacondas_lines() {
        let log = digest(&[
            "10:00:00,123 INFO anaconda:anaconda: progress: Configuring storage",
            "10:00:01,000 DEBUG anaconda:anaconda: installation: Task completed: Create storage layout (7/36) (0.4 s)",
            "10:00:02,000 INFO anaconda:packaging: 133 packages selected totalling 193 MiB",
            "10:00:03,000 INFO anaconda:packaging: Installed: bash-5.1.8-6.el9.x86_64 1650000000 abc",
            "10:00:03,000 INFO anaconda:packaging: Installed: bash-5.1.8-6.el9.x86_64 1650000000 abc",
            "10:00:04,000 INFO anaconda:packaging: Installed: zlib-1-1.x86_64 1650000000 abc",
        ]);
        assert_eq!(log.doing.as_deref(), Some("Configuring storage"));
        assert_eq!(log.packages, Some((2, 133)));
        assert_eq!(log.tasks, Some((7, 36)));
        assert_eq!(log.verdict, LogVerdict::Running);
        let end = "10:09:00,000 INFO anaconda:anaconda: installation: All tasks in the installation queue are done. Installation successfully finished.";
        assert_eq!(digest(&[end]).verdict, LogVerdict::Finished);
    }

    #[test]
    fn the_first_word_of_failure_is_kept() {
        let log =
            digest(&["10:00:00,000 CRIT anaconda:anaconda: exception: Traceback (most recent call last):", "Out of memory: x"]);
        assert_eq!(log.verdict, LogVerdict::Failed);
        assert!(log.failure.is_some_and(|line| line.contains("Traceback")));
    }

    #[test]
    fn hostile_lines_are_cleaned_and_cut() {
        let long = "x".repeat(10_000);
        assert_eq!(clean(&long).len(), LINE_MAX);
        assert_eq!(clean("a\u{1b}[31m\u{202e}b\r"), "a[31mb");
    }
}
