//! Packages move on by reference.

use super::{add, content, dnf_sees, open, promote, stage};
use rekindle::world::repo::Repository;
use rekindle_tests::rpms::RpmLab;

#[test]
fn a_promotion_moves_a_reference_and_the_bytes_stay_the_same() {
    use std::os::unix::fs::MetadataExt as _;
    let lab = RpmLab::new();
    let repository = open(&lab, &lab.policy(&["dev", "testing", "rc"]));
    add(&repository, &[lab.package("app", "1.0"), lab.package("app", "1.1"), lab.package("tool", "2")]).expect("packages");
    let promoted = promote(&repository, &["app"], "dev", "testing").expect("the newest");
    assert_eq!(promoted.moved[0].0.to_string(), "app-1.1-1.noarch");
    assert_eq!(content(&repository, "testing"), ["app-1.1-1.noarch"]);
    assert_eq!(dnf_sees(&lab, "query", "testing"), ["app-1.1-1.noarch"]);
    let inode = |name: &str| {
        let served = Repository::served_directory(&lab.dir.join("repository"), &stage(name));
        std::fs::metadata(served.join("packages/a/app-1.1-1.noarch.rpm")).expect("a package").ino()
    };
    assert_eq!(inode("dev"), inode("testing"));
    for (names, from, to, reason) in [
        (["app"], "dev", "rc", "`testing` comes first"),
        (["app"], "testing", "dev", "packages move forward only"),
        (["app"], "rc", "testing", "packages move forward only"),
        (["nothing"], "dev", "testing", "it is not in `dev`"),
        (["app-3"], "dev", "testing", "there is `app-1.0-1.noarch`"),
        (["app-1.0"], "dev", "testing", "1.1-1, which is newer"),
        (["app"], "dev", "prod", "it is no stage of the repository"),
    ] {
        let error = promote(&repository, &names, from, to).expect_err("refused");
        assert!(error.to_string().contains(reason), "{error}");
    }
    let again = promote(&repository, &["app"], "dev", "testing").expect("nothing to do");
    assert_eq!((again.publication, again.stayed.len()), (None, 1));
}
