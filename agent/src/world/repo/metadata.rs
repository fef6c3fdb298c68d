//! Writes a stage's repodata from its packages' parts.
//!
//! Nothing is read anew from packages. The parts of packages that were there before are cut out of the last generation's files,
//! which is one read each instead of one a package; those that came in are read from the pool.
//!
//! A file is a row of gzip members (RFC 1952 §2.2), one for some hundred packages each. A member whose packages are those of a member
//! of the last generation is taken over as it is: what is compressed is what has changed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use camino::Utf8Path;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use sha2::{Digest as _, Sha256};

use super::codec::ContentHead;
use super::error::RepoError;
use super::fragment::{Part, range};
use super::layout::Layout;
use crate::observed::PoolPackage;
use crate::spec::Digest;

/// gzip's level: repodata are read more often than written, and most of a file is taken over.
const LEVEL: u32 = 6;
/// A member ends with the package that makes it as long as this.
const MEMBER: usize = 256 << 10;

/// One written file.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) part: Part,
    pub(super) name: String,
    pub(super) checksum: Digest,
    pub(super) open_checksum: Digest,
    pub(super) size: u64,
    pub(super) open_size: u64,
    /// Bytes of each member, unpacked and packed.
    pub(super) members: Vec<(u64, u64)>,
}

/// The last generation, to cut from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Last<'a> {
    /// Its `repodata/`.
    pub(super) directory: &'a Utf8Path,
    /// Its files and their members.
    pub(super) head: &'a ContentHead,
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
    let packs = &Packs { layout, read: Mutex::default() };
    // Each file is one thread's work: `primary` takes about as long as the other two together.
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            Part::ALL.into_iter().map(|part| scope.spawn(move || write_part(packs, directory, packages, last, part))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Result<Written, RepoError>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    })
}

/// The pool's files of parts, each read once.
struct Packs<'a> {
    layout: &'a Layout,
    read: Mutex<HashMap<String, Arc<Vec<u8>>>>,
}

impl Packs<'_> {
    /// The part of a package.
    fn part(&self, package: &PoolPackage, part: Part, out: &mut Vec<u8>) -> Result<(), RepoError> {
        let (name, at) = &package.parts_at;
        let pack = {
            let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            match read.get(name) {
                Some(pack) => Arc::clone(pack),
                None => {
                    let path = self.layout.parts().join(name);
                    let bytes = std::fs::read(&path).map_err(|source| RepoError::File { what: "read", path, source })?;
                    let pack = Arc::new(bytes);
                    read.insert(name.clone(), Arc::clone(&pack));
                    pack
                }
            }
        };
        let range = range(package.parts, part);
        let at = *at as usize;
        match pack.get(at + range.start..at + range.end) {
            Some(text) => {
                out.extend_from_slice(text);
                Ok(())
            }
            None => {
                let detail = format!("`{}` is shorter than its record says", self.layout.parts().join(name));
                Err(RepoError::Metadata { nevra: Box::new(package.nevra.clone()), detail })
            }
        }
    }
}

fn write_part(
    packs: &Packs<'_>,
    directory: &Utf8Path,
    packages: &[&PoolPackage],
    last: Option<Last<'_>>,
    part: Part,
) -> Result<Written, RepoError> {
    let known = last.and_then(|last| Known::read(last, part));
    let unnamed = directory.join(format!(".{}", part.as_str()));
    let error = |source| RepoError::File { what: "write", path: unnamed.clone(), source };
    let file = File::create(&unnamed).map_err(error)?;
    let mut out = Members {
        out: Hashed::new(BufWriter::with_capacity(1 << 18, file)),
        open: Sha256::new(),
        open_size: 0,
        lens: Vec::new(),
        deflate: Compress::new(Compression::new(LEVEL), false),
    };
    out.pack(part.head(packages.len()).as_bytes()).map_err(error)?;
    let mut left = packages;
    let mut text = Vec::with_capacity(2 * MEMBER);
    while !left.is_empty() {
        text.clear();
        // Where the member is in the last generation, as long as it is one piece there.
        let mut place: Option<Range<usize>> = None;
        let mut whole = true;
        let mut count = 0;
        while count < left.len() && text.len() < MEMBER {
            let package = left[count];
            match known.as_ref().and_then(|known| known.get(&package.digest)) {
                Some((range, bytes)) => {
                    text.extend_from_slice(bytes);
                    whole &= place.as_ref().is_none_or(|place| place.end == range.start);
                    place = Some(place.map_or(range.clone(), |place| place.start..range.end));
                }
                None => {
                    whole = false;
                    packs.part(package, part, &mut text)?;
                }
            }
            count += 1;
        }
        left = &left[count..];
        let packed = place.filter(|_| whole).and_then(|place| known.as_ref()?.packed(&place));
        match packed {
            Some(packed) => out.take(&text, packed).map_err(error)?,
            None => out.pack(&text).map_err(error)?,
        }
    }
    out.pack(part.foot().as_bytes()).map_err(error)?;
    let Members { out, open, open_size, lens: members, .. } = out;
    let open_checksum = Digest::from(<[u8; 32]>::from(open.finalize()));
    let (buffered, checksum, size) = out.finish();
    let file = buffered.into_inner().map_err(|e| error(e.into_error()))?;
    file.sync_data().map_err(error)?;
    let name = format!("{checksum}-{}.xml.gz", part.as_str());
    let path = directory.join(&name);
    std::fs::rename(&unnamed, &path).map_err(|source| RepoError::File { what: "rename to", path, source })?;
    Ok(Written { part, name, checksum, open_checksum, size, open_size, members })
}

