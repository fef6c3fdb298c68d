//! Fetching from an upstream: each file goes on where a broken transfer ended, and counts only when its digest is right.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::error::{MirrorError, file};
use super::hash::Hash;
use super::repomd::RepoFile;
use crate::spec::HttpUrl;

/// Breaks without a byte in between before it is given up.
const TRIES: u32 = 4;
/// Wait after the first of them; doubled each time.
const PAUSE: Duration = Duration::from_millis(250);
/// Until there is a connection, and until an answer begins.
const CONNECT: Duration = Duration::from_secs(15);
/// That a transfer may stand still.
const STALL: Duration = Duration::from_secs(30);
/// The same for somebody who waits, and is told at once that it did not work.
const HASTE: Duration = Duration::from_secs(5);
/// Bytes read at once.
const CHUNK: usize = 128 << 10;
/// What a URL's path may have as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A repository on a server.
pub(super) struct Upstream {
    agent: ureq::Agent,
    base: String,
    /// How often a small file is asked for.
    tries: u32,
}

impl Upstream {
    /// For a transfer of hours.
    pub(super) fn new(url: &HttpUrl) -> Self {
        Self::with(url, CONNECT, STALL, TRIES)
    }

    /// For a look at small files, once.
    pub(super) fn hasty(url: &HttpUrl) -> Self {
        Self::with(url, HASTE, HASTE, 1)
    }

    fn with(url: &HttpUrl, connect: Duration, stall: Duration, tries: u32) -> Self {
        // Mirrors inside a company have certificates of a CA that only the host's own store knows.
        let trust = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::PlatformVerifier).build();
        let agent = ureq::Agent::config_builder()
            .tls_config(trust)
            .http_status_as_error(false)
            .max_redirects(5)
            .timeout_connect(Some(connect))
            .timeout_resolve(Some(connect))
            .timeout_recv_response(Some(stall))
            .timeout_per_read(Some(stall))
            .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .build();
        Self { agent: agent.into(), base: url.as_str().trim_end_matches('/').to_owned(), tries }
    }

    /// The address of `path` within the repository.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{}", self.base, utf8_percent_encode(path, PLAIN))
    }

    /// A small file, whole; none where there is none.
    pub(super) fn small(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, MirrorError> {
        let url = self.url(path);
        let mut tries = 0;
        loop {
            let read = self.agent.get(&url).call().map_err(Box::new).and_then(|response| {
                let status = response.status().as_u16();
                let mut bytes = Vec::new();
                response
                    .into_body()
                    .into_with_config()
                    .limit(most)
                    .reader()
                    .read_to_end(&mut bytes)
                    .map_err(|error| Box::new(wrapped(error)))?;
                Ok((status, bytes))
            });
            match read {
                Ok((200, bytes)) => return Ok(Some(bytes)),
                Ok((404 | 410, _)) => return Ok(None),
                Ok((status, _)) if tries + 1 >= self.tries || !is_passing(status) => {
                    return Err(MirrorError::Status { url, status });
                }
                Err(source) if tries + 1 >= self.tries => return Err(MirrorError::Network { url, source }),
                _ => {}
            }
            std::thread::sleep(PAUSE * 2u32.pow(tries));
            tries += 1;
        }
    }

    /// The same of a file that need not be there. Some servers forbid what they do not have.
    pub(super) fn optional(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, MirrorError> {
        match self.small(path, most) {
            Err(MirrorError::Status { status: 401 | 403, .. }) => Ok(None),
            other => other,
        }
    }

    /// Fetches `wanted` by way of `partial` and gives it the name `to`. `told` hears of every byte that came over the network.
    pub(super) fn fetch(
        &self,
        wanted: &RepoFile,
        partial: &Utf8Path,
        to: &Utf8Path,
        told: &(dyn Fn(u64) + Sync),
    ) -> Result<(), MirrorError> {
        let url = self.url(&wanted.path);
        let mut tries = 0;
        let mut afresh = false;
        loop {
            let mut transfer = Transfer::open(wanted, partial)?;
            let had = transfer.length;
            match self.go_on(&url, &mut transfer, told) {
                Ok(()) => match transfer.check(&url) {
                    Ok(()) => return transfer.finish(to),
                    // What an earlier run left may have been of another file: once more, without it.
                    Err(_) if had > 0 && !afresh => {
                        afresh = true;
                        transfer.discard()?;
                    }
                    Err(error) => {
                        transfer.discard()?;
                        return Err(error);
                    }
                },
                Err(Broken::Final(error)) => return Err(error),
                Err(Broken::Passing(error)) => {
                    tries = if transfer.length > had { 0 } else { tries + 1 };
                    if tries >= TRIES {
                        return Err(error);
                    }
                    std::thread::sleep(PAUSE * 2u32.pow(tries));
                }
            }
        }
    }

    fn go_on(&self, url: &str, transfer: &mut Transfer<'_>, told: &(dyn Fn(u64) + Sync)) -> Result<(), Broken> {
        if transfer.wanted.size == Some(transfer.length) {
            return Ok(());
        }
        let network = |source| Broken::Passing(MirrorError::Network { url: url.to_owned(), source });
        let mut request = self.agent.get(url);
        if transfer.length > 0 {
            request = request.header("Range", format!("bytes={}-", transfer.length));
        }
        let response = request.call().map_err(|error| network(Box::new(error)))?;
        match response.status().as_u16() {
            206 => {
                let range = response.headers().get("content-range").and_then(|value| value.to_str().ok()).unwrap_or_default();
                if !range.starts_with(&format!("bytes {}-", transfer.length)) {
                    let reason = format!("the part that came is {range:?}, not from byte {} on", transfer.length);
                    transfer.restart().map_err(Broken::Final)?;
                    return Err(Broken::Passing(MirrorError::Metadata { url: url.to_owned(), reason }));
                }
            }
            200 if transfer.length > 0 => transfer.restart().map_err(Broken::Final)?,
            200 => {}
            416 => {
                transfer.restart().map_err(Broken::Final)?;
                return Err(Broken::Passing(MirrorError::Status { url: url.to_owned(), status: 416 }));
            }
            404 | 410 => return Err(Broken::Final(MirrorError::Missing { url: url.to_owned() })),
            status if is_passing(status) => return Err(Broken::Passing(MirrorError::Status { url: url.to_owned(), status })),
            status => return Err(Broken::Final(MirrorError::Status { url: url.to_owned(), status })),
        }
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut buffer = vec![0; CHUNK];
        loop {
            match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    transfer.take(&buffer[..read], url)?;
                    told(read as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(network(Box::new(wrapped(error)))),
            }
        }
    }
}

/// Whether a server may answer differently in a moment.
const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

fn wrapped(error: io::Error) -> ureq::Error {
    error.downcast::<ureq::Error>().unwrap_or_else(ureq::Error::Io)
}

/// Why a transfer ended early.
enum Broken {
    /// It is worth another try.
    Passing(MirrorError),
    /// It is not.
    Final(MirrorError),
}

impl From<MirrorError> for Broken {
    fn from(error: MirrorError) -> Self {
        Self::Final(error)
    }
}

/// A file on its way.
struct Transfer<'w> {
    wanted: &'w RepoFile,
    path: Utf8PathBuf,
    file: File,
    hash: Hash,
    length: u64,
}

