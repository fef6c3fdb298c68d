//! Classes and data: what `enc` and `hiera` say.

use super::CaHost;

#[test]
fn a_vm_is_classified_and_a_stranger_is_not() {
    let host = CaHost::new();
    let ran = host.run(&["enc", "web1.lab.example"], b"");
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let document = ran.out.strip_prefix("---\n").expect("YAML");
    let said: serde_json::Value = serde_json::from_str(document).expect("JSON within it");
    assert_eq!(said["environment"], "dev");
    assert_eq!(said["classes"], serde_json::json!({"role::web": {}, "profile::extra": {}}));
    assert_eq!(said["parameters"]["rekindle_role"], "web");
    for (name, status) in [("nobody.lab.example", 1), ("db1.lab.example", 1), ("WEB1.lab.example", 1), ("a\nb", 1)] {
        let ran = host.run(&["enc", name], b"");
        assert!(ran.status == status && ran.out.is_empty(), "{name:?}: {} {}", ran.status, ran.out);
        assert!(ran.err.contains("site `lab` at sha256:") && ran.err.contains("has no VM with the certname"), "{}", ran.err);
    }
}

#[test]
fn data_is_written_whole_and_what_left_the_site_is_removed() {
    let host = CaHost::new();
    let directory = host.tokens().with_file_name("hiera");
    let run = || host.run(&["hiera", directory.as_str()], b"");
    let ran = run();
    assert!(
        ran.status == 0 && ran.out.contains("3 files of sha256:") && ran.out.contains("3 written, 0 removed"),
        "{}{}",
        ran.out,
        ran.err
    );
    let data = std::fs::read_to_string(directory.join("nodes/web1.lab.example.yaml")).expect("data of web1");
    assert!(data.contains("\"web::tls\"") && !data.contains("web::port"), "only what differs from the role: {data}");
    let role = std::fs::read_to_string(directory.join("role/web.yaml")).expect("data of the role");
    assert!(role.contains("\"web::port\": 8080"), "{role}");
    assert!(run().out.contains("0 written, 0 removed"));
    std::fs::remove_file(host.site.dir.join("vms/web1.toml")).expect("gone");
    let ran = run();
    assert!(ran.out.contains("0 written, 2 removed"), "{}{}", ran.out, ran.err);
    let elsewhere = host.site.dir.join("puppet");
    let ran = host.run(&["hiera", elsewhere.as_str()], b"");
    assert!(ran.status == 2 && ran.err.contains("is not empty"), "{}", ran.err);
    assert!(elsewhere.join("hiera.yaml").exists());
}