/// A file that grows by members.
struct Members {
    out: Hashed<BufWriter<File>>,
    open: Sha256,
    open_size: u64,
    /// Of each member, unpacked and packed.
    lens: Vec<(u64, u64)>,
    /// One for all: to make it takes as long as a small member.
    deflate: Compress,
}

impl Members {
    /// Adds `text` as a member.
    fn pack(&mut self, text: &[u8]) -> io::Result<()> {
        // RFC 1952 §2.3: no name, no time, no particular system.
        let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        self.deflate.reset();
        loop {
            packed.reserve(text.len() / 4 + 64);
            let read = self.deflate.total_in() as usize;
            match self.deflate.compress_vec(&text[read..], &mut packed, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => break,
                Ok(Status::Ok | Status::BufError) => {}
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        let mut crc = Crc::new();
        crc.update(text);
        packed.extend_from_slice(&crc.sum().to_le_bytes());
        packed.extend_from_slice(&crc.amount().to_le_bytes());
        self.take(text, &packed)
    }

    /// Adds `text`, which has been packed before.
    fn take(&mut self, text: &[u8], packed: &[u8]) -> io::Result<()> {
        self.open.update(text);
        self.open_size += text.len() as u64;
        self.lens.push((text.len() as u64, packed.len() as u64));
        self.out.write_all(packed)
    }
}

/// A file of the last generation, and where each package and each member is in it.
struct Known<'a> {
    text: Vec<u8>,
    places: HashMap<&'a Digest, Range<usize>>,
    packed: Vec<u8>,
    /// By where they begin, unpacked: how long they are there, and where they are in the file.
    members: HashMap<usize, (usize, Range<usize>)>,
}

impl<'a> Known<'a> {
    /// None where it cannot be read or is not what it should be: the pool has everything too.
    fn read(last: Last<'a>, part: Part) -> Option<Self> {
        let index = Part::ALL.iter().position(|other| *other == part)?;
        let packed = std::fs::read(last.directory.join(&last.head.files[index])).ok()?;
        let mut places = HashMap::with_capacity(last.packages.len());
        let mut at = part.head(last.packages.len()).len();
        for package in last.packages {
            let end = at + package.parts[index] as usize;
            places.insert(&package.digest, at..end);
            at = end;
        }
        let mut text = Vec::with_capacity(at + part.foot().len());
        // gzip's checksums are checked on the way.
        flate2::bufread::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut text).ok()?;
        if text.len() != at + part.foot().len() {
            return None;
        }
        let mut members = HashMap::new();
        let (mut open_at, mut packed_at) = (0, 0);
        for &(open, size) in &last.head.members[index] {
            let (open, size) = (open as usize, size as usize);
            members.insert(open_at, (open, packed_at..packed_at + size));
            open_at += open;
            packed_at += size;
        }
        if open_at != text.len() || packed_at != packed.len() {
            members.clear();
        }
        Some(Self { text, places, packed, members })
    }

    fn get(&self, digest: &Digest) -> Option<(Range<usize>, &[u8])> {
        let range = self.places.get(digest)?.clone();
        Some((range.clone(), self.text.get(range)?))
    }

    /// The member that is exactly `place`, packed.
    fn packed(&self, place: &Range<usize>) -> Option<&[u8]> {
        let (len, packed) = self.members.get(&place.start)?;
        if *len == place.len() { self.packed.get(packed.clone()) } else { None }
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
