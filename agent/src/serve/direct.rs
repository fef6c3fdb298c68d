//! Files sent without a copy: requests for files are read off a connection and answered with `sendfile`, and the first request
//! for anything else is given back, with what has been read of it, for hyper to go on with.
//!
//! [`super::install`] begins each connection with it; which file answers, and whether, is its decision. Only requests
//! without a body in plain HTTP/1.1 are answered here: whatever is unusual goes to hyper, which knows the protocol.
//!
//! Connections share a thread: each sends one chunk and goes to the end of the queue. What a file system would have to fetch from
//! a disk is fetched on threads that may wait.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::SystemTime;

use axum::http::header::{CONNECTION, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::file_body::{Piece, read_at};
use super::files::{Content, Reply};
use super::limits::InstallLimits;

/// Bytes sent of one file before other connections have their turn.
const CHUNK: u64 = 512 << 10;
/// A piece up to this size is copied behind its head: one system call and one packet instead of two.
const SMALL: u64 = 16 << 10;
/// Bytes of a request's head; longer ones are hyper's to refuse.
const HEAD: usize = 16 << 10;
/// Headers of a request; more are hyper's to refuse.
const HEADERS: usize = 64;
/// First parts of the paths that may be files.
const FILES: [&str; 3] = ["/os/", "/repo/", "/snapshot/"];
/// The headers that an answer may depend on.
const CONDITIONS: [HeaderName; 4] = [IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE];

/// A request for a file.
pub(super) struct Asked {
    /// `GET` or `HEAD`.
    pub(super) method: Method,
    /// The path of the URL, as it was written.
    pub(super) path: String,
    /// What the answer may depend on, and nothing else.
    pub(super) headers: HeaderMap,
    /// The peer wants the connection closed behind the answer.
    close: bool,
}

/// What the bytes read so far are.
enum Read {
    /// The begin of a head.
    Partial,
    /// A request for a file, and the length of its head.
    File(Asked, usize),
    /// A request for something else, or none at all.
    Other,
}

/// What a peer has asked for next.
pub(super) enum Next {
    /// A file.
    File(Asked),
    /// Something else, or nothing that can be understood: the bytes read so far.
    Other(Vec<u8>),
    /// Nothing: it has gone, or says nothing.
    Ended,
}

/// A connection on which only files have been asked for so far.
pub(super) struct Direct<'s> {
    stream: &'s TcpStream,
    limits: InstallLimits,
    read: Vec<u8>,
}

impl<'s> Direct<'s> {
    /// A fresh connection.
    pub(super) fn new(stream: &'s TcpStream, limits: InstallLimits) -> Self {
        Self { stream, limits, read: Vec::with_capacity(2 << 10) }
    }

    /// Reads the next request.
    pub(super) async fn next(&mut self) -> io::Result<Next> {
        let complete = tokio::time::timeout(self.limits.head, self.read_head()).await;
        match complete {
            Ok(Ok(Some((asked, length)))) => {
                self.read.drain(..length);
                Ok(Next::File(asked))
            }
            Ok(Ok(None)) if self.read.is_empty() => Ok(Next::Ended),
            Ok(Ok(None)) => Ok(Next::Other(std::mem::take(&mut self.read))),
            Ok(Err(error)) => Err(error),
            Err(_) => Ok(Next::Ended),
        }
    }

