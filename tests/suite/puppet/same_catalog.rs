//! One site, two modes, one catalog: what `puppet apply` compiles from the archive is what a server compiles from `enc` and `hiera`.

use std::fs;
use std::process::Command;

use camino::Utf8Path;
use rekindle::render::puppet_files;

use super::CaHost;

/// The site's Puppet code: component modules with class parameters from Hiera, and a level of the environment's own.
const CODE: &[(&str, &str)] = &[
    ("manifests/site.pp", "notify { 'everywhere': }\n"),
    ("modules/role/manifests/web.pp", "class role::web { include web }\n"),
    (
        "modules/profile/manifests/extra.pp",
        "class profile::extra(String $greeting = 'none') { notify { \"extra ${greeting}\": } }\n",
    ),
    (
        "modules/web/manifests/init.pp",
        "class web(Integer $port, Hash $tls, String $motto = 'none') {\n  file { '/etc/web.conf': content => \"${port} ${tls} ${motto}\" }\n\
           if $tls['enabled'] { notify { 'tls': message => join($tls['versions'], ' ') } }\n}\n",
    ),
    ("hiera.yaml", "---\nversion: 5\nhierarchy:\n  - name: common\n    datadir: data\n    path: common.yaml\n"),
    ("data/common.yaml", "---\nweb::port: 1\nweb::motto: 'from the environment'\nprofile::extra::greeting: hello\n"),
];

fn write(path: &Utf8Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("written");
}

/// Compiles `web1`'s catalog with the installed Puppet.
fn compile(directory: &Utf8Path, environments: &Utf8Path, hiera: &Utf8Path, of_server: &[&str]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/puppet/compile.rb");
    let output = Command::new("ruby")
        .arg(script)
        .args([directory.as_str(), "web1.lab.example", "dev", environments.as_str(), hiera.as_str()])
        .args(of_server)
        .env("HOME", directory)
        .output()
        .expect("ruby with Puppet (puppet-agent)");
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{out}{err}");
    out
}

#[test]
fn both_modes_compile_the_same_resources() {
    let host = CaHost::new();
    for (path, text) in CODE {
        write(&host.site.dir.join("puppet").join(path), text);
    }
    let root = host.tokens().with_file_name("compile");

    // `apply`: the archive is the environment, with Hiera's global layer in it.
    let spec = rekindle::site::load(&host.site.dir).unwrap_or_else(|errors| panic!("{errors}"));
    let vm = &spec.vms["web1"];
    let apply = root.join("apply/environments");
    CODE.iter().for_each(|(path, text)| write(&apply.join("dev").join(path), text));
    for (path, text) in puppet_files(vm, vm.puppet.as_ref().expect("Puppet")) {
        write(&apply.join("dev").join(path), &text);
    }
    let masterless = compile(&root.join("a"), &apply, &apply.join("dev/rekindle/hiera.yaml"), &[]);

    // `server`: the code as it was deployed, classes from `enc`, data from `hiera`.
    let server = root.join("server/environments");
    CODE.iter().for_each(|(path, text)| write(&server.join("dev").join(path), text));
    let data = root.join("hiera");
    let ran = host.run(&["hiera", data.as_str()], b"");
    assert_eq!(ran.status, 0, "{}", ran.err);
    let enc = root.join("enc");
    let binary = rekindle_tests::lab::binary();
    write(&enc, &format!("#!/bin/sh\nexec {binary} --site {} puppet enc \"$1\"\n", host.site.dir));
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&enc, fs::Permissions::from_mode(0o755)).expect("its mode");
    let served = compile(&root.join("s"), &server, &data.join("hiera.yaml"), &["web", enc.as_str()]);

    assert_eq!(masterless, served);
    // The role's port over the environment's, the VM's word on TLS, the environment's motto; classes of role and VM.
    for words in ["8080 {", "enabled", "from the environment", "\"Notify[tls]\"", "\"Class[Profile::Extra]\"", "extra hello"] {
        assert!(served.contains(words), "{words}: {served}");
    }
    // Without the role of the certificate the role's data is not there: the test can fail.
    let stranger =
        std::panic::catch_unwind(|| compile(&root.join("x"), &server, &data.join("hiera.yaml"), &["db", enc.as_str()]));
    assert!(stranger.map_or(true, |catalog| catalog != served), "the role of the certificate makes no difference");
}
