//! Keys: whose signatures let a package in, and the one that signs for the site.
//!
//! Signatures are checked by `rpmkeys`, the code that dnf on a VM will check them with, against a database that holds the site's
//! keyring and nothing else. `_pkgverify_level all` makes a valid digest **and** a valid signature over header and payload a
//! must: without it, `rpmkeys` says "digests OK" of an unsigned package and ends with 0.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest as _, Sha256};

use super::copy::workers;
use super::disk::Disk;
use super::error::RepoError;
use super::tool::Tool;
use crate::spec::{Digest, Timestamp};

/// Packages that are worth a run of `rpmkeys` of their own: each run reads its configuration and the keys anew.
const FILES_A_RUN: usize = 1000;

/// The keys of one repository.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    /// Files with public keys.
    pub(super) keyring: Vec<Utf8PathBuf>,
    /// The key that signs, as gpg names it.
    pub(super) signing_key: Option<String>,
    /// Where gpg finds it.
    pub(super) gnupg_home: Utf8PathBuf,
    /// Where we keep what can be made again: databases, the signing key's public half.
    pub(super) directory: Utf8PathBuf,
}

/// What a package's signature is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signature {
    /// Header and payload are covered by a valid signature of a key of the keyring.
    Valid { key: String },
    /// Whole, but nobody signed it.
    Missing,
    /// It must not enter.
    Refused(String),
}

/// A database of rpm with the keyring in it.
pub(super) struct KeyDb {
    path: Utf8PathBuf,
    /// Keys that let nobody in any more, by their ids.
    ended: BTreeMap<String, End>,
}

/// Why a key counts no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// Its time was over, in seconds since 1970.
    Expired(u64),
    /// Its owner took it back.
    Revoked,
}

