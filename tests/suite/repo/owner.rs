//! Whose the repository is: the agent's, whoever changes it.

use std::process::Command;

use rekindle_tests::lab;
use rekindle_tests::rpms::RpmLab;

/// `nobody`.
const USER: &str = "65534";

#[test]
fn what_root_changes_stays_the_agents_and_has_roots_login() {
    let lab = RpmLab::new();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let set_up = format!(
        "chmod 755 . && cp -r {fixtures}/demo site && mkdir -p mirror/tree/tiny mirror/tree/full mirror/stages/dev && \
         sh {fixtures}/repository.sh && gpgconf --homedir state/gnupg --kill gpg-agent && \
         printf 'hypervisor = \"hv1\"\nsite = \"%s/site\"\nstate_dir = \"%s/state\"\n' $PWD $PWD > agent.toml"
    );
    lab.must("sh", &["-ec", &set_up]);
    let id = lab.must("id", &["-u"]);
    // Only root can give it away; anybody else owns it already.
    let owner = if id.trim() == "0" { USER } else { id.trim() };
    lab.must("chown", &["-R", owner, lab.dir.join("state").as_str()]);
    let rekindle = |args: &[&str]| {
        let mut command = Command::new(lab::binary());
        command.args(args).current_dir(&lab.dir).env("REKINDLE_CONFIG", lab.dir.join("agent.toml")).env_remove("SUDO_UID");
        let ran = command.output().expect("rekindle");
        let text = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (ran.status.code(), text)
    };
    for args in [
        &["repo", "add", "dev", "shop-api-1.0-1.noarch.rpm", "shop-tool-3.2-1.noarch.rpm"][..],
        &["repo", "promote", "shop-api", "--from", "dev", "--to", "testing"],
        &["repo", "add", "dev", "shop-api-1.1-1.noarch.rpm"],
        &["repo", "gc"],
        &["repo", "verify"],
    ] {
        let (code, text) = rekindle(args);
        assert_eq!(code, Some(0), "{args:?}: {text}");
    }
    let others = lab.must("find", &[lab.dir.join("state").as_str(), "!", "-uid", owner]);
    assert_eq!(others, "", "the agent could not change these any more");
    let (_, history) = rekindle(&["repo", "history", "dev", "--json"]);
    assert!(history.contains("\"login\"") && !history.contains("nobody"), "{history}");
    // What that user may not read, root is told about.
    std::fs::set_permissions(lab.dir.join("unsigned.rpm"), std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("rights");
    let (code, text) = rekindle(&["repo", "add", "dev", "unsigned.rpm"]);
    assert!(code == Some(3) && text.contains("put it where that user may"), "{text}");
    let _ = lab.run("gpgconf", &["--homedir", lab.dir.join("state/gnupg").as_str(), "--kill", "gpg-agent"]);
}
