//! Opening the repository that the site describes, and saying why something may not happen.

use std::sync::OnceLock;

use nix::unistd::{Uid, User};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::{screen, site};
use crate::execute::repo::{Asked, RepoFault};
use crate::exit::Exit;
use crate::observed::ObservedRepository;
use crate::spec::{PromotionPolicy, Spec, StageName};
use crate::world::repo::{self, RepoError, Repository};
use crate::world::{Clock as _, SystemClock};

use super::vms::{self, Installed};
use super::{Said, others};

/// The site and its repository.
pub(super) struct Opened {
    pub(super) spec: Spec,
    pub(super) repository: Repository,
}

impl Opened {
    /// What `stage` asks of packages that come in; nothing, where the site has no such stage: the repository refuses it.
    pub(super) fn promotion(&self, stage: &StageName) -> PromotionPolicy {
        self.spec.stages.get(stage).map(|stage| stage.promotion.clone()).unwrap_or_default()
    }
}

/// Whether the repository is made where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Change,
}

/// Opens the repository.
pub(super) fn open(context: &Context, purpose: Purpose, json: bool) -> Result<Opened, CliError> {
    let spec = site::load(context, &context.site_dir()?, json)?;
    let repository = repository(context, &spec, purpose)?.ok_or_else(|| no_repository(&spec))?;
    Ok(Opened { spec, repository })
}

/// The site's own repository, if it has one.
pub(super) fn repository(context: &Context, spec: &Spec, purpose: Purpose) -> Result<Option<Repository>, CliError> {
    let Some(policy) = &spec.site.repository else { return Ok(None) };
    let state_dir = context.state_dir()?;
    let (root, gnupg_home) = (repo::directory(state_dir), repo::gnupg_home(state_dir));
    Ok(Some(match purpose {
        Purpose::Change => Repository::open(&root, policy, &gnupg_home).map_err(failed)?,
        Purpose::Read => Repository::at(&root, policy, &gnupg_home),
    }))
}

/// All stages of the site, its own and others', and what is known about them here.
pub(super) struct Stages {
    pub(super) spec: Spec,
    pub(super) repository: Option<Repository>,
    pub(super) observed: ObservedRepository,
    pub(super) installed: Vec<Installed>,
}

/// Looks at them; refused where the site has no stage with a repository at all.
pub(super) fn stages(context: &Context, json: bool) -> Result<Stages, CliError> {
    let spec = site::load(context, &context.site_dir()?, json)?;
    let repository = repository(context, &spec, Purpose::Read)?;
    if repository.is_none() && others::stages(&spec).is_empty() {
        return Err(no_repository(&spec));
    }
    let observed = repository.as_ref().map(Repository::observe).transpose().map_err(failed)?.unwrap_or_default();
    let installed = vms::installed(context, &spec)?;
    Ok(Stages { spec, repository, observed, installed })
}

/// That the site has none, and where its packages are then.
pub(super) fn no_repository(spec: &Spec) -> CliError {
    let elsewhere: Vec<String> = others::stages(spec).iter().map(|(name, _)| format!("`{name}`")).collect();
    let hint = if elsewhere.is_empty() {
        String::new()
    } else {
        format!("packages of {} enter and move where `[[repos]]` of these stages lead; ", elsewhere.join(", "))
    };
    CliError::usage(anyhow::anyhow!("the site has no stage repositories of its own"))
        .help(format!("{hint}add `[repository]` to site.toml; docs/repositories.md shows how"))
}

/// Who asks, and when.
pub(super) fn asked(said: &Said) -> Asked {
    let login = login();
    let by = said.by.clone().unwrap_or_else(|| login.clone());
    Asked { by: screen::one_line(&by), login, note: screen::one_line(&said.note), now: SystemClock::new().now() }
}

/// Whose login this is: the kernel's note of who logged in, which `su` and `sudo` leave alone; where nobody did, whom sudo names;
/// else the user. Only root can feign it, who could as well write the records. Found once: root may become another user.
pub(super) fn login() -> String {
    static NOTED: OnceLock<String> = OnceLock::new();
    NOTED.get_or_init(find_login).clone()
}

fn find_login() -> String {
    let uid = |text: String| text.trim().parse::<u32>().ok().filter(|uid| *uid != u32::MAX);
    let noted = std::fs::read_to_string("/proc/self/loginuid").ok().and_then(uid);
    let own = Uid::current();
    let by_sudo = || std::env::var("SUDO_UID").ok().filter(|_| own.is_root()).and_then(uid);
    let uid = noted.or_else(by_sudo).map_or(own, Uid::from_raw);
    let user = User::from_uid(uid).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

/// Says why nothing was changed.
pub(super) fn fault(context: &Context, fault: RepoFault, json: bool) -> CliError {
    let refused = match fault {
        RepoFault::World(error) => return failed(error),
        RepoFault::Refused(refused) => refused,
    };
    if json {
        let refused: Vec<_> = refused.iter().map(super::view::RefusedView::from).collect();
        let said = context.screen.print_json(&serde_json::json!({ "ok": false, "refused": refused }));
        return said.map_or_else(CliError::from, |()| CliError::silent(Exit::No));
    }
    let err = context.screen.err();
    for one in &refused {
        context.screen.note(&format!(
            "{} {}: {}\n",
            err.red("refused:"),
            err.bold(&screen::one_line(&one.what)),
            screen::one_line(&one.reason)
        ));
    }
    context.screen.note("nothing was changed\n");
    CliError::silent(Exit::No)
}

/// Something outside said no.
pub(super) fn failed(error: RepoError) -> CliError {
    let help = match &error {
        RepoError::File { what: "read", source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Some("the repository is the agent's user's, who has to read it: put it where that user may")
        }
        RepoError::File { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => {
            Some("the repository belongs to the agent's user: try again as root")
        }
        RepoError::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
            Some("make room on that file system; `rekindle repo gc --dry-run` says what could go. The stages are as they were")
        }
        _ => None,
    };
    let error = CliError::world(error);
    match help {
        Some(help) => error.help(help),
        None => error,
    }
}