impl<'w> Transfer<'w> {
    /// Opens what there is of it already.
    fn open(wanted: &'w RepoFile, path: &Utf8Path) -> Result<Self, MirrorError> {
        let mut handle =
            File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(file("open", path))?;
        let mut hash = Hash::new(wanted.checksum.kind);
        let mut buffer = vec![0; CHUNK];
        let mut length = 0;
        loop {
            match handle.read(&mut buffer).map_err(file("read", path))? {
                0 => break,
                read => {
                    hash.update(&buffer[..read]);
                    length += read as u64;
                }
            }
        }
        let mut transfer = Self { wanted, path: path.to_owned(), file: handle, hash, length };
        if wanted.size.is_some_and(|size| length > size) {
            transfer.restart()?;
        }
        Ok(transfer)
    }

    /// Forgets what there is.
    fn restart(&mut self) -> Result<(), MirrorError> {
        use std::io::Seek as _;
        self.file.set_len(0).and_then(|()| self.file.rewind()).map_err(file("empty", &self.path))?;
        self.hash = Hash::new(self.wanted.checksum.kind);
        self.length = 0;
        Ok(())
    }

    fn take(&mut self, bytes: &[u8], url: &str) -> Result<(), Broken> {
        let length = self.length + bytes.len() as u64;
        if let Some(size) = self.wanted.size
            && length > size
        {
            self.restart()?;
            return Err(Broken::Final(MirrorError::Altered {
                url: url.to_owned(),
                what: "size",
                found: format!("{length} or more"),
                expected: size.to_string(),
            }));
        }
        self.file.write_all(bytes).map_err(file("write", &self.path))?;
        self.hash.update(bytes);
        self.length = length;
        Ok(())
    }

    /// Whether it is what was wanted.
    fn check(&self, url: &str) -> Result<(), MirrorError> {
        let altered = |what, found: String, expected: String| MirrorError::Altered { url: url.to_owned(), what, found, expected };
        if let Some(size) = self.wanted.size
            && size != self.length
        {
            return Err(altered("size", self.length.to_string(), size.to_string()));
        }
        let found = self.hash.hex();
        let expected = &self.wanted.checksum.hex;
        if found == *expected { Ok(()) } else { Err(altered(self.wanted.checksum.kind.as_str(), found, expected.clone())) }
    }

    fn discard(self) -> Result<(), MirrorError> {
        fs::remove_file(&self.path).map_err(file("remove", &self.path))
    }

    fn finish(self, to: &Utf8Path) -> Result<(), MirrorError> {
        self.file.sync_data().map_err(file("write to the disk", &self.path))?;
        if let Some(directory) = to.parent() {
            fs::create_dir_all(directory).map_err(file("make the directory", directory))?;
        }
        fs::rename(&self.path, to).map_err(file("rename to", to))
    }
}
