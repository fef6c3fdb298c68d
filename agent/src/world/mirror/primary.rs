//! `primary.xml`: every package of a repository, read as a stream: those of a distribution are a hundred megabytes long.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::error::MirrorError;
use super::repomd::{Checksum, RepoFile, is_plain, place_of};

/// Reads the packages from `input`. `url` is for messages.
pub(super) fn packages(input: impl BufRead, url: &str) -> Result<Vec<RepoFile>, MirrorError> {
    let parse = |error: quick_xml::Error| MirrorError::Parse { url: url.to_owned(), source: Box::new(error) };
    let wrong = |reason: String| MirrorError::Metadata { url: url.to_owned(), reason };
    let mut reader = Reader::from_reader(input);
    let mut buffer = Vec::new();
    let mut packages = Vec::new();
    let mut found = Found::default();
    let mut depth = 0u32;
    let mut in_checksum = false;
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
                        in_checksum = opens;
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
            Event::Text(text) if in_checksum => found.hex.push_str(&text.xml10_content()),
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                in_checksum = false;
                if depth == 1 && tag.local_name().as_ref() == "package" {
                    packages.push(std::mem::take(&mut found).finish().map_err(wrong)?);
                }
            }
            Event::Eof if depth > 0 => return Err(wrong("it ends in the middle".to_owned())),
            Event::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    match announced {
        Some(count) if count == packages.len() => Ok(packages),
        _ => Err(wrong(format!("it announces {announced:?} packages and has {}", packages.len()))),
    }
}

#[derive(Default)]
struct Found {
    kind: String,
    hex: String,
    path: String,
    size: Option<u64>,
    elsewhere: bool,
}

impl Found {
    fn finish(self) -> Result<RepoFile, String> {
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
