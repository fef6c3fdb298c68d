//! `Spec::revision`: the commit of a clean checkout, else a digest.

use std::fs;
use std::process::Command;

use camino::Utf8Path;
use rekindle::site::load;

use super::TestSite;

fn git(dir: &Utf8Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").args(identity).arg("-C").arg(dir).args(arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

fn revision(dir: &Utf8Path) -> String {
    load(dir).unwrap_or_else(|errors| panic!("{errors}")).revision
}

#[test]
fn a_clean_checkout_is_its_commit_and_any_change_makes_it_a_digest() {
    let site = TestSite::good();
    let plain = revision(&site.dir);
    assert!(plain.starts_with("sha256:") && plain.len() == 71, "{plain}");
    git(&site.dir, &["init", "-q"]);
    assert_eq!(revision(&site.dir), plain, "no commit yet");
    git(&site.dir, &["add", "-A"]);
    git(&site.dir, &["commit", "-q", "-m", "site"]);
    assert_eq!(revision(&site.dir), git(&site.dir, &["rev-parse", "HEAD"]));

    let untracked = site.dir.join("vms/web9.toml");
    fs::write(&untracked, "role = \"web\"\nstage = \"dev\"\n").expect("a file");
    let changed = revision(&site.dir);
    assert!(changed.starts_with("sha256:"), "{changed}");
    assert_ne!(changed, plain);
    // What Git ignores is read all the same, so it counts.
    fs::write(site.dir.join(".git/info/exclude"), "vms/web9.toml\n").expect("a file");
    assert_eq!(revision(&site.dir), changed);
    fs::remove_file(untracked).expect("removed");
    assert_eq!(revision(&site.dir), git(&site.dir, &["rev-parse", "HEAD"]));
}

#[test]
fn a_digest_follows_templates_and_puppet_code_too() {
    let site = TestSite::good();
    let before = revision(&site.dir);
    fs::write(site.dir.join("puppet/hiera.yaml"), "---\nversion: 5\n# changed\n").expect("a file");
    let puppet = revision(&site.dir);
    assert_ne!(before, puppet);
    fs::create_dir(site.dir.join("templates")).expect("a directory");
    fs::write(site.dir.join("templates/base.ks.tera"), "text\n").expect("a file");
    assert_ne!(puppet, revision(&site.dir));
}
