//! `vms/NAME.toml` → `VmSpec`: OS, role, stage, size and defaults merged in.

use std::collections::BTreeMap;
use std::time::Duration;

use super::refer::{HYPERVISOR, OS, ROLE, SIZE, STAGE, TEAM, look_up};
use super::{Known, disk, nic, puppet};
use crate::site::excerpt::quote;
use crate::site::file::{CheckFile, CheckKindFile, DeadlinesFile, DefaultsFile, RoleFile, VmFile};
use crate::site::problems::{At, Key, Place, Problem, Problems};
use crate::site::units::Span;
use crate::site::value::Plain;
use crate::spec::{CheckKind, CheckSpec, Deadlines, HypervisorName, PackageSpec, ServiceName, SiteSpec, VmName, VmSpec};

/// Names that mean something else wherever a VM's name is used.
const RESERVED: [&str; 6] = ["all", "default", "gateway", "localdomain", "localhost", "none"];
/// Longest host name that Linux takes.
const HOST_NAME_MAX: usize = 64;
/// Install attempts where nothing says otherwise.
const ATTEMPTS: u32 = 2;
/// A check's time limit where it names none.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// Looks up what roles and the site's defaults refer to, used or not, and checks the roles' own tables.
pub(super) fn check_defaults(known: &Known<'_>) {
    let (files, problems) = (known.files, known.problems);
    if let Some(d) = files.top.as_ref().map(|top| &top.defaults) {
        refer(&d.os, |at| look_up(OS, &files.oses, at, problems).is_some());
        refer(&d.stage, |at| look_up(STAGE, &files.stages, at, problems).is_some());
        refer(&d.size, |at| look_up(SIZE, &files.sizes, at, problems).is_some());
        refer(&d.team, |at| look_up(TEAM, &files.teams, at, problems).is_some());
        refer(&d.hypervisor, |at| look_up(HYPERVISOR, &files.hypervisors, at, problems).is_some());
    }
    for named in files.roles.values() {
        let Some(role) = &named.file else { continue };
        refer(&role.os, |at| look_up(OS, &files.oses, at, problems).is_some());
        refer(&role.size, |at| look_up(SIZE, &files.sizes, at, problems).is_some());
        refer(&role.network, |at| look_up(super::refer::NETWORK, &files.networks, at, problems).is_some());
        disk::check_tables(&role.disks, problems);
        check_names(&role.checks, problems);
        if role.puppet.is_some() {
            check_puppet_is_on(&named.place, known);
        }
    }
}

fn refer<T>(key: &Key<T>, look_up: impl FnOnce(&At<T>) -> bool) {
    if let Some(at) = key.get() {
        look_up(at);
    }
}

fn check_puppet_is_on(place: &Place, known: &Known<'_>) {
    if known.files.top.as_ref().is_some_and(|top| top.puppet.is_none()) {
        let problem = Problem::new(place.clone(), "`[puppet]` is used here, and the site has no Puppet");
        known.problems.push(problem.help("add a `[puppet]` table to site.toml"));
    }
}

