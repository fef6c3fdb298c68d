//! From what the guest, its installer's log and its console say to one named cause with its evidence.

use crate::observed::{Cause, Failure, InstallStage, LogVerdict, ObservedVm};
use crate::spec::Timestamp;

/// Lines of evidence kept.
const EVIDENCE: usize = 30;

/// Words of Anaconda, dracut, dnf and the kernel, and what they mean. The first that is found in the evidence names the cause,
/// so the more specific come first.
const SIGNS: &[(&str, Cause)] = &[
    ("failed to fetch kickstart", Cause::KickstartNotFetched),
    ("An error occurred during reading the kickstart file", Cause::KickstartRejected),
    ("kickstart.parsing", Cause::KickstartRejected),
    ("KickstartParseError", Cause::KickstartRejected),
    ("KickstartError", Cause::KickstartRejected),
    ("Problems in request", Cause::PackageNotFound),
    ("missing packages:", Cause::PackageNotFound),
    ("missing groups or modules:", Cause::PackageNotFound),
    ("NoSuchPackage", Cause::PackageNotFound),
    ("nothing provides", Cause::PackageNotFound),
    ("Unable to allocate requested partition scheme", Cause::DiskTooSmall),
    ("not enough free space", Cause::DiskTooSmall),
    ("Not enough disk space", Cause::DiskTooSmall),
    ("insufficient disk space", Cause::DiskTooSmall),
    ("too large to fit in free space", Cause::DiskTooSmall),
    ("No space left on device", Cause::DiskTooSmall),
    ("not valid -- removing it", Cause::RepositoryUnreachable),
    ("reason for repo removal", Cause::RepositoryUnreachable),
    ("Failed to download metadata", Cause::RepositoryUnreachable),
    ("Cannot download repomd.xml", Cause::RepositoryUnreachable),
    ("No more mirrors to try", Cause::RepositoryUnreachable),
    ("Error setting up base repository", Cause::RepositoryUnreachable),
    ("Error in POSTIN scriptlet", Cause::ScriptletFailed),
    ("Error in PREIN scriptlet", Cause::ScriptletFailed),
    ("Kernel panic", Cause::DomainCrashed),
];

/// What the guest is doing, as a sentence.
pub(super) fn doing(observed: &ObservedVm) -> String {
    let log = &observed.installer_log;
    if observed.stage_at(InstallStage::Post).is_some() || log.verdict == LogVerdict::Finished {
        return "the installer is done and reboots".to_owned();
    }
    match (&log.doing, log.packages) {
        (Some(doing), Some((done, all))) if done > 0 && done < all => format!("{doing} ({done}/{all} packages)"),
        (Some(doing), _) => doing.clone(),
        (None, _) if observed.stage_at(InstallStage::Packages).is_some() => "%post scripts run".to_owned(),
        (None, _) if observed.stage_at(InstallStage::Storage).is_some() => "packages are installed".to_owned(),
        (None, _) if observed.kickstart_fetched_at().is_some() => "the installer starts".to_owned(),
        (None, _) => "the installer boots".to_owned(),
    }
}

/// The install came to its good end.
pub(super) fn finished(observed: &ObservedVm) -> bool {
    observed.failure_told().is_none()
        && (observed.stage_at(InstallStage::Post).is_some() || observed.installer_log.verdict == LogVerdict::Finished)
}

/// The install has failed, whatever the domain still does.
pub(super) fn has_failed(observed: &ObservedVm) -> bool {
    observed.failure_told().is_some() || observed.failure_logged()
}

/// The failure of an install. `otherwise` and `detail` hold where nothing more precise is found.
pub(super) fn install_failure(now: Timestamp, observed: &ObservedVm, otherwise: Cause, detail: &str) -> Failure {
    let log = &observed.installer_log;
    let told = observed.failure_told();
    let output: Vec<String> =
        told.map(|(_, output)| output.lines().map(crate::observed::clean_line).collect()).unwrap_or_default();
    // The guest's own words first, then the log, then the console: each is nearer to the cause than the next.
    let sources: [&[String]; 3] = [&output, &log.tail, &observed.console_tail];
    let sign = sources.iter().find_map(|lines| {
        SIGNS.iter().find_map(|(words, cause)| {
            lines.iter().position(|line| line.contains(words)).map(|at| (*cause, words_of(lines, at), lines))
        })
    });
    let by_section = told.and_then(|(section, _)| match section {
        "pre" | "pre-install" => Some(Cause::PreFailed),
        "post" => Some(Cause::PostFailed),
        _ => None,
    });
    let last_output = || output.iter().rev().find(|line| !line.is_empty()).cloned();
    let (cause, detail) = match (sign.clone(), by_section) {
        // A script's own words may well hold one of the signs (a failed dnf in %post): it is still that script that failed.
        (_, Some(cause)) => (cause, last_output().unwrap_or_else(|| detail.to_owned())),
        (Some((cause, words, _)), None) => (cause, words),
        (None, None) => {
            let words = last_output().or_else(|| log.failure.clone()).filter(|_| detail.is_empty());
            (otherwise, words.unwrap_or_else(|| detail.to_owned()))
        }
    };
    let evidence = sources.iter().find(|lines| !lines.is_empty()).map(|lines| lines.to_vec()).unwrap_or_default();
    let evidence = sign.filter(|_| by_section.is_none()).map_or(evidence, |(_, _, lines)| lines.to_vec());
    let skip = evidence.len().saturating_sub(EVIDENCE);
    Failure { at: now, phase: observed.record.phase, cause, detail, evidence: evidence[skip..].to_vec() }
}

/// The line at `at`, with the next one where it only announces it ("Problems in request:").
fn words_of(lines: &[String], at: usize) -> String {
    let line = lines[at].trim();
    // The head of a line of the installer's log (time, severity, program) says nothing about the cause: neither in the form of
    // the virtio port nor in that of the installer's own files.
    let line = line.split_once("anaconda:").map_or(line, |(_, rest)| rest).trim();
    let line = without_time(line);
    match lines.get(at + 1) {
        Some(next) if line.ends_with(':') => format!("{line} {}", next.trim()),
        _ => line.to_owned(),
    }
}

/// `HH:MM:SS,mmm LVL message` without its head.
fn without_time(line: &str) -> &str {
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some(time), Some(level), Some(message))
            if time.len() == 12 && time.bytes().all(|b| b.is_ascii_digit() || b == b':' || b == b',') && level.len() <= 7 =>
        {
            message
        }
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_cause_come_without_the_head_of_their_line() {
        for (lines, words) in [
            (
                vec!["09:40:52,517 ERR packaging: Problems in request:", "missing packages: x"],
                "packaging: Problems in request: missing packages: x",
            ),
            (
                vec!["09:40:52,517 ERR anaconda:packaging: base repo (x) not valid -- removing it"],
                "packaging: base repo (x) not valid -- removing it",
            ),
            (vec!["missing packages: x"], "missing packages: x"),
        ] {
            let lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
            assert_eq!(words_of(&lines, 0), words);
        }
    }
}
