//! Records as they lie on disk: JSON lines, and plain lines where there are many. Old ones stay readable: fields are only added.

use std::time::Duration;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};

use super::error::RepoError;
use crate::observed::{Action, Arrival, PackageCheck, PoolPackage, Publication, StageContent, StagePackage};
use crate::spec::{Digest, Nevra, StageName, Timestamp};

type Bad = Box<dyn std::error::Error + Send + Sync>;

/// A line of `pool/packages.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PackageLine {
    digest: String,
    name: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    epoch: u32,
    version: String,
    release: String,
    arch: String,
    size: u64,
    header: String,
    source: String,
    signer: String,
    summary: String,
    built: u64,
    entered: u64,
    by: String,
    parts: [u64; 3],
    parts_in: String,
    parts_at: u64,
    /// Its bytes have been removed; what the NEVRA stood for is remembered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    gone: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(epoch: &u32) -> bool {
    *epoch == 0
}

impl From<&PoolPackage> for PackageLine {
    fn from(p: &PoolPackage) -> Self {
        Self {
            digest: p.digest.to_string(),
            name: p.nevra.name().to_owned(),
            epoch: p.nevra.epoch(),
            version: p.nevra.version().to_owned(),
            release: p.nevra.release().to_owned(),
            arch: p.nevra.arch().to_owned(),
            size: p.size,
            header: p.header.clone(),
            source: p.source.to_string(),
            signer: p.signer.clone(),
            summary: p.summary.clone(),
            built: p.built,
            entered: p.entered.0,
            by: p.by.clone(),
            parts: p.parts,
            parts_in: p.parts_at.0.clone(),
            parts_at: p.parts_at.1,
            gone: false,
        }
    }
}

impl PackageLine {
    /// The line that says that `package` is no longer there.
    pub(super) fn gone(package: &PoolPackage) -> Self {
        Self { gone: true, ..Self::from(package) }
    }
}

impl TryFrom<PackageLine> for PoolPackage {
    type Error = Bad;
    fn try_from(line: PackageLine) -> Result<Self, Bad> {
        Ok(Self {
            digest: line.digest.parse()?,
            nevra: Nevra::new(&line.name, line.epoch, &line.version, &line.release, &line.arch)?,
            size: line.size,
            header: line.header,
            source: line.source.parse()?,
            signer: line.signer,
            summary: line.summary,
            built: line.built,
            entered: Timestamp(line.entered),
            by: line.by,
            parts: line.parts,
            parts_at: (line.parts_in, line.parts_at),
        })
    }
}

/// A package, and whether it is still there.
pub(super) struct Known {
    pub(super) package: PoolPackage,
    pub(super) gone: bool,
}

impl TryFrom<PackageLine> for Known {
    type Error = Bad;
    fn try_from(line: PackageLine) -> Result<Self, Bad> {
        Ok(Self { gone: line.gone, package: line.try_into()? })
    }
}

/// A package in a stage, in records.
#[derive(Debug, Serialize, Deserialize)]
struct MoveLine {
    digest: String,
    since: u64,
}

/// `records/N.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PublicationLine {
    stage: String,
    generation: u64,
    at: u64,
    by: String,
    #[serde(default)]
    login: String,
    action: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approved_by: Option<String>,
    #[serde(default)]
    note: String,
    added: Vec<MoveLine>,
    removed: Vec<MoveLine>,
    took_ms: u64,
}

fn moves(packages: &[StagePackage]) -> Vec<MoveLine> {
    packages.iter().map(|p| MoveLine { digest: p.digest.to_string(), since: p.since.0 }).collect()
}

fn packages(moves: Vec<MoveLine>) -> Result<Vec<StagePackage>, Bad> {
    moves.into_iter().map(|m| Ok(StagePackage { digest: m.digest.parse()?, since: Timestamp(m.since) })).collect()
}