impl Keys {
    /// The public keys as one text: what clients are given.
    pub(super) fn public(&self) -> Result<String, RepoError> {
        let mut all = String::new();
        for path in &self.keyring {
            let text = std::fs::read_to_string(path).map_err(|source| RepoError::File {
                what: "read the keyring",
                path: path.clone(),
                source,
            })?;
            if !text.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
                let detail = "it holds no public key in ASCII armour (`gpg --armor --export`)".to_owned();
                return Err(RepoError::Keyring { path: path.clone(), detail });
            }
            if text.contains("PRIVATE KEY BLOCK") {
                let detail = "it holds a private key, which has no place in a site: export the public one".to_owned();
                return Err(RepoError::Keyring { path: path.clone(), detail });
            }
            all.push_str(text.trim());
            all.push('\n');
        }
        if let Some(key) = &self.signing_key {
            let exported = self.exported(key)?;
            if !all.contains(exported.trim()) {
                all.push_str(exported.trim());
                all.push('\n');
            }
        }
        Ok(all)
    }

    /// The public half of `key`. gpg is asked when its keys have changed since it was asked last.
    fn exported(&self, key: &str) -> Result<String, RepoError> {
        let name = Digest::from(<[u8; 32]>::from(Sha256::digest(key.as_bytes())));
        let kept = self.directory.join(format!("{}.signer.asc", name.short()));
        let changed = |path: &Utf8Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let keys = ["pubring.kbx", "pubring.gpg"].iter().filter_map(|file| changed(&self.gnupg_home.join(file))).max();
        if let (Some(keys), Some(then)) = (keys, changed(&kept))
            && keys < then
            && let Ok(text) = std::fs::read_to_string(&kept)
        {
            return Ok(text);
        }
        let text = self.gpg().args(["--armor", "--export", "--", key]).run("export the signing key")?;
        if text.is_empty() {
            let detail = format!("gpg finds no key `{key}` there");
            return Err(RepoError::Keyring { path: self.gnupg_home.clone(), detail });
        }
        // Only a shortcut: where it cannot be kept, gpg is asked again.
        drop(Disk::default().replace(&kept, text.as_bytes()));
        Ok(text)
    }

    fn gpg(&self) -> Tool {
        let tool = Tool::new("gpg", &self.gnupg_home).args(["--homedir", self.gnupg_home.as_str()]);
        tool.args(["--batch", "--no-tty", "--yes", "--quiet", "--pinentry-mode", "error"])
    }

    /// Signs `file` into `file.asc` at `now`. False where the site has no key for that.
    pub(super) fn sign_metadata(&self, file: &Utf8Path, now: Timestamp) -> Result<bool, RepoError> {
        let Some(key) = &self.signing_key else { return Ok(false) };
        let asc = format!("{file}.asc");
        let gpg = self.gpg().args(["--armor", "--detach-sign", "--local-user", key.as_str(), "--output", &asc]);
        match gpg.arg(file.as_str()).run("sign the repodata") {
            Ok(_) => Ok(true),
            Err(error) => Err(self.end_of(key, now).unwrap_or_else(|| self.unsigned(key, error))),
        }
    }

    /// Why nothing was signed with `key`, in words of what is to be done where gpg's are known.
    fn unsigned(&self, key: &str, error: RepoError) -> RepoError {
        let RepoError::Program { output, .. } = &error else { return error };
        let says = |words: &[&str]| words.iter().any(|word| output.contains(word));
        let detail = if says(&["No pinentry", "Inappropriate ioctl", "Bad passphrase", "No passphrase given"]) {
            format!(
                "the signing key `{key}` wants a passphrase, and nobody is there to type it: take it off (`gpg --homedir {} \
                 --change-passphrase`), or let gpg's agent hold it",
                self.gnupg_home
            )
        } else if says(&["No secret key"]) {
            format!("there is no secret key `{key}`: import it there, or name another as `signing_key`")
        } else {
            return error;
        };
        RepoError::Keyring { path: self.gnupg_home.clone(), detail }
    }

    /// That `key` has expired or was revoked, where it is so: gpg says no more than that it cannot use it.
    fn end_of(&self, key: &str, now: Timestamp) -> Option<RepoError> {
        let listed = self.gpg().args(["--with-colons", "--list-keys", "--", key]).run("list the signing key").ok()?;
        let detail = match ended(&listed, now).into_values().max()? {
            End::Expired(ends) => format!(
                "the signing key `{key}` expired at {}: give it more time (`gpg --quick-set-expire`) and clients its public half again, \
                 or name another as `signing_key`",
                Timestamp(ends * 1000)
            ),
            End::Revoked => format!("the signing key `{key}` was revoked: name another as `signing_key`"),
        };
        Some(RepoError::Keyring { path: self.gnupg_home.clone(), detail })
    }

    /// Signs packages of `directory` where they are.
    pub(super) fn sign_packages(&self, directory: &Utf8Path, files: &[&str]) -> Result<(), RepoError> {
        let Some(key) = &self.signing_key else { return Ok(()) };
        let define = |name: &str, value: &str| ["--define".to_owned(), format!("{name} {value}")];
        let tool = Tool::new("rpmsign", &self.gnupg_home)
            .env("GNUPGHOME", self.gnupg_home.as_str())
            .args(define("__gpg", "/usr/bin/gpg"))
            .args(define("_gpg_path", self.gnupg_home.as_str()))
            .args(define("_gpg_name", key))
            .arg("--addsign");
        let signed = tool.within(directory).args(files).run("sign packages");
        signed.map(drop).map_err(|error| self.unsigned(key, error))
    }

    /// The database for the keyring as it is now, named after its keys.
    pub(super) fn database(&self, disk: &Disk, now: Timestamp) -> Result<KeyDb, RepoError> {
        let directory = &self.directory;
        let public = self.public()?;
        if public.is_empty() {
            let detail = "no `keyring` and no `signing_key` is set in `[repository]`".to_owned();
            return Err(RepoError::Keyring { path: "site.toml".into(), detail });
        }
        let name = Digest::from(<[u8; 32]>::from(Sha256::digest(public.as_bytes())));
        let path = directory.join(name.as_str());
        if !path.join("whole").exists() {
            // Made aside and renamed: another process may be making the same one.
            let unfinished = directory.join(format!(".{}.{}.new", name.short(), std::process::id()));
            disk.remove_dir(&unfinished)?;
            disk.create_private_dir(&unfinished)?;
            let import = |unfinished: &Utf8Path| -> Result<(), RepoError> {
                let keys = unfinished.join("keys.asc");
                disk.write(&keys, public.as_bytes())?;
                let blocks = split_blocks(&public);
                for (index, block) in blocks.iter().enumerate() {
                    let file = unfinished.join(format!("{index}.asc"));
                    disk.write(&file, block.as_bytes())?;
                    let tool = Tool::new("rpmkeys", unfinished).args(["--dbpath", unfinished.as_str(), "--import"]);
                    tool.arg(file.as_str()).run("import the keyring")?;
                }
                let list = Tool::new("gpg", unfinished)
                    .args(["--homedir", unfinished.as_str(), "--batch", "--no-tty", "--quiet", "--with-colons", "--show-keys"])
                    .arg(keys.as_str())
                    .run("read the keyring")?;
                // Last: a database that has it is whole.
                disk.write(&unfinished.join("whole"), list.as_bytes())
            };
            if let Err(error) = import(&unfinished) {
                drop(disk.remove_dir(&unfinished));
                return Err(error);
            }
            if path.join("whole").exists() {
                disk.remove_dir(&unfinished)?;
            } else {
                disk.remove_dir(&path)?;
                disk.rename(&unfinished, &path)?;
            }
        }
        let list = path.join("whole");
        let listed = std::fs::read_to_string(&list).map_err(|source| RepoError::File { what: "read", path: list, source })?;
        Ok(KeyDb { ended: ended(&listed, now), path })
    }
}

