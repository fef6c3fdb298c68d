//! Pieces of a file as a body for hyper, read one chunk at a time on threads that may wait for a disk.
//!
//! [`super::direct`] sends what has only files to ask for; this is for a connection on which something else was asked before.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::task::JoinHandle;

/// Bytes read at once.
const CHUNK: u64 = 64 << 10;

/// A stretch of a response.
pub(super) enum Piece {
    /// As it is.
    Text(Bytes),
    /// Bytes of the file.
    File {
        /// From this one on.
        at: u64,
        /// So many.
        left: u64,
    },
}

impl Piece {
    /// Its length.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File { left, .. } => *left,
        }
    }
}

/// Pieces, read one chunk at a time.
pub(super) struct FileBody {
    file: Arc<File>,
    pieces: VecDeque<Piece>,
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileBody {
    /// `pieces` of `file`, in this order.
    pub(super) fn new(file: Arc<File>, pieces: Vec<Piece>) -> Self {
        let left = pieces.iter().map(Piece::len).sum();
        Self { file, pieces: pieces.into(), left, reading: None }
    }
}

impl hyper::body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let read = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                let bytes = read.unwrap_or_else(|_| Err(io::Error::other("interrupted")))?;
                if let Some(Piece::File { at, left }) = self.pieces.front_mut() {
                    *at += bytes.len() as u64;
                    *left = left.saturating_sub(bytes.len() as u64);
                }
                self.left = self.left.saturating_sub(bytes.len() as u64);
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            match self.pieces.front() {
                None => return Poll::Ready(None),
                Some(Piece::Text(text)) => {
                    let text = text.clone();
                    self.pieces.pop_front();
                    self.left = self.left.saturating_sub(text.len() as u64);
                    return Poll::Ready(Some(Ok(Frame::data(text))));
                }
                Some(Piece::File { left: 0, .. }) => {
                    self.pieces.pop_front();
                }
                Some(&Piece::File { at, left }) => {
                    let file = Arc::clone(&self.file);
                    self.reading = Some(tokio::task::spawn_blocking(move || read_at(&file, at, left.min(CHUNK))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Up to `len` bytes from `at` on; an error where the file has none there.
pub(super) fn read_at(file: &File, at: u64, len: u64) -> io::Result<Bytes> {
    let mut buffer = vec![0; len as usize];
    loop {
        match file.read_at(&mut buffer, at) {
            // The file was cut while it was being sent: the connection must break, so that the guest does not take it for whole.
            Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")),
            Ok(read) => {
                buffer.truncate(read);
                return Ok(buffer.into());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_that_becomes_shorter_breaks_the_transfer() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"content").unwrap();
        assert_eq!(read_at(&file, 3, 100).unwrap(), &b"tent"[..]);
        assert_eq!(read_at(&file, 7, 1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