impl From<&Publication> for PublicationLine {
    fn from(p: &Publication) -> Self {
        let (from, to) = match &p.action {
            Action::Promote { from } => (Some(from.to_string()), None),
            Action::Rollback { to } => (None, Some(*to)),
            Action::Add | Action::Retire | Action::Refresh => (None, None),
        };
        Self {
            stage: p.stage.to_string(),
            generation: p.generation,
            at: p.at.0,
            by: p.by.clone(),
            login: p.login.clone(),
            action: p.action.as_str().to_owned(),
            from,
            to,
            approved_by: p.approved_by.clone(),
            note: p.note.clone(),
            added: moves(&p.added),
            removed: moves(&p.removed),
            took_ms: u64::try_from(p.took.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

impl TryFrom<PublicationLine> for Publication {
    type Error = Bad;
    fn try_from(line: PublicationLine) -> Result<Self, Bad> {
        let from: Option<StageName> = line.from.as_deref().map(str::parse).transpose()?;
        let action = match (line.action.as_str(), from, line.to) {
            ("add", ..) => Action::Add,
            ("promote", Some(from), _) => Action::Promote { from },
            ("rollback", _, Some(to)) => Action::Rollback { to },
            ("retire", ..) => Action::Retire,
            ("refresh", ..) => Action::Refresh,
            (other, ..) => return Err(format!("`{other}` is no action").into()),
        };
        Ok(Self {
            stage: line.stage.parse()?,
            generation: line.generation,
            at: Timestamp(line.at),
            by: line.by,
            login: line.login,
            action,
            approved_by: line.approved_by,
            note: line.note,
            added: packages(line.added)?,
            removed: packages(line.removed)?,
            took: Duration::from_millis(line.took_ms),
        })
    }
}

/// A line of `checks/DIGEST.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CheckLine {
    digest: String,
    stage: String,
    role: String,
    check: String,
    vm: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    at: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    runs: Option<RunsLine>,
}

/// Since when a VM had the bytes, and how they came there.
#[derive(Debug, Serialize, Deserialize)]
struct RunsLine {
    since: u64,
    arrival: String,
}

impl From<&PackageCheck> for CheckLine {
    fn from(c: &PackageCheck) -> Self {
        Self {
            digest: c.digest.to_string(),
            stage: c.stage.to_string(),
            role: c.role.to_string(),
            check: c.check.to_string(),
            vm: c.vm.to_string(),
            failure: c.failure.clone(),
            at: c.at.0,
            runs: c.runs.map(|(since, arrival)| RunsLine { since: since.0, arrival: arrival.as_str().to_owned() }),
        }
    }
}

impl TryFrom<CheckLine> for PackageCheck {
    type Error = Bad;
    fn try_from(line: CheckLine) -> Result<Self, Bad> {
        Ok(Self {
            digest: line.digest.parse()?,
            stage: line.stage.parse()?,
            role: line.role.parse()?,
            check: line.check.parse()?,
            vm: line.vm.parse()?,
            failure: line.failure,
            at: Timestamp(line.at),
            runs: line.runs.and_then(|runs| Some((Timestamp(runs.since), Arrival::parse(&runs.arrival)?))),
        })
    }
}

/// One value as a line.
pub(super) fn line(value: &impl Serialize) -> String {
    // Strings, numbers and lists of them always have a JSON form.
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads the lines of `path`; none where there is no file. What stands after the last line break was cut off by a crash, before
/// anybody was told that it counts.
pub(super) fn lines<L, T>(path: &Utf8Path) -> Result<Vec<T>, RepoError>
where
    L: for<'de> Deserialize<'de>,
    T: TryFrom<L, Error = Bad>,
{
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(RepoError::File { what: "read", path: path.to_owned(), source }),
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |line: &str| -> Result<T, Bad> { T::try_from(serde_json::from_str::<L>(line)?) };
    let numbered = whole.lines().enumerate().filter(|(_, line)| !line.is_empty());
    numbered
        .map(|(at, text)| parse(text).map_err(|source| RepoError::Record { path: path.to_owned(), line: at + 1, source }))
        .collect()
}

/// The head of a content file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct ContentHead {
    /// The generation.
    pub(super) generation: u64,
    /// When it was published.
    pub(super) at: u64,
    /// `revision` of `repomd.xml`: only ever grows.
    pub(super) revision: u64,
    /// Names of the three files in `repodata/`.
    pub(super) files: [String; 3],
    /// The gzip members of each: bytes unpacked and packed.
    #[serde(default)]
    pub(super) members: [Vec<(u64, u64)>; 3],
}

/// A content file: its head, then a line a package.
pub(super) fn write_content(head: &ContentHead, packages: &[StagePackage]) -> String {
    use std::fmt::Write as _;
    let mut text = line(head);
    text.reserve(packages.len() * 80);
    for package in packages {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} {}", package.digest, package.since.0);
    }
    text
}

/// Reads a content file.
pub(super) fn read_content(path: &Utf8Path) -> Result<(ContentHead, StageContent), RepoError> {
    let text = std::fs::read_to_string(path).map_err(|source| RepoError::File { what: "read", path: path.to_owned(), source })?;
    let bad = |line: usize, source: Bad| RepoError::Record { path: path.to_owned(), line, source };
    let mut rows = text.lines().enumerate();
    let head: ContentHead = serde_json::from_str(rows.next().map_or("", |(_, line)| line)).map_err(|e| bad(1, e.into()))?;
    let row = |line: &str| -> Result<StagePackage, Bad> {
        let (digest, since) = line.split_once(' ').ok_or("a digest and a time are missing")?;
        Ok(StagePackage { digest: digest.parse::<Digest>()?, since: Timestamp(since.parse()?) })
    };
    let packages = rows.map(|(at, line)| row(line).map_err(|e| bad(at + 1, e))).collect::<Result<_, _>>()?;
    Ok((head.clone(), StageContent { generation: head.generation, packages }))
}

/// Reads the head of a content file alone.
pub(super) fn read_content_head(path: &Utf8Path) -> Result<ContentHead, RepoError> {
    use std::io::BufRead as _;
    let read = || -> std::io::Result<String> {
        let mut line = String::new();
        std::io::BufReader::new(std::fs::File::open(path)?).read_line(&mut line)?;
        Ok(line)
    };
    let line = read().map_err(|source| RepoError::File { what: "read", path: path.to_owned(), source })?;
    serde_json::from_str(&line).map_err(|e| RepoError::Record { path: path.to_owned(), line: 1, source: e.into() })
}
