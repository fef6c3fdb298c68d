//! Directory → files as written → `Spec`, or every mistake.
//!
//! Called by whoever needs the site: the agent at every pass, and `check`, `plan`, `render`, `diff`. Reads and never writes.

use std::collections::BTreeMap;
use std::str::FromStr;

use camino::Utf8Path;
use toml::de::DeTable;

use super::error::SiteErrors;
use super::excerpt::{escape, quote};
use super::file::{HypervisorFile, NetworkFile, OsFile, RoleFile, SizeFile, StageFile, TeamFile, TopFile, VmFile};
use super::problems::{Kind, Place, Problem, Problems, Source, Span};
use super::read::Root;
use super::resolve;
use super::revision;
use super::table::{Cx, Table};
use crate::spec::{HypervisorName, IdError, NetworkName, OsName, RoleName, SizeName, Spec, StageName, TeamName, VmName};

/// A named thing of a site as written.
#[derive(Debug)]
pub(super) struct Named<T> {
    /// Its file, or its table in a file of several.
    pub(super) place: Place,
    /// What it says; none where the file could not be read, which has been reported.
    pub(super) file: Option<T>,
}

/// All files of a site.
#[derive(Debug)]
pub(super) struct SiteFiles {
    pub(super) top: Option<TopFile>,
    pub(super) oses: BTreeMap<OsName, Named<OsFile>>,
    pub(super) stages: BTreeMap<StageName, Named<StageFile>>,
    pub(super) roles: BTreeMap<RoleName, Named<RoleFile>>,
    pub(super) sizes: BTreeMap<SizeName, Named<SizeFile>>,
    pub(super) networks: BTreeMap<NetworkName, Named<NetworkFile>>,
    pub(super) teams: BTreeMap<TeamName, Named<TeamFile>>,
    pub(super) hypervisors: BTreeMap<HypervisorName, Named<HypervisorFile>>,
    pub(super) vms: BTreeMap<VmName, Named<VmFile>>,
}

/// Loads the site in `dir`.
///
/// # Errors
///
/// Every mistake of every file, with its place. Nothing of a site with a mistake is used.
pub fn load(dir: &Utf8Path) -> Result<Spec, SiteErrors> {
    let root = Root::open(dir).map_err(|error| {
        let help = "name a directory with `site.toml` (docs/site.md describes it)";
        let message = format!("the site directory cannot be read: {}", escape(&error.to_string()));
        SiteErrors::single(if dir == "" { Utf8Path::new(".") } else { dir }, message, Some(help.to_owned()))
    })?;
    let mut reader = Reader { root: &root, problems: Problems::default(), sources: Vec::new() };
    let files = reader.read_all();
    let Reader { problems, sources, .. } = reader;
    let spec = resolve::resolve(&files, &root.real, &problems);
    match spec {
        Some(mut spec) if problems.is_empty() => {
            spec.revision = revision::of(&root.real, &sources);
            Ok(spec)
        }
        _ => Err(SiteErrors::new(&root.given, &sources, problems)),
    }
}

struct Reader<'a> {
    root: &'a Root,
    problems: Problems,
    sources: Vec<Source>,
}

impl Reader<'_> {
    fn read_all(&mut self) -> SiteFiles {
        self.root.report_near_misses(&self.problems);
        let top = self.root.read(Utf8Path::new("site.toml"), &self.problems);
        let top = top.and_then(|source| self.parse(source, TopFile::read).1);
        if top.is_none() && self.root.real.join("site.toml").symlink_metadata().is_err() {
            let problem = Problem::new(Place::Path("site.toml".into()), "the site has no `site.toml`");
            self.problems.push(problem.help("it needs at least `name = \"…\"` and `domain = \"…\"`"));
        }
        SiteFiles {
            top,
            oses: self.directory("os", OsFile::read),
            stages: self.directory("stages", StageFile::read),
            roles: self.directory("roles", RoleFile::read),
            sizes: self.sizes(),
            networks: self.directory("networks", NetworkFile::read),
            teams: self.directory("teams", TeamFile::read),
            hypervisors: self.directory("hypervisors", HypervisorFile::read),
            vms: self.directory("vms", VmFile::read),
        }
    }

    fn directory<N, T>(&mut self, name: &str, read: fn(Table<'_>) -> T) -> BTreeMap<N, Named<T>>
    where
        N: FromStr<Err = IdError> + Ord,
    {
        let mut all = BTreeMap::new();
        for (path, source) in self.root.read_directory(name, &self.problems) {
            let stem = path.file_stem().unwrap_or_default();
            let id = match stem.parse::<N>() {
                Ok(id) => Some(id),
                Err(IdError { what, expected }) => {
                    let problem = Problem::new(Place::Path(path.clone()), format!("the file name gives no valid {what}"));
                    self.problems.push(problem.help(format!("expected {expected}, then `.toml`")));
                    None
                }
            };
            let named = match source {
                Some(source) => {
                    let (place, file) = self.parse(source, read);
                    Named { place, file }
                }
                None => Named { place: Place::Path(path), file: None },
            };
            if let Some(id) = id {
                all.insert(id, named);
            }
        }
        all
    }

    fn sizes(&mut self) -> BTreeMap<SizeName, Named<SizeFile>> {
        let path = Utf8Path::new("sizes.toml");
        let Some(source) = self.root.read(path, &self.problems) else {
            if self.root.real.join(path).symlink_metadata().is_ok() {
                self.problems.mark_incomplete("sizes.toml");
            }
            return BTreeMap::new();
        };
        let (_, sizes) = self.parse(source, |mut table| {
            let mut sizes = BTreeMap::new();
            let problems = table.cx().problems;
            for (name, size) in table.named_tables() {
                let place = Place::Span(name.span);
                match name.value.parse::<SizeName>() {
                    Ok(id) => {
                        sizes.insert(id, Named { place, file: Some(SizeFile::read(size)) });
                    }
                    Err(IdError { what, expected }) => {
                        let problem = Problem::new(place, format!("{} is not a valid {what}", quote(name.value)));
                        problems.push(problem.help(format!("expected {expected}")));
                    }
                }
            }
            sizes
        });
        sizes.unwrap_or_else(|| {
            self.problems.mark_incomplete("sizes.toml");
            BTreeMap::new()
        })
    }

    /// Parses `source`, reads its top-level table, and keeps it for the report. What is left of a text with syntax errors is
    /// read too, for the sake of its other mistakes.
    fn parse<T>(&mut self, source: Source, read: impl FnOnce(Table<'_>) -> T) -> (Place, Option<T>) {
        let index = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let file = parse_text(&source.text, index, &self.problems, read);
        self.sources.push(source);
        (Place::Whole(index), Some(file))
    }
}

/// Parses `text`, the source number `index`, and reads its top-level table.
pub(crate) fn parse_text<T>(text: &str, index: u32, problems: &Problems, read: impl FnOnce(Table<'_>) -> T) -> T {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let range = error.span().unwrap_or(text.len()..text.len());
        let at = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        let span = Span { source: index, start: at(range.start), end: at(range.end) };
        problems.push(Problem::new(span, format!("not valid TOML: {}", escape(error.message()))).kind(Kind::Syntax));
    }
    read(Table::top(table.get_ref(), Cx::top(index, problems)))
}
