//! `rekindle puppet autosign`: the policy executable of a Puppet CA.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use super::super::context::Context;
use super::super::error::{CliError, OrExit as _};
use super::{find, load, tokens_directory};
use crate::exit::Exit;
use crate::observed::{Phase, clean_line};
use crate::plan::domain_uuid;
use crate::serve::client::ApiClient;
use crate::spec::{PuppetMode, Spec, VmName};
use crate::world::puppet::{CSR_MAX, Csr, Redeemed, Refusal, TokenKey, TokenSubject, UsedTokens, Wanted, judge};
use crate::world::{Clock as _, SystemClock};

/// Decide whether the CA signs the certificate request on standard input: exit status 0 for yes, 1 for no
#[derive(Debug, clap::Args)]
#[command(after_help = "Example, in the CA's puppet.conf (docs/puppet.md has the script):
  autosign = /usr/libexec/rekindle/puppet-autosign

The site and its autosign key are all that it needs. Where an agent runs on this host that makes the VM, it is asked for the VM's
attempt, too. One line a request goes to standard error and to autosign.log beside the used tokens.")]
pub(crate) struct AutosignArgs {
    /// The name under which the request was sent
    certname: String,
    /// Where used tokens are kept [default: puppet/ in the state directory]
    #[arg(long, value_name = "DIR")]
    tokens: Option<Utf8PathBuf>,
    /// Ask no agent
    #[arg(long)]
    offline: bool,
}

/// How long the agent may take; without its answer the token alone has to do.
const PATIENCE: Duration = Duration::from_secs(3);
/// Bytes of a body that are read and thrown away, so that the CA can finish writing it.
const DRAIN: u64 = 64 << 20;
/// Bytes of the log until it is begun anew.
const LOG_MAX: u64 = 4 << 20;

/// Runs `rekindle puppet autosign`.
pub(crate) fn run(context: &Context, args: &AutosignArgs) -> Result<Exit, CliError> {
    let pem = read_request()?;
    let spec = load(context)?;
    let directory = tokens_directory(context, args.tokens.as_ref())?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).or_world(|| format!("create `{directory}`"))?;
    let mut tokens = UsedTokens::open(&directory.join(UsedTokens::FILE))
        .map_err(|error| CliError::world(error).help("the directory must belong to the user that the Puppet server runs as"))?;
    let verdict = decide(context, args, &spec, &pem, &mut tokens)?;
    let (name, kind) = (clean_line(&args.certname), verdict.as_ref().map_or_else(Refusal::kind, |_| "signed"));
    let name: String = name.chars().take(255).collect();
    tokens.count(kind).or_world(|| "count the verdict".to_owned())?;
    let line = match &verdict {
        Ok(how) => format!("{name} is signed: {how}"),
        Err(refusal) => format!("{name} is refused ({kind}): {refusal}"),
    };
    log(&directory, &line)?;
    context.screen.note(&format!("rekindle autosign: {line}\n"));
    Ok(if verdict.is_ok() { Exit::Ok } else { Exit::No })
}

/// At most one byte more than a request may have; what follows is thrown away.
fn read_request() -> Result<Vec<u8>, CliError> {
    let mut stdin = std::io::stdin().lock();
    let mut pem = Vec::new();
    (&mut stdin).take(CSR_MAX as u64 + 1).read_to_end(&mut pem).or_world(|| "read the request".to_owned())?;
    if pem.len() > CSR_MAX {
        std::io::copy(&mut stdin.take(DRAIN), &mut std::io::sink()).or_world(|| "read the request".to_owned())?;
    }
    Ok(pem)
}

/// The verdict, in words; the token is redeemed where it is good.
fn decide(
    context: &Context,
    args: &AutosignArgs,
    spec: &Spec,
    pem: &[u8],
    tokens: &mut UsedTokens,
) -> Result<Result<String, Refusal>, CliError> {
    let csr = match Csr::read(pem) {
        Ok(csr) => csr,
        Err(error) => return Ok(Err(error.into())),
    };
    let server = spec.site.puppet.as_ref().and_then(|puppet| puppet.server.as_ref());
    let found = find(spec, &args.certname).filter(|(_, puppet)| puppet.mode == PuppetMode::Server);
    let Some(((vm, _), server)) = found.zip(server) else {
        return Ok(Err(Refusal::Unknown { revision: spec.revision.clone() }));
    };
    let key = TokenKey::read(&server.autosign_key).map_err(|error| {
        CliError::world(error).help("the same key as on the hypervisors, readable by the Puppet server's user")
    })?;
    let instance_id = domain_uuid(&spec.site.name, &vm.name).to_string();
    let asked = if args.offline { Err("nobody else was asked".to_owned()) } else { ask_agent(context, &vm.name)? };
    let wanted = Wanted {
        subject: TokenSubject { certname: &vm.fqdn, instance_id: &instance_id },
        extensions: server.extensions_of(vm, &instance_id),
        current: asked.as_ref().ok().copied(),
    };
    let now = SystemClock::new().now();
    let request = match judge(&csr, &wanted, &key, now) {
        Ok(request) => request,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let redeemed = tokens.redeem(&vm.fqdn, &request, now).map_err(CliError::world)?;
    Ok(redeemed.map(|redeemed| {
        let again = if redeemed == Redeemed::Again { ", once more for the same key" } else { "" };
        let whom = match &asked {
            Ok(_) => "the agent and its token say so".to_owned(),
            Err(reason) => format!("its token says so ({reason})"),
        };
        format!("{whom}, attempt {}, key {:.16}{again}", request.attempt, request.key_fingerprint)
    }))
}

/// The VM's attempt and phase, if an agent on this host makes it and answers in time; else why the token alone has to do.
fn ask_agent(context: &Context, vm: &VmName) -> Result<Result<(u32, Phase), String>, CliError> {
    let Ok(settings) = context.settings() else { return Ok(Err("this host is no hypervisor".to_owned())) };
    let client = ApiClient::new(&settings.api_socket());
    let asked = super::super::runtime()?.block_on(async { tokio::time::timeout(PATIENCE, client.vm(vm)).await });
    let view = match asked {
        Ok(Ok(view)) => view,
        Ok(Err(error)) => return Ok(Err(clean_line(&error.to_string()))),
        Err(_) => return Ok(Err(format!("the agent here did not answer within {} s", PATIENCE.as_secs()))),
    };
    let phase = view.summary.phase.as_deref().and_then(Phase::parse);
    Ok(phase.map(|phase| (view.summary.attempt, phase)).ok_or_else(|| "the agent here does not make it".to_owned()))
}

/// Appends one line; a log that has grown too long is begun anew, with the old one beside it.
fn log(directory: &Utf8Path, line: &str) -> Result<(), CliError> {
    let path = directory.join("autosign.log");
    let write = || {
        if path.metadata().is_ok_and(|meta| meta.len() > LOG_MAX) {
            std::fs::rename(&path, directory.join("autosign.log.1"))?;
        }
        let mut file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        // One write: lines of several processes do not mix.
        file.write_all(format!("{} {line}\n", SystemClock::new().now()).as_bytes())
    };
    write().or_world(|| format!("write `{path}`"))
}
