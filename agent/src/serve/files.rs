//! Files of local install trees and stage repositories, as `install` offers them.
//!
//! `GET` and `HEAD` with `Range`, `If-Range`, `If-None-Match` and `If-Modified-Since`; no listing of directories. A path is opened
//! beneath its root by the kernel (`openat2`, `RESOLVE_BENEATH`): neither `..` nor a symbolic link can lead outside. Each
//! response in flight holds one chunk in memory.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED,
    RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use bytes::Bytes;
use camino::{Utf8Path, Utf8PathBuf};
use hyper::body::{Frame, SizeHint};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use tokio::task::JoinHandle;

use super::range::{self, Wanted};

/// Bytes read at once.
const CHUNK: u64 = 64 << 10;

/// The path within a root that the rest of a URL's path means, or none if it means none: percent signs are decoded once, every
/// segment is a plain name.
pub(super) fn relative_path(encoded: &str) -> Option<Utf8PathBuf> {
    if encoded.len() > 2048 {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(encoded).decode_utf8().ok()?;
    let plain = |segment: &str| segment != "." && segment != ".." && !segment.contains(|c: char| c.is_control() || c == '\\');
    let segments: Vec<&str> = decoded.split('/').filter(|segment| !segment.is_empty()).collect();
    // A trailing slash asks for a directory.
    (!segments.is_empty() && !decoded.ends_with('/') && segments.iter().all(|s| plain(s))).then(|| segments.iter().collect())
}

/// Answers a request for the file at `path` beneath `root`.
pub(super) async fn respond(root: &Utf8Path, path: &Utf8Path, method: &Method, headers: &HeaderMap) -> Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        let mut refused = empty(StatusCode::METHOD_NOT_ALLOWED);
        refused.headers_mut().insert(axum::http::header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let (root, path) = (root.to_owned(), path.to_owned());
    let opened = tokio::task::spawn_blocking({
        let (root, path) = (root.clone(), path.clone());
        move || open(&root, &path)
    });
    match opened.await.unwrap_or_else(|_| Err(io::Error::other("interrupted"))) {
        Ok(Some(file)) => file.respond(&path, method, headers),
        Ok(None) => empty(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::warn!(%root, %path, %error, "a file of the site cannot be read");
            empty(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An open regular file.
struct Opened {
    file: Arc<File>,
    size: u64,
    modified: SystemTime,
    etag: String,
}

/// Opens the regular file at `path` beneath `root`; none if there is none.
fn open(root: &Utf8Path, path: &Utf8Path) -> io::Result<Option<Opened>> {
    let directory = match File::open(root) {
        Ok(directory) => directory,
        Err(error) => return Err(io::Error::new(error.kind(), format!("the directory itself: {error}"))),
    };
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = loop {
        match openat2(&directory, path.as_std_path(), how) {
            Ok(fd) => break File::from(fd),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ENAMETOOLONG | Errno::ENXIO) => return Ok(None),
            Err(Errno::EXDEV | Errno::ELOOP) => {
                tracing::warn!(%root, %path, "not offered: a symbolic link leads out of the directory; use hard links, or links within it");
                return Ok(None);
            }
            // The kernel could not rule out a race with a rename; it asks to be asked again.
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(Errno::ENOSYS | Errno::EPERM) => match open_resolved(root, path)? {
                Some(file) => break file,
                None => return Ok(None),
            },
            Err(errno) => return Err(errno.into()),
        }
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    Ok(Some(Opened {
        size: metadata.len(),
        modified: UNIX_EPOCH + Duration::from_secs(u64::try_from(metadata.mtime()).unwrap_or(0)),
        etag: format!("\"{:x}-{:x}.{:x}-{:x}\"", metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len()),
        file: Arc::new(file),
    }))
}

/// For kernels before 5.6: resolves first and opens what was resolved.
fn open_resolved(root: &Utf8Path, path: &Utf8Path) -> io::Result<Option<File>> {
    let root = root.canonicalize_utf8()?;
    let resolved = match root.join(path).canonicalize_utf8() {
        Ok(resolved) => resolved,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !resolved.starts_with(&root) || !resolved.is_file() {
        return Ok(None);
    }
    File::open(resolved).map(Some)
}

impl Opened {
    fn respond(self, path: &Utf8Path, method: &Method, headers: &HeaderMap) -> Response<Body> {
        let mut response = empty(StatusCode::OK);
        self.describe(response.headers_mut());
        if self.is_unchanged(headers) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        let kind = content_type(path);
        // RFC 9110 §14.2: a range counts for GET only.
        let wanted = match text(headers, &RANGE) {
            Some(value) if method == Method::GET && self.range_counts(headers) => range::parse(value, self.size),
            _ => Wanted::Whole,
        };
        let out = response.headers_mut();
        let pieces = match wanted {
            Wanted::Nothing => {
                out.insert(CONTENT_RANGE, value(&format!("bytes */{}", self.size)));
                *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
                return response;
            }
            Wanted::Whole => {
                out.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                vec![Piece::File { at: 0, left: self.size }]
            }
            Wanted::Parts(parts) if parts.len() == 1 => {
                out.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                out.insert(CONTENT_RANGE, value(&self.content_range(parts[0])));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                vec![Piece::File { at: parts[0].start, left: parts[0].len }]
            }
            Wanted::Parts(parts) => {
                let boundary = format!("rekindle-{}", uuid::Uuid::new_v4().simple());
                out.insert(CONTENT_TYPE, value(&format!("multipart/byteranges; boundary={boundary}")));
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                self.multipart(&parts, &boundary, kind)
            }
        };
        let length: u64 = pieces.iter().map(Piece::len).sum();
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        if method == Method::GET {
            *response.body_mut() = Body::new(FileBody { file: self.file, pieces: pieces.into(), left: length, reading: None });
        }
        response
    }

    fn describe(&self, out: &mut HeaderMap) {
        out.insert(ETAG, value(&self.etag));
        out.insert(LAST_MODIFIED, value(&httpdate::fmt_http_date(self.modified)));
        out.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        out.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    }

    fn is_unchanged(&self, headers: &HeaderMap) -> bool {
        // RFC 9110 §13.2.2: the date only counts where there is no tag.
        if let Some(tags) = text(headers, &IF_NONE_MATCH) {
            return tags.trim() == "*" || tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == self.etag);
        }
        let since = text(headers, &IF_MODIFIED_SINCE).and_then(|date| httpdate::parse_http_date(date).ok());
        since.is_some_and(|since| self.modified <= since)
    }

    /// `If-Range` is absent or names the file as it is.
    fn range_counts(&self, headers: &HeaderMap) -> bool {
        let Some(condition) = headers.get(IF_RANGE) else { return true };
        let Ok(condition) = condition.to_str() else { return false };
        condition == self.etag || httpdate::parse_http_date(condition).is_ok_and(|date| date == self.modified)
    }

    fn content_range(&self, part: range::Part) -> String {
        format!("bytes {}-{}/{}", part.start, part.start + part.len - 1, self.size)
    }

    fn multipart(&self, parts: &[range::Part], boundary: &str, kind: &str) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(parts.len() * 2 + 1);
        for part in parts {
            let head =
                format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {}\r\n\r\n", self.content_range(*part));
            pieces.push(Piece::Text(head.into()));
            pieces.push(Piece::File { at: part.start, left: part.len });
        }
        pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
        pieces
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &axum::http::HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

fn content_type(path: &Utf8Path) -> &'static str {
    match path.extension() {
        Some("xml") => "application/xml",
        Some("rpm") => "application/x-rpm",
        Some("gz") => "application/gzip",
        Some("txt" | "treeinfo") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// A stretch of a response.
enum Piece {
    Text(Bytes),
    File { at: u64, left: u64 },
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::File { left, .. } => *left,
        }
    }
}

/// Pieces, read one chunk at a time.
struct FileBody {
    file: Arc<File>,
    pieces: std::collections::VecDeque<Piece>,
    left: u64,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
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

fn read_at(file: &File, at: u64, len: u64) -> io::Result<Bytes> {
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
    use super::*;

    fn root() -> (tempfile::TempDir, Utf8PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(dir.path().join("root")).unwrap();
        std::fs::create_dir_all(root.join("inner")).unwrap();
        std::fs::write(root.join("inner/file"), "content").unwrap();
        std::fs::write(dir.path().join("outside"), "secret").unwrap();
        std::os::unix::fs::symlink("../outside", root.join("escape")).unwrap();
        std::os::unix::fs::symlink("../..", root.join("inner/up")).unwrap();
        std::os::unix::fs::symlink("inner/file", root.join("link")).unwrap();
        (dir, root)
    }

    #[test]
    fn files_are_opened_beneath_the_root_with_old_kernels_too() {
        let (_dir, root) = root();
        for (path, found) in [
            ("inner/file", true),
            ("link", true),
            ("escape", false),
            ("inner/up/outside", false),
            ("inner", false),
            ("nothing", false),
            ("inner/file/x", false),
        ] {
            let path = Utf8Path::new(path);
            assert_eq!(open(&root, path).unwrap().is_some(), found, "{path}");
            assert_eq!(open_resolved(&root, path).unwrap().is_some(), found, "{path}, resolved first");
        }
        assert!(open(&root.join("gone"), Utf8Path::new("x")).is_err(), "a missing root is the site's fault, not the guest's");
    }

    #[test]
    fn a_file_that_becomes_shorter_breaks_the_transfer() {
        let (_dir, root) = root();
        let file = File::open(root.join("inner/file")).unwrap();
        assert_eq!(read_at(&file, 3, 100).unwrap(), &b"tent"[..]);
        assert_eq!(read_at(&file, 7, 1).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest::proptest! {
        #[test]
        fn no_url_means_a_path_that_climbs(encoded in "(/|\\.|%2e|%2E|%2f|%5c|%00|%25|a|\\\\|%c0%ae|~|%zz){0,20}") {
            if let Some(path) = relative_path(&encoded) {
                let plain = path.components().all(|part| matches!(part, camino::Utf8Component::Normal(_)));
                assert!(plain && !path.as_str().is_empty() && !path.as_str().contains(['\0', '\\']), "{encoded} -> {path}");
            }
        }
    }
}