/// Resolves `file`. `site` is missing where `site.toml` has mistakes; all else is checked all the same.
pub(super) fn resolve(name: &VmName, file: &VmFile, place: &Place, site: Option<&SiteSpec>, known: &Known<'_>) -> Option<VmSpec> {
    let (files, problems) = (known.files, known.problems);
    check_name(name, place, known);
    disk::check_tables(&file.disks, problems);
    check_names(&file.checks, problems);
    let none = DefaultsFile::none();
    let defaults = files.top.as_ref().map_or(&none, |top| &top.defaults);
    let role_name = file.role.get();
    let role = role_name.and_then(|at| look_up(ROLE, &files.roles, at, problems)).and_then(|named| named.file.as_ref());
    let of_role = RoleKeys::of(role);
    // Where the role uses Puppet too, it has been told.
    if file.puppet.is_some() && role.is_none_or(|role| role.puppet.is_none()) {
        check_puppet_is_on(place, known);
    }

    let stage_key = file.stage.or(&defaults.stage);
    let stage_at = needed(stage_key, "stage", name, place, &known_role(file, role), problems);
    let stage_file = stage_at.and_then(|at| look_up(STAGE, &files.stages, at, problems)).and_then(|named| named.file.as_ref());
    let stage = stage_at.and_then(|at| known.stages.get(&at.value)).and_then(Option::as_ref);

    let size_at = needed(file.size.or(of_role.size).or(&defaults.size), "size", name, place, &known_role(file, role), problems);
    let size = size_at.and_then(|at| look_up(SIZE, &files.sizes, at, problems)).and_then(|named| named.file.as_ref());

    let os_at = needed(file.os.or(of_role.os).or(&defaults.os), "os", name, place, &known_role(file, role), problems);
    let os = os_at.and_then(|at| look_up(OS, &files.oses, at, problems).and_then(|_| known.oses.get(&at.value)?.as_ref()));

    let team_key = file.team.or(&defaults.team);
    let team_ok = team_key.get().is_none_or(|at| look_up(TEAM, &files.teams, at, problems).is_some());

    let hypervisor_name = hypervisor_of(name, file, &defaults.hypervisor, place, known);
    let hypervisor = hypervisor_name.as_ref().and_then(|name| known.hypervisors.get(name)).and_then(Option::as_ref);

    let vcpus = file.vcpus.or(size.map_or(&Key::Bad, |size| &size.vcpus)).value().map(|n| n.as_u32());
    let memory =
        file.memory.or(size.map_or(&Key::Bad, |size| &size.memory)).get().map(|at| At { value: at.value.0, span: at.span });
    if let (Some(memory), Some(os)) = (memory, os)
        && memory.value < os.min_memory_mib
    {
        let place = if file.memory.is_absent() {
            file.size.get().map_or_else(|| place.clone(), |at| at.span.into())
        } else {
            memory.span.into()
        };
        let message =
            format!("VM `{name}` has {} MiB of memory, and OS `{}` needs {} MiB", memory.value, os.name, os.min_memory_mib);
        problems.push(Problem::new(place, message).help("take a larger size, or set `memory`"));
    }
    let firmware = file.firmware.value().copied().or(os.map(|os| os.firmware));

    // Parts are resolved whether or not the others could be: each may have mistakes of its own.
    let nics = nic::resolve(name, file, of_role.network, stage_file.map_or(&Key::Bad, |stage| &stage.network), hypervisor, known);
    let disks = match (os, firmware, hypervisor) {
        (Some(os), Some(firmware), Some(hypervisor)) => {
            let root_gib = size.and_then(|size| size.disk.value()).map(|gib| gib.0);
            disk::resolve(name, file, place, &disk::Around { role, os, firmware, hypervisor, root_gib }, known)
        }
        _ => None,
    };
    let checks = checks(role.map_or(&[], |role| &role.checks), &file.checks);
    let deadlines =
        deadlines([file.deadlines.as_ref(), role.and_then(|role| role.deadlines.as_ref()), defaults.deadlines.as_ref()]);

    let (site, os, stage) = (site?, os?, stage?);
    let puppet = match &site.puppet {
        None => None,
        Some(puppet) => puppet::resolve(puppet, stage, role.and_then(|role| role.puppet.as_ref()), file.puppet.as_ref()),
    };
    let role_packages = role.map_or(&[][..], |role| &role.packages);
    let puppet_package = match (&puppet, &site.puppet) {
        (Some(_), Some(puppet)) => puppet.package.parse::<PackageSpec>().ok(),
        _ => None,
    };
    let packages = packages(
        os.packages
            .iter()
            .chain(puppet_package.as_ref())
            .chain(role_packages.iter().map(|at| &at.value))
            .chain(file.packages.iter().map(|at| &at.value)),
    );
    let mut repos = stage.repos.clone();
    for repo in &os.repos {
        if repos.iter().any(|other| other.name == repo.name) {
            let message =
                format!("VM `{name}` gets repository `{}` from stage `{}` and from OS `{}`", repo.name, stage.name, os.name);
            problems.push(Problem::new(place.clone(), message).help("give one of them another name"));
        }
        repos.push(repo.clone());
    }
    if !team_ok {
        return None;
    }
    Some(VmSpec {
        fqdn: site.domain.child(name),
        name: name.clone(),
        hypervisor: hypervisor_name?,
        role: role_name?.value.clone(),
        stage: stage.name.clone(),
        team: team_key.value().cloned(),
        size: size_at?.value.clone(),
        os: os.name.clone(),
        template: file.template.or(of_role.template).or(&defaults.template).value().cloned().or_else(|| "base".parse().ok())?,
        vcpus: vcpus?,
        memory_mib: memory?.value,
        disks: disks?,
        nics: nics?,
        firmware: firmware?,
        repos,
        packages,
        services: services(role, file),
        kernel_args: os.kernel_args.iter().chain(file.kernel_args.iter().map(|at| &at.value)).cloned().collect(),
        puppet,
        checks: checks?,
        deadlines,
        attempts: file.attempts.or(of_role.attempts).or(&defaults.attempts).value().map_or(ATTEMPTS, |n| n.as_u32()),
        autostart: file.autostart.or(of_role.autostart).or(&defaults.autostart).value().copied().unwrap_or(true),
    })
}

