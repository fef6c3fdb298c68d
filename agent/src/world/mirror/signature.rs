//! Whether a detached signature over a file is by one of the keys that were given, as `gpg` says in a home of its own.

use std::process::{Command, Stdio};

use camino::{Utf8Path, Utf8PathBuf};

use super::error::MirrorError;

/// Verifies `signature` over `signed`; `url` is for messages. Expired keys and signatures by others do not count.
pub(in crate::world) fn verify(
    signed: &Utf8Path,
    signature: &Utf8Path,
    keys: &[Utf8PathBuf],
    url: &str,
) -> Result<(), MirrorError> {
    let untrusted = |reason: String| MirrorError::Untrusted { url: url.to_owned(), reason };
    let home = tempfile::Builder::new().prefix("rekindle-gpg-").tempdir();
    let home = home.map_err(super::error::file("make a directory for", "gpg"))?;
    let gpg = |arguments: &[&str]| {
        let mut command = Command::new("gpg");
        // Without an agent: public keys need none, and nothing is left running behind us.
        command.args(["--batch", "--no-tty", "--no-autostart", "--quiet", "--trust-model", "always", "--status-fd", "1"]);
        command.arg("--homedir").arg(home.path()).args(arguments).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        command.output().map_err(|source| MirrorError::NoProgram { program: "gpg", source })
    };
    for key in keys {
        let imported = gpg(&["--import", key.as_str()])?;
        if !imported.status.success() {
            return Err(untrusted(format!("`{key}` holds no public key: {}", String::from_utf8_lossy(&imported.stderr).trim())));
        }
    }
    let output = gpg(&["--verify", signature.as_str(), signed.as_str()])?;
    let status = String::from_utf8_lossy(&output.stdout).into_owned();
    let says = |word: &str| status.lines().find_map(|line| line.strip_prefix("[GNUPG:] ")?.strip_prefix(word));
    if output.status.success() && says("VALIDSIG").is_some() && says("EXPKEYSIG").is_none() && says("REVKEYSIG").is_none() {
        return Ok(());
    }
    let names = keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ");
    Err(untrusted(if says("BADSIG").is_some() {
        "its signature is for other bytes: it was altered, or is being published this moment".to_owned()
    } else if says("EXPKEYSIG").is_some() {
        format!("the key that signed it has expired; is there a newer one than in {names}?")
    } else if says("REVKEYSIG").is_some() {
        "the key that signed it was revoked".to_owned()
    } else if let Some(rest) = says("NO_PUBKEY") {
        format!("it is signed by key {}, which is not in {names}", rest.trim())
    } else {
        format!("gpg does not accept its signature: {}", String::from_utf8_lossy(&output.stderr).trim())
    }))
}
