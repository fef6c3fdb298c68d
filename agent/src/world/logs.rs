//! Reads the logs that virtlogd writes: from where we stopped, across its rotation (`x.log` → `x.log.0` → `x.log.1` …).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;

use camino::{Utf8Path, Utf8PathBuf};

/// Rotated files that virtlogd keeps at most (its default is 3).
const ROTATED: u32 = 9;

/// The most that is taken in by one call; the next call goes on.
const CHUNK: u64 = 1 << 20;

/// A place in a log.
#[derive(Debug, Default)]
pub(super) struct LogTail {
    inode: Option<u64>,
    offset: u64,
    rest: Vec<u8>,
}

impl LogTail {
    /// The whole lines that were written since the last call. A log that is not there yet has none.
    pub(super) fn read_new(&mut self, path: &Utf8Path) -> Vec<String> {
        let mut lines = Vec::new();
        for file in self.files_to_read(path) {
            self.read_file(&file, &mut lines);
        }
        lines
    }

    /// The files from the one we were in to the current one, oldest first.
    fn files_to_read(&self, path: &Utf8Path) -> Vec<Utf8PathBuf> {
        let rotated = (0..ROTATED).rev().map(|n| Utf8PathBuf::from(format!("{path}.{n}")));
        let all: Vec<Utf8PathBuf> = rotated.chain([path.to_owned()]).filter(|file| file.exists()).collect();
        let here = all.iter().position(|file| self.inode.is_some() && inode(file) == self.inode);
        all[here.unwrap_or(0)..].to_vec()
    }

    fn read_file(&mut self, path: &Utf8Path, lines: &mut Vec<String>) {
        let Ok(mut file) = File::open(path) else { return };
        let Ok(metadata) = file.metadata() else { return };
        if self.inode != Some(metadata.ino()) || metadata.len() < self.offset {
            self.inode = Some(metadata.ino());
            self.offset = 0;
        }
        if file.seek(SeekFrom::Start(self.offset)).is_err() {
            return;
        }
        let mut bytes = Vec::new();
        let Ok(read) = file.take(CHUNK).read_to_end(&mut bytes) else { return };
        self.offset += read as u64;
        self.rest.extend_from_slice(&bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
        }
        // A guest that never ends its line must not fill our memory.
        if self.rest.len() > 64 << 10 {
            self.rest.clear();
        }
    }
}

fn inode(path: &Utf8Path) -> Option<u64> {
    path.metadata().ok().map(|metadata| metadata.ino())
}

/// The last `count` lines of a log, cleaned of control characters; empty where there is none.
pub fn last_lines(path: &Utf8Path, count: usize) -> Vec<String> {
    let Ok(mut file) = File::open(path) else { return Vec::new() };
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    if file.seek(SeekFrom::Start(length.saturating_sub(16 << 10))).is_err() {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    if file.read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<String> = text.lines().map(crate::observed::clean_line).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn append(path: &Utf8Path, text: &str) {
        let mut file = File::options().create(true).append(true).open(path).expect("open");
        file.write_all(text.as_bytes()).expect("write");
    }

    #[test]
    fn a_tail_goes_on_where_it_stopped_and_follows_rotation() {
        let directory = tempfile::tempdir().expect("tempdir");
        let path = Utf8PathBuf::from_path_buf(directory.path().join("x.log")).expect("utf8");
        let mut tail = LogTail::default();
        assert_eq!(tail.read_new(&path), Vec::<String>::new());
        append(&path, "one\ntw");
        assert_eq!(tail.read_new(&path), ["one"]);
        append(&path, "o\n");
        std::fs::rename(&path, format!("{path}.0")).expect("rotate");
        append(&path, "three\n");
        assert_eq!(tail.read_new(&path), ["two", "three"]);
        let mut late = LogTail::default();
        assert_eq!(late.read_new(&path), ["one", "two", "three"]);
        assert_eq!(last_lines(&path, 5), ["three"]);
    }
}
