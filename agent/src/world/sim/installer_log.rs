//! What a simulated guest leaves in its log files: the installer's log in the form of Anaconda's on its virtio port, and the
//! serial console.

use std::io::Write as _;

use camino::Utf8Path;

use crate::spec::Timestamp;

/// A line of the installer's log: `HH:MM:SS,mmm SEVERITY program:message`.
pub(super) fn installer_line(at: Timestamp, severity: &str, message: &str) -> String {
    let seconds = at.0 / 1000;
    let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02},{:03} {severity} anaconda:{message}", at.0 % 1000)
}

/// Adds lines to a log file. The directory must exist, as for libvirt; a line that cannot be written is lost, as it is there.
pub(super) fn append(path: &Utf8Path, lines: &[String]) {
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        let mut text = lines.join("\n");
        text.push('\n');
        file.write_all(text.as_bytes())
    };
    if let Err(error) = write() {
        tracing::debug!(%path, %error, "the simulated guest cannot write its log");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_form_of_the_virtio_port() {
        let at = Timestamp(1_795_418_280_042);
        assert_eq!(
            installer_line(at, "INFO", "anaconda: progress: Installing."),
            "07:18:00,042 INFO anaconda:anaconda: progress: Installing."
        );
    }
}
