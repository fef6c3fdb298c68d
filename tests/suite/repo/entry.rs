//! Who may enter, and what a refusal leaves behind: nothing.

use rekindle::execute::repo::RepoFault;
use rekindle::spec::EntryPolicy;
use rekindle_tests::rpms::{DnfRepo, RpmLab};

use super::{add, content, dnf_sees, open, sha256, stage};

#[test]
fn signed_packages_enter_and_dnf_installs_them_with_every_check_on() {
    let lab = RpmLab::new();
    let repository = open(&lab, &lab.policy(&["dev", "testing"]));
    let files = [lab.package("app", "1.0"), lab.package("tool", "2.0")];
    let added = add(&repository, &files).expect("signed packages");
    assert_eq!(added.packages.len(), 2);
    assert_eq!(added.publication.expect("a publication").generation, 1);
    assert_eq!(dnf_sees(&lab, "query", "dev"), ["app-1.0-1.noarch", "tool-2.0-1.noarch"]);
    let digest = sha256(&lab, &files[0]);
    assert_eq!(added.packages[0].1.as_str(), digest, "the bytes are those that were handed in");
    let served = rekindle::world::repo::Repository::served_directory(&lab.dir.join("repository"), &stage("dev"));
    let dnf = lab.dnf("install", &DnfRepo::in_directory(&served, &lab.signer.public));
    let ran = dnf.run(&["install", "app"]);
    assert!(ran.ok() && dnf.root.join("usr/share/app/text").exists(), "{}", ran.text);
}

/// Hands `file` in and expects it to be refused with `reason`, with nothing changed.
#[track_caller]
fn check_refused(lab: &RpmLab, repository: &rekindle::world::repo::Repository, file: &camino::Utf8Path, reason: &str) {
    let before = listing(&lab.dir.join("repository"));
    let good = lab.package("good", "9");
    let error = add(repository, &[good, file.to_owned()]).expect_err("it must not enter");
    let RepoFault::Refused(refused) = &error else { panic!("{error}") };
    assert_eq!(refused.len(), 1, "{error}");
    assert!(error.to_string().contains(reason), "{error}");
    assert_eq!(listing(&lab.dir.join("repository")), before, "a refusal changes nothing");
}