/// The role's keys, or absent ones where there is no (readable) role: then nothing is called missing that it might have.
struct RoleKeys<'a> {
    os: &'a Key<crate::spec::OsName>,
    size: &'a Key<crate::spec::SizeName>,
    network: &'a Key<crate::spec::NetworkName>,
    template: &'a Key<crate::spec::TemplateName>,
    attempts: &'a Key<crate::site::value::Count>,
    autostart: &'a Key<bool>,
}

impl<'a> RoleKeys<'a> {
    fn of(role: Option<&'a RoleFile>) -> Self {
        match role {
            Some(role) => Self {
                os: &role.os,
                size: &role.size,
                network: &role.network,
                template: &role.template,
                attempts: &role.attempts,
                autostart: &role.autostart,
            },
            // `Bad` stops the search: what the unknown role says cannot be known.
            None => Self {
                os: &Key::Bad,
                size: &Key::Bad,
                network: &Key::Bad,
                template: &Key::Bad,
                attempts: &Key::Bad,
                autostart: &Key::Bad,
            },
        }
    }
}

fn known_role(file: &VmFile, role: Option<&RoleFile>) -> String {
    match (role, file.role.value()) {
        (Some(_), Some(role)) => format!(" or to roles/{role}.toml"),
        _ => String::new(),
    }
}

fn needed<'k, T>(
    key: &'k Key<T>,
    what: &str,
    vm: &VmName,
    place: &Place,
    or_role: &str,
    problems: &Problems,
) -> Option<&'k At<T>> {
    if key.is_absent() {
        // A role may give OS and size, but a stage is the VM's own.
        let or_role = if what == "stage" { "" } else { or_role };
        let problem =
            Problem::new(place.clone(), format!("VM `{vm}` has no `{what}`")).kind(crate::site::problems::Kind::Missing);
        problems.push(problem.help(format!("add `{what} = \"…\"` here{or_role}, or to `[defaults]` in site.toml")));
    }
    key.get()
}

fn check_name(name: &VmName, place: &Place, known: &Known<'_>) {
    if RESERVED.contains(&name.as_str()) {
        let problem = Problem::new(place.clone(), format!("the VM name {} is reserved", quote(name.as_str())));
        known.problems.push(problem.help("rename the file"));
    }
    // libvirt's tools take a name of digits for a domain's number.
    if name.as_str().bytes().all(|b| b.is_ascii_digit()) {
        let problem = Problem::new(place.clone(), format!("the VM name {} has no letter", quote(name.as_str())));
        known.problems.push(problem.help("rename the file"));
    }
    if let Some(domain) = known.files.top.as_ref().and_then(|top| top.domain.value()) {
        let fqdn = domain.child(name);
        let length = fqdn.as_str().len();
        if length > HOST_NAME_MAX {
            let problem = Problem::new(place.clone(), format!("the host name `{fqdn}` has {length} characters"));
            known
                .problems
                .push(problem.help(format!("Linux takes {HOST_NAME_MAX}: shorten the VM's name or the site's `domain`")));
        }
    }
    if known.files.hypervisors.contains_key(name.as_str()) {
        let problem = Problem::new(place.clone(), format!("VM and hypervisor are both called {}", quote(name.as_str())));
        known.problems.push(problem.help("their host names would be the same: rename one of the files"));
    }
}

fn hypervisor_of(
    vm: &VmName,
    file: &VmFile,
    default: &Key<HypervisorName>,
    place: &Place,
    known: &Known<'_>,
) -> Option<HypervisorName> {
    let hypervisors = &known.files.hypervisors;
    match file.hypervisor.or(default) {
        Key::Given(at) => look_up(HYPERVISOR, hypervisors, at, known.problems).map(|_| at.value.clone()),
        Key::Bad => None,
        Key::Absent => {
            let mut names = hypervisors.keys();
            if let (Some(only), None) = (names.next(), names.next()) {
                return Some(only.clone());
            }
            if !known.problems.is_incomplete(HYPERVISOR.home) {
                let count = hypervisors.len();
                let problem = Problem::new(place.clone(), format!("VM `{vm}` names no hypervisor, and the site has {count}"));
                known.problems.push(problem.help(if count == 0 {
                    "create hypervisors/NAME.toml"
                } else {
                    "add `hypervisor = \"…\"` here, or to `[defaults]` in site.toml"
                }));
            }
            None
        }
    }
}

