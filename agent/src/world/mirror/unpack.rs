//! Metadata files as they were before compression, by the end of their name.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, Write};

use camino::Utf8Path;

/// Unpacked bytes at most: ten times what the largest distribution has, and less than what would fill a disk.
const MOST: u64 = 4 << 30;

/// Opens the file at `path`, whose name in the repository is `name`.
pub(super) fn open(path: &Utf8Path, name: &str) -> io::Result<Box<dyn BufRead>> {
    let packed = BufReader::new(File::open(path)?);
    let extension = name.rsplit('.').next().unwrap_or_default();
    Ok(match extension {
        "xml" => Box::new(packed.take(MOST)),
        "gz" => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(packed).take(MOST))),
        "zst" => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(packed).map_err(io::Error::other)?;
            Box::new(BufReader::new(decoder.take(MOST)))
        }
        "xz" => {
            let mut unpacked = Bounded { file: tempfile::tempfile()?, left: MOST };
            lzma_rs::xz_decompress(&mut { packed }, &mut unpacked).map_err(io::Error::other)?;
            unpacked.file.rewind()?;
            Box::new(BufReader::new(unpacked.file))
        }
        other => return Err(io::Error::other(format!("metadata packed as `.{other}` are not known; .gz, .xz and .zst are"))),
    })
}

struct Bounded {
    file: File,
    left: u64,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| io::Error::other("it is too large unpacked"))?;
        self.file.write_all(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packing_that_repositories_use_is_read_and_others_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8Path::from_path(directory.path()).unwrap().join("file");
        let text = "some text, and more of it\n".repeat(1000);
        for name in ["p.xml", "p.xml.gz", "p.xml.xz"] {
            let mut packed = Vec::new();
            match name.rsplit('.').next().unwrap() {
                "gz" => {
                    let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::default());
                    encoder.write_all(text.as_bytes()).unwrap();
                    encoder.finish().unwrap();
                }
                "xz" => lzma_rs::xz_compress(&mut text.as_bytes(), &mut packed).unwrap(),
                _ => packed = text.clone().into_bytes(),
            }
            std::fs::write(&path, packed).unwrap();
            let mut unpacked = String::new();
            open(&path, name).unwrap().read_to_string(&mut unpacked).unwrap();
            assert!(unpacked == text, "{name}");
        }
        let packed = ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
        std::fs::write(&path, packed).unwrap();
        let mut unpacked = String::new();
        open(&path, "p.xml.zst").unwrap().read_to_string(&mut unpacked).unwrap();
        assert!(unpacked == text, "zst");
        assert!(open(&path, "p.xml.zck").err().unwrap().to_string().contains("`.zck`"));
        std::fs::write(&path, "no gzip").unwrap();
        assert!(open(&path, "p.gz").unwrap().read_to_string(&mut String::new()).is_err());
    }
}
