//! `site.toml` → `SiteSpec`.

use camino::Utf8Path;

use super::os::absolute;
use super::{puppet_server, repository};
use crate::site::file::{TopFile, TopPuppet};
use crate::site::load::SiteFiles;
use crate::site::problems::{At, Problem, Problems};
use crate::spec::{PathText, PuppetMode, RootAccess, SitePuppet, SiteSpec};

/// Where Puppet's own packages put the program.
const PUPPET_PROGRAM: &str = "/opt/puppetlabs/bin/puppet";
/// Puppet's own package.
const PUPPET_PACKAGE: &str = "puppet-agent";

/// Resolves `top` of the site in `root`.
pub(super) fn resolve(top: &TopFile, root: &Utf8Path, files: &SiteFiles, problems: &Problems) -> Option<SiteSpec> {
    let fixed = |text: &str| text.parse().ok();
    let puppet = top.puppet.as_ref().map(|file| puppet(file, root, problems));
    // Where it is there and wrong, that has been reported: no site comes of it.
    let repository = top.repository.as_ref().and_then(|file| repository::resolve(file, root, files, problems));
    Some(SiteSpec {
        name: top.name.value()?.as_str().to_owned(),
        domain: top.domain.value()?.clone(),
        dns: top.dns.iter().map(|at| at.value).collect(),
        ntp: top.ntp.iter().map(|at| at.value.as_str().to_owned()).collect(),
        timezone: top.timezone.value().cloned().or_else(|| "UTC".parse().ok())?,
        locale: top.locale.value().cloned().or_else(|| "en_US.UTF-8".parse().ok())?,
        keyboard: top.keyboard.value().cloned().or_else(|| fixed("us"))?,
        root: RootAccess {
            password: top.root_password.value().cloned(),
            ssh_keys: top.root_keys.iter().map(|at| at.value.clone()).collect(),
        },
        puppet,
        repository,
    })
}

fn puppet(file: &TopPuppet, root: &Utf8Path, problems: &Problems) -> SitePuppet {
    let mode = file.mode.value().copied().unwrap_or(PuppetMode::Apply);
    if mode == PuppetMode::Server
        && file.server.is_none()
        && let Some(at) = file.mode.get()
    {
        let problem = Problem::new(at.span, "mode `server` needs a table `[puppet.server]`");
        problems.push(problem.help("it says at least `host = \"…\"`, the Puppet server's name"));
    }
    let server = file.server.as_ref().and_then(|server| puppet_server::resolve(server, mode, root, problems));
    let directory = match file.directory.get() {
        Some(At { value, .. }) => absolute(root, value),
        None => root.join("puppet"),
    };
    // A Puppet server has code of its own.
    if mode == PuppetMode::Apply && !directory.is_dir() {
        let shown = file.directory.value().map_or("puppet", PathText::as_str);
        let message = format!("there is no directory `{shown}`");
        let problem = match file.directory.get() {
            Some(at) => Problem::new(at.span, message),
            None => {
                Problem::new(crate::site::problems::Place::Path("site.toml".into()), format!("{message}, which `[puppet]` needs"))
            }
        };
        problems.push(problem.help("it holds `manifests/`, `modules/`, `data/` and `hiera.yaml`"));
    }
    if let Some(at) = file.program.get()
        && !at.value.as_str().starts_with('/')
    {
        problems.push(Problem::new(at.span, "the program must be an absolute path in the guest"));
    }
    if let Some(at) = file.package.get()
        && at.value.as_str().starts_with(['-', '@'])
    {
        problems.push(Problem::new(at.span, "the package must be a plain package name"));
    }
    SitePuppet {
        mode,
        directory,
        program: file.program.value().map_or(PUPPET_PROGRAM, PathText::as_str).to_owned(),
        package: file.package.value().map_or(PUPPET_PACKAGE, |p| p.as_str()).to_owned(),
        server,
    }
}
