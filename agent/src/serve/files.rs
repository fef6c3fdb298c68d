//! Files of local install trees and stage repositories, as `install` offers them: which bytes of which file answer a request.
//!
//! `GET` and `HEAD` with `Range`, `If-Range`, `If-None-Match` and `If-Modified-Since`; no listing of directories. A path is opened
//! beneath its root by the kernel (`openat2`, `RESOLVE_BENEATH`): neither `..` nor a symbolic link can lead outside. The open
//! file is what is sent, whatever happens to its name meanwhile: a repository that is published anew is never mixed within a
//! response, and its `ETag` keeps a resumed one from being so. A [`Reply`] goes out by [`super::direct`] without a copy, or by
//! hyper as a [`FileBody`].

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED,
    RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use camino::{Utf8Path, Utf8PathBuf};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::file_body::{FileBody, Piece};
use super::range::{self, Wanted};

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

/// An answer to a request for a file: a head, and which bytes follow it.
pub(super) struct Reply {
    /// Status and headers, the length of what follows among them.
    pub(super) head: Response<()>,
    /// What follows; nothing for `HEAD`.
    pub(super) content: Option<Content>,
}

/// Pieces of an open file, with text between them.
pub(super) struct Content {
    pub(super) file: Arc<File>,
    pub(super) pieces: Vec<Piece>,
}

impl Reply {
    /// No content.
    pub(super) fn empty(status: StatusCode) -> Self {
        let mut head = Response::new(());
        *head.status_mut() = status;
        Self { head, content: None }
    }

    /// The answer as hyper sends it.
    pub(super) fn into_response(self) -> Response<Body> {
        let content = self.content;
        self.head.map(|()| content.map_or_else(Body::empty, |content| Body::new(FileBody::new(content.file, content.pieces))))
    }
}

/// Answers a request for the file at `path` beneath `root`.
pub(super) async fn answer(root: &Utf8Path, path: &Utf8Path, method: &Method, headers: &HeaderMap) -> Reply {
    if method != Method::GET && method != Method::HEAD {
        let mut refused = Reply::empty(StatusCode::METHOD_NOT_ALLOWED);
        refused.head.headers_mut().insert(axum::http::header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    // What the kernel has in memory is opened at once; for what it has to look up on a disk there are threads that may wait.
    let opened = match open(root, path, ResolveFlags::CACHED) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock || error.kind() == io::ErrorKind::InvalidInput => {
            let (root, path) = (root.to_owned(), path.to_owned());
            let opening = tokio::task::spawn_blocking(move || open(&root, &path, ResolveFlags::empty()));
            opening.await.unwrap_or_else(|_| Err(io::Error::other("interrupted")))
        }
        opened => opened,
    };
    match opened {
        Ok(Some(file)) => file.answer(path, method, headers),
        Ok(None) => Reply::empty(StatusCode::NOT_FOUND),
        Err(error) => {
            tracing::warn!(%root, %path, %error, "a file of the site cannot be read");
            Reply::empty(StatusCode::SERVICE_UNAVAILABLE)
        }
    }
}

/// An open regular file.
struct Opened {
    file: Arc<File>,
    size: u64,
    modified: SystemTime,
    etag: String,
}

/// Opens the regular file at `path` beneath `root`; none if there is none. With `RESOLVE_CACHED` in `how` an error of kind
/// `WouldBlock` or (kernels before 5.12) `InvalidInput` means that it has to be asked without.
fn open(root: &Utf8Path, path: &Utf8Path, how: ResolveFlags) -> io::Result<Option<Opened>> {
    let within = |error: io::Error| io::Error::new(error.kind(), format!("the directory itself: {error}"));
    let directory = match openat2(CWD, root.as_std_path(), OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty(), how)
    {
        Err(Errno::NOSYS | Errno::PERM) => File::open(root).map_err(within)?.into(),
        other => other.map_err(|errno| within(errno.into()))?,
    };
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | how;
    let file = loop {
        match openat2(&directory, path.as_std_path(), flags, Mode::empty(), resolve) {
            Ok(fd) => break File::from(fd),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG | Errno::NXIO) => return Ok(None),
            Err(Errno::XDEV | Errno::LOOP) => {
                tracing::warn!(%root, %path, "not offered: a symbolic link leads out of the directory; use hard links, or links within it");
                return Ok(None);
            }
            Err(errno @ Errno::AGAIN) if how.contains(ResolveFlags::CACHED) => return Err(errno.into()),
            // The kernel could not rule out a race with a rename; it asks to be asked again.
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(Errno::NOSYS | Errno::PERM) => match open_resolved(root, path)? {
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
    fn answer(self, path: &Utf8Path, method: &Method, headers: &HeaderMap) -> Reply {
        let mut reply = Reply::empty(StatusCode::OK);
        self.describe(reply.head.headers_mut());
        if self.is_unchanged(headers) {
            *reply.head.status_mut() = StatusCode::NOT_MODIFIED;
            return reply;
        }
        let kind = content_type(path);
        // RFC 9110 §14.2: a range counts for GET only.
        let wanted = match text(headers, &RANGE) {
            Some(value) if method == Method::GET && self.range_counts(headers) => range::parse(value, self.size),
            _ => Wanted::Whole,
        };
        let mut status = StatusCode::OK;
        let out = reply.head.headers_mut();
        let pieces = match wanted {
            Wanted::Nothing => {
                out.insert(CONTENT_RANGE, value(&format!("bytes */{}", self.size)));
                status = StatusCode::RANGE_NOT_SATISFIABLE;
                Vec::new()
            }
            Wanted::Whole => {
                out.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                vec![Piece::File { at: 0, left: self.size }]
            }
            Wanted::Parts(parts) if parts.len() == 1 => {
                out.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                out.insert(CONTENT_RANGE, value(&self.content_range(parts[0])));
                status = StatusCode::PARTIAL_CONTENT;
                vec![Piece::File { at: parts[0].start, left: parts[0].len }]
            }
            Wanted::Parts(parts) => {
                let boundary = format!("rekindle-{}", uuid::Uuid::new_v4().simple());
                out.insert(CONTENT_TYPE, value(&format!("multipart/byteranges; boundary={boundary}")));
                status = StatusCode::PARTIAL_CONTENT;
                self.multipart(&parts, &boundary, kind)
            }
        };
        let length: u64 = pieces.iter().map(Piece::len).sum();
        out.insert(CONTENT_LENGTH, HeaderValue::from(length));
        *reply.head.status_mut() = status;
        if method == Method::GET && length > 0 {
            reply.content = Some(Content { file: self.file, pieces });
        }
        reply
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
            assert_eq!(open(&root, path, ResolveFlags::empty()).unwrap().is_some(), found, "{path}");
            // Just looked up, so it is in memory; the kernel may still ask to be asked without.
            if let Ok(opened) = open(&root, path, ResolveFlags::CACHED) {
                assert_eq!(opened.is_some(), found, "{path}, in memory");
            }
            assert_eq!(open_resolved(&root, path).unwrap().is_some(), found, "{path}, resolved first");
        }
        let gone = open(&root.join("gone"), Utf8Path::new("x"), ResolveFlags::empty());
        assert!(gone.is_err(), "a missing root is the site's fault, not the guest's");
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