/// Each key block by itself: `rpmkeys --import` takes the first of a file only in some versions.
fn split_blocks(public: &str) -> Vec<String> {
    const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";
    public.split_inclusive(END).map(|block| format!("{}\n", block.trim())).filter(|block| block.contains(END)).collect()
}

/// Keys that have expired by `now` or were revoked, from gpg's list: fields 2, the validity, 5, the id, and 7, the end, of `pub` and
/// `sub` lines. A subkey ends with the key that it belongs to, which rpm does not look at; a key that was given more time may be in
/// the keyring as it was before, too.
fn ended(listed: &str, now: Timestamp) -> BTreeMap<String, End> {
    let mut all: BTreeMap<String, Option<End>> = BTreeMap::new();
    let mut whole = None;
    for line in listed.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let (Some(&kind @ ("pub" | "sub")), true) = (fields.first(), fields.len() > 6) else { continue };
        let expired = fields[6].parse().ok().filter(|ends| ends * 1000 <= now.0).map(End::Expired);
        let own = if fields[1] == "r" { Some(End::Revoked) } else { expired };
        let end = if kind == "pub" { own } else { own.max(whole) };
        if kind == "pub" {
            whole = own;
        }
        let known = all.entry(fields[4].to_ascii_lowercase()).or_insert(end);
        *known = match (*known, end) {
            (Some(End::Revoked), _) | (_, Some(End::Revoked)) => Some(End::Revoked),
            (Some(one), Some(other)) => Some(one.max(other)),
            _ => None,
        };
    }
    all.into_iter().filter_map(|(id, end)| Some((id, end?))).collect()
}

impl KeyDb {
    /// Runs of `rpmkeys` for so many packages.
    pub(super) fn runs(count: usize) -> usize {
        workers(count, FILES_A_RUN)
    }