/// Every file with its length and inode, but for the lock and the key databases.
fn listing(root: &camino::Utf8Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt as _;
    let mut all = Vec::new();
    let mut todo = vec![root.to_owned()];
    while let Some(directory) = todo.pop() {
        for entry in directory.read_dir_utf8().expect("a directory") {
            let entry = entry.expect("an entry");
            let metadata = std::fs::symlink_metadata(entry.path()).expect("metadata");
            if metadata.is_dir() {
                if !["keys", "staging"].contains(&entry.file_name()) {
                    todo.push(entry.path().to_owned());
                }
            } else if entry.file_name() != "lock" {
                all.push(format!("{} {} {}", entry.path(), metadata.len(), metadata.ino()));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn what_is_unsigned_damaged_strange_or_known_otherwise_is_refused_with_the_reason() {
    let lab = RpmLab::new();
    let repository = open(&lab, &lab.policy(&["dev"]));
    let first = lab.package("app", "1.0");
    add(&repository, std::slice::from_ref(&first)).expect("a signed package");
    let copy = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = std::fs::read(lab.package("other", "1.0")).expect("a package");
        change(&mut bytes);
        let path = lab.dir.join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    check_refused(&lab, &repository, &lab.build("unsigned", "1.0", ""), "it is not signed");
    check_refused(
        &lab,
        &repository,
        &copy("payload.rpm", &|b| {
            let at = b.len() - 20;
            b[at] ^= 1;
        }),
        "it is damaged: Payload",
    );
    check_refused(&lab, &repository, &copy("short.rpm", &|b| b.truncate(b.len() - 100)), "it is damaged");
    check_refused(&lab, &repository, &copy("text.rpm", &|b| *b = b"hello".to_vec()), "it is no RPM package");
    check_refused(&lab, &repository, &copy("empty.rpm", &Vec::clear), "it is no RPM package");
    let again = lab.build("app", "1.0", "again");
    lab.sign(std::slice::from_ref(&again), &lab.signer);
    check_refused(&lab, &repository, &again, "known with other bytes");
    let foreign = lab.build("foreign", "1.0", "");
    lab.sign(std::slice::from_ref(&foreign), &lab.key("stranger"));
    check_refused(&lab, &repository, &foreign, "which is not in the keyring");
    // rpmbuild itself stumbles over the name when the package is made.
    let spec = format!(
        "%define _rpmfilename long.rpm\nName: {}\nVersion: {}\nRelease: 1\nSummary: x\nLicense: MIT\n%description\nx\n%files\n",
        "n".repeat(150),
        "1".repeat(120)
    );
    std::fs::write(lab.dir.join("long.spec"), spec).expect("a spec");
    lab.run("rpmbuild", &["-bb", "--quiet", "--target", "noarch", lab.dir.join("long.spec").as_str()]);
    check_refused(&lab, &repository, &lab.dir.join("rpmbuild/RPMS/long.rpm"), "file systems take no name as long as");
    assert_eq!(content(&repository, "dev"), ["app-1.0-1.noarch"]);
}

#[test]
fn the_same_bytes_twice_change_nothing() {
    let lab = RpmLab::new();
    let repository = open(&lab, &lab.policy(&["dev"]));
    let file = [lab.package("app", "1.0")];
    add(&repository, &file).expect("a signed package");
    let again = add(&repository, &file).expect("the same");
    assert_eq!((again.publication, again.packages.len()), (None, 1));
}

#[test]
fn the_agent_signs_once_on_entry_where_the_site_says_so() {
    let lab = RpmLab::new();
    let mut policy = lab.policy(&["dev", "testing"]);
    policy.entry = EntryPolicy::SignOnce;
    policy.keyring.clear();
    let repository = open(&lab, &policy);
    let unsigned = lab.build("app", "1.0", "");
    let source = sha256(&lab, &unsigned);
    let added = add(&repository, std::slice::from_ref(&unsigned)).expect("it is signed on entry");
    let digest = added.packages[0].1.clone();
    assert_ne!(digest.as_str(), source, "signing makes other bytes");
    assert_eq!(sha256(&lab, &unsigned), source, "the file that was handed in is left alone");
    let again = add(&repository, &[unsigned]).expect("known by what was handed in");
    assert_eq!((again.publication, &again.packages[0].1), (None, &digest), "signing it again would make a third");
    assert_eq!(dnf_sees(&lab, "query", "dev"), ["app-1.0-1.noarch"]);
}

#[test]
fn a_key_that_expired_lets_nobody_in_and_signs_nothing() {
    let lab = RpmLab::new();
    let mut policy = lab.policy(&["dev"]);
    let brief = lab.key_until("brief", "seconds=3");
    policy.keyring.push(brief.public.clone());
    let repository = open(&lab, &policy);
    let file = [lab.build("app", "1.0", "")];
    lab.sign(&file, &brief);
    let later = super::Asked { now: rekindle::spec::Timestamp(4_000_000_000_000), ..super::asked() };
    let error =
        rekindle::execute::repo::add(&repository, &RpmLab::open_stage(), &stage("dev"), &file, &later).expect_err("expired");
    assert!(error.to_string().contains("expired at 20"), "{error}");
}

#[test]
fn a_key_that_was_revoked_and_a_subkey_of_one_that_expired_let_nobody_in() {
    let lab = RpmLab::new();
    let mut policy = lab.policy(&["dev"]);
    let gpg = |args: &[&str]| lab.must("gpg", &[&["--batch", "--quiet", "--passphrase", ""], args].concat());
    let fingerprint = |name: &str| {
        let listed = gpg(&["--with-colons", "--list-keys", name]);
        let line = listed.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint").to_owned();
        line.split(':').nth(9).expect("its digits").to_owned()
    };

    let key = lab.key("stolen");
    let stolen = lab.build("stolen", "1", "");
    lab.sign(std::slice::from_ref(&stolen), &key);
    let certificate = lab.gnupg().join(format!("openpgp-revocs.d/{}.rev", fingerprint(&key.name)));
    let text = std::fs::read_to_string(certificate).expect("a certificate").replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(lab.dir.join("revocation.asc"), text).expect("a certificate");
    gpg(&["--import", "revocation.asc"]);
    gpg(&["--yes", "--armor", "--output", key.public.as_str(), "--export", &key.name]);
    policy.keyring.push(key.public);

    // gpg signs with a subkey that holds for ever as long as its key holds; rpm does not ask.
    let key = lab.expired_key("old");
    let then = ["--faked-system-time", "20200101T000000"];
    gpg(&[&then[..], &["--quick-add-key", &fingerprint(&key.name), "rsa2048", "sign", "never"]].concat());
    let old = lab.build("old", "1", "");
    lab.sign(std::slice::from_ref(&old), &key);
    gpg(&["--yes", "--armor", "--output", key.public.as_str(), "--export", &key.name]);
    policy.keyring.push(key.public);

    let repository = open(&lab, &policy);
    check_refused(&lab, &repository, &stolen, "was revoked");
    check_refused(&lab, &repository, &old, "expired at 2020-01-03");
}

#[test]
fn whatever_stands_in_a_header_is_refused_with_a_reason_and_never_believed() {
    let lab = RpmLab::new();
    let repository = open(&lab, &lab.policy(&["dev"]));
    let whole = std::fs::read(lab.package("app", "1.0")).expect("a package");
    let number = |at: usize| u32::from_be_bytes(whole[at..at + 4].try_into().expect("four bytes")) as usize;
    let header = (96 + 16 + number(104) * 16 + number(108)).next_multiple_of(8);
    let entries = header + 16..header + 16 + number(header + 8) * 16;
    // Each number of each entry of the index, as large as it can be, and just too large.
    let mut files = Vec::new();
    for at in [header + 8, header + 12].into_iter().chain(entries.step_by(4)) {
        for value in [[0x7f, 0xff, 0xff, 0xff], [0xff; 4], [0, 0xff, 0xff, 0xff]] {
            let mut bytes = whole.clone();
            bytes[at..at + 4].copy_from_slice(&value);
            let path = lab.dir.join(format!("{at}-{}.rpm", value[0] ^ value[1]));
            std::fs::write(&path, bytes).expect("a file");
            files.push(path);
        }
    }
    let error = add(&repository, &files).expect_err("none of them is whole");
    let RepoFault::Refused(refused) = &error else { panic!("{error}") };
    assert_eq!(refused.len(), files.iter().collect::<std::collections::BTreeSet<_>>().len(), "{error}");
}

#[test]
fn memory_does_not_grow_with_the_size_of_a_package() {
    const LARGE: u64 = 256 << 20;
    let lab = RpmLab::new();
    let large = lab.build_large("large", LARGE);
    lab.sign(std::slice::from_ref(&large), &lab.signer);
    assert!(std::fs::metadata(&large).expect("a package").len() > LARGE);
    let peak = |name: &str, file: &camino::Utf8Path| -> u64 {
        let root = lab.dir.join(name);
        let said = lab.must(super::crash::victim().as_str(), &[lab.dir.as_str(), root.as_str(), "0", "add", file.as_str()]);
        said.lines().last().and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{said}"))
    };
    let (small, large) = (peak("small", &lab.package("small", "1")), peak("large", &large));
    println!("peak of a package of some KiB: {small} KiB, of {} MiB: {large} KiB", LARGE >> 20);
    assert!(large < small + 16 * 1024, "{small} KiB for a small package, {large} KiB for a large one");
}