    /// Reads until a request for a file is complete; none: it is something else, or the peer has closed.
    async fn read_head(&mut self) -> io::Result<Option<(Asked, usize)>> {
        loop {
            if !self.read.is_empty() {
                match parse(&self.read) {
                    Read::File(asked, length) => return Ok(Some((asked, length))),
                    Read::Other => return Ok(None),
                    Read::Partial if self.read.len() >= HEAD => return Ok(None),
                    Read::Partial => {}
                }
            }
            self.stream.readable().await?;
            match self.stream.try_read_buf(&mut self.read) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Answers the request that was read last. Says whether another may follow.
    pub(super) async fn answer(&self, asked: &Asked, reply: Reply, now: SystemTime) -> io::Result<bool> {
        self.send(head(&reply, now, asked.close), reply.content).await?;
        Ok(!asked.close)
    }

    /// Sends `head` and what follows it.
    async fn send(&self, head: Vec<u8>, content: Option<Content>) -> io::Result<()> {
        let mut out = head;
        if let Some(Content { file, pieces }) = content {
            for piece in pieces {
                match piece {
                    Piece::Text(text) => out.extend_from_slice(&text),
                    Piece::File { at, left } if left <= SMALL => self.copy(&file, at, left, &mut out).await?,
                    Piece::File { at, left } => {
                        self.write(&out).await?;
                        out.clear();
                        self.send_file(&file, at, left).await?;
                    }
                }
                // Of many small pieces no more than this is held at once.
                if out.len() as u64 > SMALL * 4 {
                    self.write(&out).await?;
                    out.clear();
                }
            }
        }
        self.write(&out).await
    }

    async fn copy(&self, file: &Arc<File>, mut at: u64, mut left: u64, out: &mut Vec<u8>) -> io::Result<()> {
        while left > 0 {
            let begin = out.len();
            out.resize(begin + left as usize, 0);
            let read = match preadv2(file, &mut [IoSliceMut::new(&mut out[begin..])], at, ReadWriteFlags::NOWAIT) {
                Ok(0) => return Err(shorter()),
                Ok(read) => read,
                Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR) => {
                    let file = Arc::clone(file);
                    let bytes = blocking(move || read_at(&file, at, left)).await?;
                    out[begin..begin + bytes.len()].copy_from_slice(&bytes);
                    bytes.len()
                }
                Err(errno) => return Err(errno.into()),
            };
            out.truncate(begin + read);
            at += read as u64;
            left -= read as u64;
        }
        Ok(())
    }

    async fn send_file(&self, file: &Arc<File>, mut at: u64, mut left: u64) -> io::Result<()> {
        while left > 0 {
            let want = left.min(CHUNK);
            bring_to_memory(file, at, want).await?;
            // The offset is our own: the file may be sent to several peers, and is never read by its own position.
            let sent =
                self.when_writable(|| Ok(rustix::fs::sendfile(self.stream, file, Some(&mut { at }), want as usize)?)).await?;
            if sent == 0 {
                return Err(shorter());
            }
            at += sent as u64;
            left -= sent as u64;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self.when_writable(|| Ok(rustix::io::write(self.stream, bytes)?)).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// Calls `send` as soon as the peer takes more; an error where it takes nothing for too long.
    async fn when_writable(&self, mut send: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
        loop {
            match self.stream.try_io(Interest::WRITABLE, &mut send) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => return other,
            }
            let writable = tokio::time::timeout(self.limits.stall, self.stream.writable()).await;
            writable.map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "nothing moved"))??;
        }
    }
}

fn parse(bytes: &[u8]) -> Read {
    let mut slots = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut slots);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Read::Partial,
        Err(_) => return Read::Other,
    };
    let method = match request.method {
        Some("GET") => Method::GET,
        Some("HEAD") => Method::HEAD,
        _ => return Read::Other,
    };
    let target = request.path.unwrap_or_default();
    let path = target.split(['?', '#']).next().unwrap_or_default();
    if request.version != Some(1) || !FILES.iter().any(|prefix| path.starts_with(prefix)) {
        return Read::Other;
    }
    let mut headers = HeaderMap::new();
    let mut close = false;
    let mut hosts = 0;
    for header in request.headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        // A body, or a change of the protocol.
        if ["content-length", "transfer-encoding", "upgrade", "expect"].iter().any(|name| is(name)) {
            return Read::Other;
        }
        hosts += u32::from(is("host"));
        if is(CONNECTION.as_str()) {
            let says = |word: &[u8]| word.trim_ascii().eq_ignore_ascii_case(b"close");
            close |= header.value.split(|byte| *byte == b',').any(says);
        }
        if let Some(name) = CONDITIONS.iter().find(|name| is(name.as_str())) {
            let Ok(value) = HeaderValue::from_bytes(header.value) else { return Read::Other };
            headers.append(name.clone(), value);
        }
    }
    if hosts != 1 {
        return Read::Other;
    }
    Read::File(Asked { method, path: path.to_owned(), headers, close }, length)
}

