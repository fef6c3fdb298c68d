//! Writes a stage's repodata from its packages' parts.
//!
//! Nothing is read anew from packages. The parts of packages that were there before are cut out of the last generation's files,
//! which is one read each instead of one a package; those that came in are read from the pool. The same content gives the same
//! bytes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write};
use std::ops::Range;

use camino::Utf8Path;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::error::RepoError;
use super::fragment::{Part, range};
use super::layout::Layout;
use crate::observed::PoolPackage;
use crate::spec::Digest;

/// gzip's level: repodata are read more often than written, but whoever promotes waits for the writing. See docs/repositories.md.
const LEVEL: u32 = 4;

/// One written file.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) part: Part,
    pub(super) name: String,
    pub(super) checksum: Digest,
    pub(super) open_checksum: Digest,
    pub(super) size: u64,
    pub(super) open_size: u64,
}

/// The last generation, to cut from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last<'a> {
    /// Its `repodata/`.
    pub(super) directory: &'a Utf8Path,
    /// Names of its files.
    pub(super) files: &'a [String; 3],
    /// Its packages in their order.
    pub(super) packages: &'a [&'a PoolPackage],
}

/// Writes the three files for `packages` into `directory`.
pub(super) fn write(
    layout: &Layout,
    directory: &Utf8Path,
    packages: &[&PoolPackage],
    last: Option<Last<'_>>,
) -> Result<Vec<Written>, RepoError> {
    // Each file is one thread's work: `primary` takes about as long as the other two together.
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            Part::ALL.into_iter().map(|part| scope.spawn(move || write_part(layout, directory, packages, last, part))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<Written, RepoError>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    })
}

fn write_part(
    layout: &Layout,
    directory: &Utf8Path,
    packages: &[&PoolPackage],
    last: Option<Last<'_>>,
    part: Part,
) -> Result<Written, RepoError> {
    let known = last.and_then(|last| Known::read(last, part));
    let unnamed = directory.join(format!(".{}", part.as_str()));
    let error = |source| RepoError::File { what: "write", path: unnamed.clone(), source };
    let file = File::create(&unnamed).map_err(error)?;
    let mut out =
        Hashed::new(GzEncoder::new(Hashed::new(BufWriter::with_capacity(1 << 18, file)), flate2::Compression::new(LEVEL)));
    out.write_all(part.head(packages.len()).as_bytes()).map_err(error)?;
    for package in packages {
        match known.as_ref().and_then(|known| known.get(&package.digest)) {
            Some(text) => out.write_all(text).map_err(error)?,
            None => {
                let path = layout.parts(&package.digest);
                let text = std::fs::read(&path).map_err(|source| RepoError::File { what: "read", path: path.clone(), source })?;
                let Some(slice) = text.get(range(package.parts, part)) else {
                    let detail = format!("`{path}` is shorter than its record says");
                    return Err(RepoError::Metadata { nevra: Box::new(package.nevra.clone()), detail });
                };
                out.write_all(slice).map_err(error)?;
            }
        }
    }
    out.write_all(part.foot().as_bytes()).map_err(error)?;
    let (gz, open_checksum, open_size) = out.finish();
    let (buffered, checksum, size) = gz.finish().map_err(error)?.finish();
    let file = buffered.into_inner().map_err(|e| error(e.into_error()))?;
    file.sync_data().map_err(error)?;
    let name = format!("{checksum}-{}.xml.gz", part.as_str());
    let path = directory.join(&name);
    std::fs::rename(&unnamed, &path).map_err(|source| RepoError::File { what: "rename to", path, source })?;
    Ok(Written { part, name, checksum, open_checksum, size, open_size })
}

/// A file of the last generation, and where each package is in it.
struct Known<'a> {
    text: Vec<u8>,
    places: HashMap<&'a Digest, Range<usize>>,
}

impl<'a> Known<'a> {
    /// None where it cannot be read or is not what it should be: the pool has everything too.
    fn read(last: Last<'a>, part: Part) -> Option<Self> {
        let index = Part::ALL.iter().position(|other| *other == part)?;
        let file = File::open(last.directory.join(&last.files[index])).ok()?;
        let mut places = HashMap::with_capacity(last.packages.len());
        let mut at = part.head(last.packages.len()).len();
        for package in last.packages {
            let end = at + package.parts[index] as usize;
            places.insert(&package.digest, at..end);
            at = end;
        }
        let mut text = Vec::with_capacity(at + part.foot().len());
        // gzip's checksum is checked on the way.
        flate2::read::MultiGzDecoder::new(io::BufReader::with_capacity(1 << 18, file)).read_to_end(&mut text).ok()?;
        (text.len() == at + part.foot().len()).then_some(Self { text, places })
    }

    fn get(&self, digest: &Digest) -> Option<&[u8]> {
        self.text.get(self.places.get(digest)?.clone())
    }
}

/// A writer that hashes and counts what passes.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
    count: u64,
}

impl<W> Hashed<W> {
    fn new(inner: W) -> Self {
        Self { inner, hash: Sha256::new(), count: 0 }
    }

    fn finish(self) -> (W, Digest, u64) {
        (self.inner, Digest::from(<[u8; 32]>::from(self.hash.finalize())), self.count)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// `repomd.xml` over `files`.
pub(super) fn repomd(files: &[Written], revision: u64) -> String {
    use std::fmt::Write as _;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" \
         xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n  <revision>{revision}</revision>\n"
    );
    for file in files {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "  <data type=\"{}\">\n    <checksum type=\"sha256\">{}</checksum>\n    <open-checksum type=\"sha256\">{}</open-checksum>\n    \
             <location href=\"repodata/{}\"/>\n    <timestamp>{revision}</timestamp>\n    <size>{}</size>\n    <open-size>{}</open-size>\n  </data>\n",
            file.part.as_str(),
            file.checksum,
            file.open_checksum,
            file.name,
            file.size,
            file.open_size
        );
    }
    text.push_str("</repomd>\n");
    text
}
