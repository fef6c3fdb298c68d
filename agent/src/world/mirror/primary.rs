//! `primary.xml`: every package of a repository, read as a stream: those of a distribution are a hundred megabytes long.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::error::MirrorError;
use super::listing::ListedPackage;
use super::repomd::{Checksum, RepoFile, is_plain, place_of};
use crate::spec::Nevra;

/// Reads the files of the packages from `input`. `url` is for messages.
pub(super) fn packages(input: impl BufRead, url: &str) -> Result<Vec<RepoFile>, MirrorError> {
    read(input, url, |found| found.file().map(Some))
}

/// Reads which packages `input` lists, as far as they are `wanted` by name.
pub(super) fn listed(input: impl BufRead, url: &str, wanted: &dyn Fn(&Nevra) -> bool) -> Result<Vec<ListedPackage>, MirrorError> {
    read(input, url, |found| found.listed().map(|listed| Some(listed).filter(|listed| wanted(&listed.nevra))))
}

/// What the text of an element is.
#[derive(Clone, Copy)]
enum Field {
    Checksum,
    Name,
    Arch,
}

/// Reads the packages from `input` and keeps what `keep` makes of each.
fn read<T>(
    input: impl BufRead,
    url: &str,
    mut keep: impl FnMut(Found) -> Result<Option<T>, String>,
) -> Result<Vec<T>, MirrorError> {
    let parse = |error: quick_xml::Error| MirrorError::Parse { url: url.to_owned(), source: Box::new(error) };
    let wrong = |reason: String| MirrorError::Metadata { url: url.to_owned(), reason };
    let mut reader = Reader::from_reader(input);
    let mut buffer = Vec::new();
    let (mut kept, mut count) = (Vec::new(), 0);
    let mut found = Found::default();
    let mut depth = 0u32;
    let mut field = None;
    let mut announced = None;
    loop {
        let event = reader.read_event_into(&mut buffer).map_err(parse)?;
        let opens = matches!(event, Event::Start(_));
        match &event {
            Event::Start(tag) | Event::Empty(tag) => {
                let name = tag.local_name();
                match (depth, name.as_ref()) {
                    (0, "metadata") => announced = attribute(tag, "packages").and_then(|count| count.parse::<usize>().ok()),
                    (0, other) => {
                        return Err(wrong(format!("it is a <{other}>, not the <metadata> of a repository")));
                    }
                    (1, "package") => found = Found::default(),
                    (2, "checksum") => {
                        found.kind = attribute(tag, "type").unwrap_or_default();
                        field = opens.then_some(Field::Checksum);
                    }
                    (2, "name") => field = opens.then_some(Field::Name),
                    (2, "arch") => field = opens.then_some(Field::Arch),
                    (2, "version") => {
                        let part = |name| attribute(tag, name).unwrap_or_default();
                        (found.epoch, found.version, found.release) = (part("epoch"), part("ver"), part("rel"));
                    }
                    (2, "location") => {
                        found.path = place_of(&attribute(tag, "href").unwrap_or_default());
                        found.elsewhere = attribute(tag, "xml:base").is_some();
                    }
                    (2, "size") => found.size = attribute(tag, "package").and_then(|size| size.parse().ok()),
                    _ => {}
                }
                depth += u32::from(opens);
            }
            Event::Text(text) => match field {
                Some(Field::Checksum) => found.hex.push_str(&text.xml10_content()),
                Some(Field::Name) => found.name.push_str(&text.xml10_content()),
                Some(Field::Arch) => found.arch.push_str(&text.xml10_content()),
                None => {}
            },
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                field = None;
                if depth == 1 && tag.local_name().as_ref() == "package" {
                    count += 1;
                    kept.extend(keep(std::mem::take(&mut found)).map_err(wrong)?);
                }
            }
            Event::Eof if depth > 0 => return Err(wrong("it ends in the middle".to_owned())),
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    match announced {
        Some(announced) if announced == count => Ok(kept),
        _ => Err(wrong(format!("it announces {announced:?} packages and has {count}"))),
    }
}

/// What a repository says of a package.
#[derive(Default)]
struct Found {
    name: String,
    arch: String,
    epoch: String,
    version: String,
    release: String,
    kind: String,
    hex: String,
    path: String,
    size: Option<u64>,
    elsewhere: bool,
}

impl Found {
    fn listed(self) -> Result<ListedPackage, String> {
        let epoch = self.epoch.parse().unwrap_or(0);
        let nevra = Nevra::new(&self.name, epoch, &self.version, &self.release, &self.arch)
            .map_err(|error| format!("package {:?}: {error}", self.path))?;
        let sha256 = Some(self.hex.trim()).filter(|_| self.kind == "sha256").and_then(|hex| hex.parse().ok());
        Ok(ListedPackage { nevra, sha256 })
    }

    fn file(self) -> Result<RepoFile, String> {
        if self.elsewhere {
            return Err(format!("package {:?} lies at another address (`xml:base`): mirror that repository", self.path));
        }
        if !is_plain(&self.path) || self.path.starts_with("repodata/") {
            return Err(format!("a package is said to be at {:?}, which is not a place within the repository", self.path));
        }
        let checksum = Checksum::new(&self.kind, &self.hex).map_err(|reason| format!("package {:?}: {reason}", self.path))?;
        Ok(RepoFile { path: self.path, checksum, size: self.size })
    }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(name).ok()??;
    attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn primary(count: usize, package: &str) -> String {
        format!("<?xml version=\"1.0\"?>\n<metadata xmlns=\"x\" xmlns:rpm=\"y\" packages=\"{count}\">{package}</metadata>")
    }

    fn package(href: &str, location: &str) -> String {
        format!(
            "<package type=\"rpm\"><name>a</name><checksum type=\"sha256\" pkgid=\"YES\">{}</checksum>\
             <size package=\"7\" installed=\"0\"/><location {location} href=\"{href}\"/>\
             <format><rpm:provides><rpm:entry name=\"a\"/></rpm:provides><file>/x</file></format></package>",
            "ab".repeat(32)
        )
    }

    #[test]
    fn packages_are_read_with_place_size_and_checksum() {
        let found = packages(primary(1, &package("Packages/a&amp;b-1.rpm", "")).as_bytes(), "u").unwrap();
        assert_eq!((found[0].path.as_str(), found[0].size), ("Packages/a&b-1.rpm", Some(7)));
        for (href, path) in
            [("Packages/c%2B%2B-1%7erc1.rpm", "Packages/c++-1~rc1.rpm"), ("Packages/c++-5%.rpm", "Packages/c++-5%.rpm")]
        {
            assert_eq!(packages(primary(1, &package(href, "")).as_bytes(), "u").unwrap()[0].path, path);
        }
        assert_eq!(packages(primary(0, "").as_bytes(), "u").unwrap(), []);
    }

    #[test]
    fn packages_are_listed_with_what_they_are() {
        let text = package("a.rpm", "")
            .replace("<name>a</name>", "<name>a-b</name><arch>x86_64</arch><version epoch=\"1\" ver=\"2~rc1\" rel=\"3\"/>");
        let text = primary(1, &text);
        let found = listed(text.as_bytes(), "u", &|_| true).unwrap();
        let sha256 = "ab".repeat(32).parse().ok();
        assert_eq!((found[0].nevra.to_string().as_str(), &found[0].sha256), ("a-b-1:2~rc1-3.x86_64", &sha256));
        assert_eq!(listed(text.as_bytes(), "u", &|nevra| nevra.name() == "a").unwrap(), []);
        let weak = text.replace("type=\"sha256\"", "type=\"md5\"");
        assert_eq!(listed(weak.as_bytes(), "u", &|_| true).unwrap()[0].sha256, None);
    }

    #[test]
    fn what_is_cut_short_or_leads_elsewhere_is_refused() {
        let whole = primary(1, &package("a.rpm", ""));
        for (text, reason) in [
            (whole[..whole.len() - 11].to_owned(), "ends in the middle"),
            (primary(2, &package("a.rpm", "")), "announces Some(2) packages and has 1"),
            (primary(1, &package("../a.rpm", "")), "not a place within"),
            (primary(1, &package("Packages/..%2f..%2fa.rpm", "")), "not a place within"),
            (primary(1, &package("repodata/repomd.xml", "")), "not a place within"),
            (primary(1, &package("a.rpm", "xml:base=\"http://x/\"")), "at another address"),
            (primary(1, &package("a.rpm", "").replace("sha256", "md5")), "prove nothing"),
            ("<html/>".to_owned(), "it is a <html>"),
        ] {
            let error = packages(text.as_bytes(), "u").unwrap_err().to_string();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
