//! The site at another revision, unpacked beside the present one.

use std::process::{Command, Output};

use camino::{Utf8Path, Utf8PathBuf};

use crate::cli::error::{CliError, OrExit as _};

/// The site of another revision in a directory that goes with this value.
#[derive(Debug)]
pub(crate) struct Unpacked {
    directory: Utf8PathBuf,
    _temporary: tempfile::TempDir,
}

impl Unpacked {
    /// Where it is.
    pub(crate) fn directory(&self) -> &Utf8Path {
        &self.directory
    }
}

/// Unpacks the site in `directory` as it was at `revision`.
pub(crate) fn check_out(directory: &Utf8Path, revision: &str) -> Result<Unpacked, CliError> {
    let prefix = git(directory, &["rev-parse", "--show-prefix"])?;
    let prefix = Utf8PathBuf::from(String::from_utf8_lossy(&prefix.stdout).trim());
    // The commit's own name: whatever the revision looks like, it is no option of the commands below.
    let commit = git(directory, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])
        .map_err(|_| {
            CliError::usage(anyhow::anyhow!("`{revision}` is no revision of the repository that {directory} is in"))
                .help("name a commit, a branch or a tag, such as `HEAD` or `origin/main`")
        })?;
    let commit = String::from_utf8_lossy(&commit.stdout).trim().to_owned();
    let top = git(directory, &["rev-parse", "--show-toplevel"])?;
    let top = Utf8PathBuf::from(String::from_utf8_lossy(&top.stdout).trim());
    let path = if prefix.as_str().is_empty() { Utf8Path::new(".") } else { &prefix };
    let archive = git(&top, &["archive", "--format=tar", &commit, "--", path.as_str()])
        .map_err(|error| error.help(format!("the site may not have existed at `{revision}`")))?;
    let temporary = tempfile::Builder::new().prefix("rekindle-diff-").tempdir().or_world(|| "make a directory".to_owned())?;
    let root = Utf8PathBuf::from_path_buf(temporary.path().to_owned())
        .map_err(|path| CliError::world(anyhow::anyhow!("the directory for temporary files {} is not UTF-8", path.display())))?;
    tar::Archive::new(archive.stdout.as_slice()).unpack(&root).or_world(|| format!("unpack the site at `{revision}`"))?;
    Ok(Unpacked { directory: root.join(prefix), _temporary: temporary })
}

/// Files under the site's `puppet/` that differ from those at `revision`, by path within the site.
pub(crate) fn changed_puppet_code(directory: &Utf8Path, revision: &str) -> Result<Vec<String>, CliError> {
    let changed = git(directory, &["diff", "--name-only", "--relative", "-z", "--end-of-options", revision, "--", "puppet"])?;
    let unknown = git(directory, &["ls-files", "--others", "--exclude-standard", "-z", "--", "puppet"])?;
    let names = |output: &Output| {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut files = names(&changed);
    files.extend(names(&unknown));
    files.sort();
    Ok(files)
}

fn git(directory: &Utf8Path, arguments: &[&str]) -> Result<Output, CliError> {
    let output = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(arguments)
        .output()
        .or_world(|| "run `git`: it is needed to read the site at another revision".to_owned())?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let what = arguments.first().copied().unwrap_or_default();
    Err(CliError::usage(anyhow::anyhow!("`git {what}` in {directory} failed: {said}"))
        .help("the site must be in a Git repository"))
}
