//! dnf as the client of the install listener: it installs what is signed, and refuses everything else.

use camino::Utf8Path;
use rekindle_tests::rpms::{DnfRepo, Required, RpmLab};
use rekindle_tests::served::Served;

/// A repository, and what dnf says when it is asked to install `app` from it.
struct Case<'c> {
    name: &'c str,
    make: &'c dyn Fn(&RpmLab, &Utf8Path),
    required: Required,
    /// What dnf must say; none: it must install.
    refusal: Option<&'c str>,
}

fn flip_a_byte(path: &Utf8Path) {
    let mut bytes = std::fs::read(path).expect("a package");
    let at = bytes.len() - 40;
    bytes[at] ^= 0xff;
    std::fs::write(path, bytes).expect("a package");
}

#[test]
fn dnf_installs_what_is_signed_and_refuses_everything_else() {
    let lab = RpmLab::new();
    let (ours, other) = (&lab.signer, lab.key("other"));
    let old = lab.expired_key("old");
    let unsigned = lab.build("app", "1", "one");
    let copy = |name: &str| {
        let to = lab.dir.join(format!("{name}-app-1-1.noarch.rpm"));
        std::fs::copy(&unsigned, &to).expect("a copy");
        to
    };
    let (signed, foreign) = (copy("signed"), copy("foreign"));
    lab.sign(std::slice::from_ref(&signed), ours);
    lab.sign(std::slice::from_ref(&foreign), &other);
    let aged = copy("aged");
    lab.sign(std::slice::from_ref(&aged), &old);
    let package = |to: &Utf8Path| to.join("Packages").join(signed.file_name().expect("a name"));
    let cases = [
        Case {
            name: "good",
            make: &|lab, to| lab.repository(to, std::slice::from_ref(&signed), Some(ours)),
            required: Required::All,
            refusal: None,
        },
        Case {
            name: "unsigned",
            make: &|lab, to| lab.repository(to, std::slice::from_ref(&unsigned), Some(ours)),
            required: Required::Packages,
            refusal: Some("is not signed"),
        },
        Case {
            name: "other-key",
            make: &|lab, to| lab.repository(to, std::slice::from_ref(&foreign), Some(ours)),
            required: Required::Packages,
            refusal: Some("Public key for"),
        },
        Case {
            name: "changed-bytes",
            make: &|lab, to| {
                lab.repository(to, std::slice::from_ref(&signed), Some(ours));
                flip_a_byte(&package(to));
            },
            required: Required::All,
            refusal: Some("checksum doesn't match"),
        },
        Case {
            name: "changed-and-described-anew",
            make: &|lab, to| {
                lab.repository(to, std::slice::from_ref(&signed), None);
                flip_a_byte(&package(to));
                lab.describe(to, Some(ours));
            },
            required: Required::All,
            refusal: Some("GPG check FAILED"),
        },
        Case {
            name: "no-repomd-signature",
            make: &|lab, to| lab.repository(to, std::slice::from_ref(&signed), None),
            required: Required::All,
            refusal: Some("GPG signature is not available"),
        },
        Case {
            name: "wrong-repomd-signature",
            make: &|lab, to| lab.repository(to, std::slice::from_ref(&signed), Some(&other)),
            required: Required::All,
            refusal: Some("Bad GPG signature"),
        },
        // rpm of dnf's time asks no key whether its time is over: the one who asks is `rekindle repo add`.
        Case {
            name: "package-of-an-expired-key",
            make: &|lab, to| lab.repository(to, std::slice::from_ref(&aged), Some(&old)),
            required: Required::Packages,
            refusal: None,
        },
        Case {
            name: "repomd-of-an-expired-key",
            make: &|lab, to| lab.repository(to, std::slice::from_ref(&aged), Some(&old)),
            required: Required::All,
            refusal: Some("Bad GPG signature"),
        },
        Case {
            name: "nothing-there",
            make: &|_, to| std::fs::create_dir_all(to).expect("a directory"),
            required: Required::All,
            refusal: Some("Cannot download repomd.xml"),
        },
    ];
    let repositories: Vec<_> = cases.iter().map(|case| (case.name, lab.dir.join("served").join(case.name))).collect();
    for (case, (_, directory)) in cases.iter().zip(&repositories) {
        (case.make)(&lab, directory);
    }
    let offered: Vec<_> = repositories.iter().map(|(name, directory)| (*name, directory.as_path())).collect();
    let served = Served::start(&offered);
    for case in &cases {
        let key = if case.name.ends_with("expired-key") { &old } else { ours };
        let repo = DnfRepo { required: case.required, ..DnfRepo::at(&served.url(case.name), &key.public) };
        let dnf = lab.dnf(case.name, &repo);
        let ran = dnf.run(&["install", "app"]);
        let said = &ran.text;
        let installed = std::fs::read_to_string(dnf.root.join("usr/share/app/text")).ok();
        match case.refusal {
            None => assert_eq!((ran.code, installed.as_deref()), (Some(0), Some("one")), "{}: {said}", case.name),
            Some(refusal) => {
                assert!(said.contains(refusal), "{}: not {refusal:?} but: {said}", case.name);
                assert_eq!((ran.code, installed), (Some(1), None), "{}: {said}", case.name);
            }
        }
    }
}
