//! The key that signs for the site: what happens when its time is over, and how a signature that is not good is found.

use rekindle::spec::EntryPolicy;
use rekindle::world::repo::{Finding, Repository};
use rekindle_tests::rpms::RpmLab;

use super::{add, content, dnf_sees, open, promote, stage};

#[test]
fn a_signing_key_that_expired_signs_nothing_says_so_and_leaves_the_stages_as_they_were() {
    let lab = RpmLab::new();
    let mut policy = lab.policy(&["dev", "testing"]);
    let repository = open(&lab, &policy);
    add(&repository, &[lab.package("app", "1")]).expect("a package");
    promote(&repository, &["app"], "dev", "testing").expect("a promotion");
    let old = lab.expired_key("old");
    policy.keyring.push(old.public);
    policy.signing_key = Some(old.name);
    let late = open(&lab, &policy);
    let file = [lab.package("app", "2")];
    let error = add(&late, &file).expect_err("nothing can be signed").to_string();
    assert!(error.contains("the signing key `old@example.com` expired at 2020-01-03T"), "{error}");
    assert_eq!(
        (content(&repository, "dev"), content(&repository, "testing")),
        (vec!["app-1-1.noarch".to_owned()], vec!["app-1-1.noarch".to_owned()])
    );
    assert_eq!(dnf_sees(&lab, "after", "dev"), ["app-1-1.noarch"]);
    // The bytes are in the pool; with a key that is good the same files are published.
    add(&repository, &file).expect("a package");
    assert_eq!(dnf_sees(&lab, "renewed", "dev").len(), 2);
}

#[test]
fn a_key_that_nobody_can_sign_with_ends_at_once_with_what_to_do() {
    let lab = RpmLab::new();
    let locked =
        ["--batch", "--quiet", "--passphrase", "x", "--quick-generate-key", "locked@example.com", "rsa2048", "sign", "never"];
    lab.must("gpg", &locked);
    let elsewhere = RpmLab::new();
    let foreign = elsewhere.key("foreign");
    // What gpg's agent remembers of a passphrase is forgotten.
    lab.must("gpgconf", &["--kill", "gpg-agent"]);
    let unsigned = [lab.build("app", "1", "")];
    let signed = [lab.package("tool", "1")];
    for (key, reason) in [("locked@example.com", "wants a passphrase"), ("foreign@example.com", "key `foreign@example.com`")] {
        for (entry, file) in [(EntryPolicy::Signed, &signed), (EntryPolicy::SignOnce, &unsigned)] {
            let mut policy = lab.policy(&["dev"]);
            (policy.signing_key, policy.entry) = (Some(key.to_owned()), entry);
            let repository = open(&lab, &policy);
            let error = add(&repository, file).expect_err("nothing can be signed").to_string();
            assert!(error.contains(reason), "{key}: {error}");
            assert_eq!(content(&repository, "dev"), Vec::<String>::new());
        }
    }
    // gpg may have the public half only.
    lab.must("gpg", &["--batch", "--quiet", "--import", foreign.public.as_str()]);
    let policy = rekindle::spec::RepositorySpec { signing_key: Some(foreign.name), ..lab.policy(&["dev"]) };
    let error = add(&open(&lab, &policy), &signed).expect_err("nothing can be signed").to_string();
    assert!(error.contains("there is no secret key `foreign@example.com`"), "{error}");
}

#[test]
fn verify_finds_a_stage_whose_signature_is_missing_or_of_other_bytes() {
    let lab = RpmLab::new();
    let repository = open(&lab, &lab.policy(&["dev", "testing"]));
    add(&repository, &[lab.package("app", "1"), lab.package("tool", "1")]).expect("packages");
    promote(&repository, &["app"], "dev", "testing").expect("a promotion");
    let signatures = || {
        let observed = repository.observe().expect("a repository");
        let verified = repository.verify(&observed, |_| true).expect("a proof");
        assert!(verified.proofs.iter().all(rekindle::world::repo::Proof::holds), "{verified:?}");
        let all: Vec<(String, Finding)> =
            verified.signatures.iter().map(|(stage, found)| (stage.to_string(), found.clone())).collect();
        (verified.holds(), all)
    };
    let good = |name: &str| (name.to_owned(), Finding::Same);
    assert_eq!(signatures(), (true, vec![good("dev"), good("testing")]));
    let served = Repository::served_directory(&lab.dir.join("repository"), &stage("dev"));
    let asc = served.join("repodata/repomd.xml.asc");
    let other = Repository::served_directory(&lab.dir.join("repository"), &stage("testing")).join("repodata/repomd.xml.asc");
    std::fs::remove_file(&asc).expect("removed");
    assert_eq!(signatures(), (false, vec![("dev".to_owned(), Finding::Missing), good("testing")]));
    std::fs::copy(&other, &asc).expect("the signature of another stage");
    let (holds, found) = signatures();
    assert!(!holds && matches!(&found[0].1, Finding::Differs(why) if why.contains("for other bytes")), "{found:?}");
}