/// Status line and headers as bytes.
fn head(reply: &Reply, now: SystemTime, close: bool) -> Vec<u8> {
    let status = reply.head.status();
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    let mut line = |name: &str, value: &[u8]| {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
    };
    for (name, value) in reply.head.headers() {
        line(name.as_str(), value.as_bytes());
    }
    line("date", httpdate::fmt_http_date(now).as_bytes());
    let headers = reply.head.headers();
    if !headers.contains_key(axum::http::header::CONTENT_LENGTH) && status != axum::http::StatusCode::NOT_MODIFIED {
        line("content-length", b"0");
    }
    if close {
        line("connection", b"close");
    }
    out.extend_from_slice(b"\r\n\r\n");
    out
}

/// Returns when the bytes of `file` that are sent next need no disk: at once where they are in memory already.
async fn bring_to_memory(file: &Arc<File>, at: u64, len: u64) -> io::Result<()> {
    let mut last = [0];
    match preadv2(file, &mut [IoSliceMut::new(&mut last)], at + len - 1, ReadWriteFlags::NOWAIT) {
        // Where it has become shorter, sending it says so.
        Ok(_) => Ok(()),
        // Not in memory, or a file system that cannot tell; reading brings it there.
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::INTR) => {
            let file = Arc::clone(file);
            blocking(move || file.read_at(&mut vec![0; len as usize], at)).await.map(|_| ())
        }
        Err(errno) => Err(errno.into()),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::Error::other("interrupted")))
}

/// The connection must break, so that the guest does not take what it has for the whole.
fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was sent")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match parse(text.as_bytes()) {
            Read::Partial => "partial".to_owned(),
            Read::Other => "other".to_owned(),
            Read::File(asked, length) => {
                format!("{} {} {:?}{} {length}", asked.method, asked.path, asked.headers, if asked.close { " close" } else { "" })
            }
        }
    }

    #[test]
    fn only_plain_requests_for_files_are_answered_here() {
        for (request, expected) in [
            ("GET /repo/a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /repo/a {} 33"),
            ("GET /repo/a?x=1 HTTP/1.1\r\nHost: x\r\n\r\nGET", "GET /repo/a {} 37"),
            (
                "HEAD /os/a HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\nrange: bytes=0-\r\n\r\n",
                "HEAD /os/a {\"range\": \"bytes=0-\"} close 71",
            ),
            ("GET /repo/a HTTP/1.1\r\nHost: x\r\n", "partial"),
            ("GE", "partial"),
            ("GET /ks/x HTTP/1.1\r\nHost: x\r\n\r\n", "other"),
            ("GET /repository HTTP/1.1\r\nHost: x\r\n\r\n", "other"),
            ("GET /repo/a HTTP/1.0\r\nHost: x\r\n\r\n", "other"),
            ("GET /repo/a HTTP/1.1\r\n\r\n", "other"),
            ("GET /repo/a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "other"),
            ("POST /repo/a HTTP/1.1\r\nHost: x\r\n\r\n", "other"),
            ("GET http://x/repo/a HTTP/1.1\r\nHost: x\r\n\r\n", "other"),
            ("GET /repo/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "other"),
            ("GET /repo/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "other"),
            ("GET /repo/a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n", "other"),
            ("\u{16}\u{3}\u{1}", "other"),
        ] {
            assert_eq!(shown(request), expected, "{request:?}");
        }
    }
}