    /// Checks `files` of `directory`, whose paths hold no line breaks; one answer a file, in their order.
    pub(super) fn check(&self, directory: &Utf8Path, files: &[&str]) -> Result<Vec<Signature>, RepoError> {
        let some = files.len().div_ceil(Self::runs(files.len())).max(1);
        let mut answers = Vec::with_capacity(files.len());
        std::thread::scope(|scope| {
            let runs: Vec<_> = files.chunks(some).map(|files| scope.spawn(|| self.check_some(directory, files))).collect();
            for run in runs {
                answers.append(&mut run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            Ok(answers)
        })
    }

    /// One run of `rpmkeys`.
    fn check_some(&self, directory: &Utf8Path, files: &[&str]) -> Result<Vec<Signature>, RepoError> {
        let output = Tool::new("rpmkeys", &self.path)
            .within(directory)
            // In any other language it would look for a translation of each word.
            .env("LC_ALL", "C")
            .args(["--dbpath", self.path.as_str(), "--define", "_pkgverify_level all", "--checksig", "--verbose"])
            .args(files)
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut answers = read_answers(&said, files);
        // The exit status is the judge, the text says which one and why: where they differ, nothing enters.
        if !output.status.success() && answers.iter().all(|answer| matches!(answer, Signature::Valid { .. })) {
            let said = String::from_utf8_lossy(&output.stderr);
            let line = said.lines().next().unwrap_or("rpmkeys refused without a word").to_owned();
            answers = vec![Signature::Refused(line); files.len()];
        }
        for answer in &mut answers {
            let Signature::Valid { key } = answer else { continue };
            let is_its = |id: &str| id.ends_with(key.as_str()) || key.ends_with(id);
            let end = self.ended.iter().find(|(id, _)| is_its(id)).map(|(_, end)| *end);
            if let Some(end) = end {
                let why = match end {
                    End::Expired(ends) => format!("expired at {}", Timestamp(ends * 1000)),
                    End::Revoked => "was revoked".to_owned(),
                };
                *answer = Signature::Refused(format!("its key {key} {why}: sign it with a key that holds"));
            }
        }
        Ok(answers)
    }
}

/// Takes apart what `rpmkeys --checksig --verbose` says: a file's name, then its findings, indented.
fn read_answers(said: &str, files: &[&str]) -> Vec<Signature> {
    let mut findings: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut current = None;
    for line in said.lines() {
        match line.strip_prefix("    ") {
            Some(finding) => {
                if let Some(file) = current {
                    findings.entry(file).or_default().push(finding);
                }
            }
            None => current = line.strip_suffix(':'),
        }
    }
    files.iter().map(|file| judge(findings.get(file).map_or(&[], Vec::as_slice))).collect()
}

fn judge(findings: &[&str]) -> Signature {
    let (mut key, mut missing) = (None, false);
    for finding in findings {
        let Some((what, verdict)) = finding.rsplit_once(": ") else { continue };
        // rpm 4 names a key by its id, rpm 6 by its fingerprint.
        let id = what.split_once("key ID ").or_else(|| what.split_once("key fingerprint: "));
        let id = id.map(|(_, id)| id.to_ascii_lowercase());
        match (verdict.split(' ').next().unwrap_or_default(), id) {
            ("OK", Some(id)) => key = Some(id),
            ("OK", None) => {}
            // Said of each kind of signature that is not there, once none is left that could do.
            ("NOTFOUND", _) => missing = true,
            ("NOKEY", Some(id)) => {
                return Signature::Refused(format!("it is signed by key {id}, which is not in the keyring"));
            }
            _ => return Signature::Refused(format!("it is damaged: {finding}")),
        }
    }
    match key {
        _ if findings.is_empty() => Signature::Refused("rpm cannot read it".to_owned()),
        Some(key) if !missing => Signature::Valid { key },
        Some(_) => Signature::Refused("its signature does not cover header and payload".to_owned()),
        None => Signature::Missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_judgement(findings: &str, expected: &Signature) {
        let said = format!("0-0/1.rpm:\n{findings}");
        assert_eq!(&read_answers(&said, &["0-0/1.rpm"])[0], expected, "{findings}");
    }

    #[test]
    fn only_a_valid_signature_over_header_and_payload_counts() {
        let digests = "    Header SHA256 digest: OK\n    Payload SHA256 digest: OK\n    MD5 digest: OK\n";
        let refused = |text: &str| Signature::Refused(text.to_owned());
        check_judgement(
            &format!("    Header V4 RSA/SHA512 Signature, key ID DBC34B0F: OK\n{digests}"),
            &Signature::Valid { key: "dbc34b0f".to_owned() },
        );
        check_judgement(
            &format!("    Header OpenPGP V4 RSA/SHA256 signature, key fingerprint: 0739994B: OK\n{digests}"),
            &Signature::Valid { key: "0739994b".to_owned() },
        );
        check_judgement(digests, &Signature::Missing);
        check_judgement(&format!("{digests}    RSA signature: NOTFOUND\n"), &Signature::Missing);
        check_judgement(
            &format!("    Header V4 RSA/SHA512 Signature, key ID dbc34b0f: NOKEY\n{digests}"),
            &refused("it is signed by key dbc34b0f, which is not in the keyring"),
        );
        check_judgement(
            "    Header V4 RSA/SHA512 Signature, key ID dbc34b0f: OK\n    Payload SHA256 digest: BAD (Expected a != b)\n",
            &refused("it is damaged: Payload SHA256 digest: BAD (Expected a != b)"),
        );
        check_judgement(
            "    Header V4 RSA/SHA512 Signature, key ID dbc34b0f: OK\n    RSA signature: NOTFOUND\n",
            &refused("its signature does not cover header and payload"),
        );
        check_judgement("", &refused("rpm cannot read it"));
    }

    #[test]
    fn keys_end_in_the_second_that_gpg_names_and_subkeys_with_their_keys() {
        let listed = "pub:e:3072:1:810952FEDBC34B0F:1795430691:1795430700::u:::scSC::::::23::0:\nfpr:::::::::07:\n\
                      sub:u:1:1:AAAA:1:::\npub:-:1:1:BBBB:1::::\nsub:r:1:1:CCCC:1::::\npub:r:1:1:DDDD:1::::\nsub:-:1:1:EEEE:1:1::\n";
        let ids = |now| ended(listed, Timestamp(now)).into_iter().map(|(id, end)| format!("{id} {end:?}")).collect::<Vec<_>>();
        let always = ["cccc Revoked", "dddd Revoked", "eeee Revoked"];
        assert_eq!(ids(1_795_430_699_999), always);
        assert_eq!(
            ids(1_795_430_700_000),
            [&["810952fedbc34b0f Expired(1795430700)", "aaaa Expired(1795430700)"][..], &always].concat()
        );
        // Renewed, and in the keyring as it was before and as it is now, in any order.
        for ends in [["10", "20"], ["20", "10"], ["10", ""]] {
            let listed = ends.map(|ends| format!("pub:-:1:1:AAAA:1:{ends}::\n")).concat();
            assert_eq!(ended(&listed, Timestamp(15_000)), BTreeMap::new(), "{ends:?}");
        }
        let listed = "pub:r:1:1:AAAA:1:::\npub:-:1:1:AAAA:1:::\n";
        assert_eq!(ended(listed, Timestamp(15_000)).len(), 1, "whoever revokes a key does so for good");
    }
}
