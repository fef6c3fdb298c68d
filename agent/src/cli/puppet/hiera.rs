//! `rekindle puppet hiera`: the site's data as files for a Puppet server.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};

use super::super::context::Context;
use super::super::error::CliError;
use super::load;
use crate::exit::Exit;
use crate::render::hiera_files;

/// Write the site's Hiera data into a directory: hiera.yaml, role/ROLE.yaml, nodes/CERTNAME.yaml
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  rekindle puppet hiera /etc/puppetlabs/rekindle     then, in the server's puppet.conf: hiera_config = /etc/puppetlabs/rekindle/hiera.yaml

Each file is replaced whole, and only where it differs; files of VMs and roles that have left the site are removed. The directory must
be empty or one that this command wrote. Data may be secret: files are for their owner and group.")]
pub(crate) struct HieraArgs {
    /// The directory
    directory: Utf8PathBuf,
}

/// Says that the directory is ours: what the site does not name is removed from it.
const MARK: &str = ".rekindle-hiera";

/// Runs `rekindle puppet hiera`.
pub(crate) fn run(context: &Context, args: &HieraArgs) -> Result<Exit, CliError> {
    let spec = load(context)?;
    let files = hiera_files(&spec);
    let directory = &args.directory;
    claim(directory)?;
    let mut written = 0usize;
    for (path, text) in &files {
        written += usize::from(replace(&directory.join(path), text)?);
    }
    let removed = remove_others(directory, &files)?;
    let (files, revision) = (files.len(), &spec.revision);
    context.screen.print(&format!("{directory}: {files} files of {revision}; {written} written, {removed} removed\n"))?;
    Ok(Exit::Ok)
}

fn fault(action: &str, path: &Utf8Path, error: std::io::Error) -> CliError {
    CliError::world(anyhow::Error::new(error).context(format!("{action} `{path}`")))
}

/// Makes the directory, or sees that it is ours.
fn claim(directory: &Utf8Path) -> Result<(), CliError> {
    for part in ["", "role", "nodes"] {
        let path = directory.join(part);
        if !path.is_dir() {
            std::fs::create_dir_all(&path).map_err(|error| fault("create", &path, error))?;
            let mode = std::fs::Permissions::from_mode(0o750);
            std::fs::set_permissions(&path, mode).map_err(|error| fault("set the mode of", &path, error))?;
        } else if part.is_empty() && !directory.join(MARK).exists() {
            let mut entries = directory.read_dir_utf8().map_err(|error| fault("read", directory, error))?;
            if entries.next().is_some() {
                let message = format!("`{directory}` is not empty, and not written by this command");
                return Err(CliError::usage(anyhow::anyhow!(message)).help("name an empty or a new directory"));
            }
        }
    }
    replace(&directory.join(MARK), "Written by `rekindle puppet hiera`, which removes what the site does not name.\n").map(drop)
}

/// Writes `path` unless it says the same already; a reader sees the old text or the new one.
fn replace(path: &Utf8Path, text: &str) -> Result<bool, CliError> {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    let temporary = Utf8PathBuf::from(format!("{path}.new-{}", std::process::id()));
    let write = || {
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o640).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().map_err(|error| {
        // What is left of it is removed with the next run's leftovers if this fails, too.
        let _ = std::fs::remove_file(&temporary);
        fault("write", path, error)
    })?;
    Ok(true)
}

/// Removes files of `role/` and `nodes/` that the site does not name any more.
fn remove_others(directory: &Utf8Path, files: &BTreeMap<Utf8PathBuf, String>) -> Result<usize, CliError> {
    let wanted: BTreeSet<Utf8PathBuf> = files.keys().map(|path| directory.join(path)).collect();
    let mut removed = 0;
    for part in ["role", "nodes"] {
        let part = directory.join(part);
        for entry in part.read_dir_utf8().map_err(|error| fault("read", &part, error))? {
            let path = entry.map_err(|error| fault("read", &part, error))?.into_path();
            if !wanted.contains(&path) {
                std::fs::remove_file(&path).map_err(|error| fault("remove", &path, error))?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}