/// The union of all layers, sorted; a later `-name` takes back an earlier `name`, and the other way round.
fn packages<'a>(layers: impl Iterator<Item = &'a PackageSpec>) -> Vec<PackageSpec> {
    let mut by_name: BTreeMap<&str, &PackageSpec> = BTreeMap::new();
    for package in layers {
        let name = package.as_str();
        by_name.insert(name.strip_prefix('-').unwrap_or(name), package);
    }
    let mut all: Vec<PackageSpec> = by_name.into_values().cloned().collect();
    all.sort_unstable();
    all
}

fn services(role: Option<&RoleFile>, file: &VmFile) -> Vec<ServiceName> {
    let mut all: Vec<ServiceName> = Vec::new();
    for at in role.into_iter().flat_map(|role| &role.services).chain(&file.services) {
        if !all.contains(&at.value) {
            all.push(at.value.clone());
        }
    }
    all
}

fn check_names(files: &[CheckFile], problems: &Problems) {
    for (index, file) in files.iter().enumerate() {
        if let Some(at) = file.name.get()
            && files[..index].iter().any(|other| other.name.value() == Some(&at.value))
        {
            problems.push(Problem::new(at.span, format!("check {} is here twice", quote(at.value.as_str()))));
        }
        if let Some(CheckKindFile::Command { argv, place }) = &file.kind
            && !argv.first().is_some_and(|program| program.value.0.starts_with('/'))
        {
            let problem = Problem::new(place.clone(), "a command starts with the absolute path of a program");
            problems.push(problem.help("write `command = { argv = [\"/usr/bin/systemctl\", \"is-active\", \"web\"] }`"));
        }
    }
}

/// The role's checks, each replaced by the VM's of the same name, then the VM's others.
fn checks(of_role: &[CheckFile], of_vm: &[CheckFile]) -> Option<Vec<CheckSpec>> {
    let same = |a: &CheckFile, b: &CheckFile| a.name.value().is_some() && a.name.value() == b.name.value();
    let replaced = |check: &CheckFile| of_vm.iter().find(|other| same(check, other));
    let added = of_vm.iter().filter(|check| !of_role.iter().any(|other| same(check, other)));
    of_role.iter().map(|check| replaced(check).unwrap_or(check)).chain(added).map(check).collect()
}

fn check(file: &CheckFile) -> Option<CheckSpec> {
    let kind = match file.kind.as_ref()? {
        CheckKindFile::Http { port, path, status, contains } => CheckKind::Http {
            port: port.value()?.as_u16(),
            path: path.value().cloned().or_else(|| "/".parse().ok())?,
            status: status.value().map_or(200, |n| n.as_u16()),
            contains: contains.value().map(|Plain(text)| text.clone()),
        },
        CheckKindFile::Tcp { port } => CheckKind::Tcp { port: port.value()?.as_u16() },
        CheckKindFile::Command { argv, .. } => CheckKind::Command { argv: argv.iter().map(|at| at.value.0.clone()).collect() },
    };
    let timeout = file.timeout.value().map_or(CHECK_TIMEOUT, |Span(span)| *span);
    Some(CheckSpec { name: file.name.value()?.as_str().to_owned(), kind, timeout })
}

/// The first of `layers` that names a deadline gives it.
fn deadlines(layers: [Option<&DeadlinesFile>; 3]) -> Deadlines {
    let pick = |get: fn(&DeadlinesFile) -> &Key<Span>, default: Duration| {
        layers.iter().flatten().find_map(|layer| get(layer).value()).map_or(default, |Span(span)| *span)
    };
    let default = Deadlines::default();
    Deadlines {
        kickstart: pick(|d| &d.kickstart, default.kickstart),
        install: pick(|d| &d.install, default.install),
        first_boot: pick(|d| &d.first_boot, default.first_boot),
        handoff: pick(|d| &d.handoff, default.handoff),
        checks: pick(|d| &d.checks, default.checks),
    }
}
