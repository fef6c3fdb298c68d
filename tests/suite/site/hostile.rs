//! Files that no editor writes: every one is refused with its name, nothing panics, nothing outside the site is read.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::TestSite;

/// Breaks the good site by `break_it` and compares the whole list of mistakes.
#[track_caller]
fn check(break_it: impl FnOnce(&TestSite), expected: &[&str]) {
    let site = TestSite::good();
    break_it(&site);
    assert_eq!(site.mistakes(), expected);
}

#[test]
fn files_that_are_not_text_are_refused() {
    let long = "x = 1\n".repeat(2_000_000);
    let nested = format!("x = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000));
    check(
        |site| {
            fs::write(site.dir.join("vms/a.toml"), b"role = \"web\"\nstage = \"\xff\"\n").expect("written");
            fs::write(site.dir.join("vms/b.toml"), "role = \"web\"\n\0\n").expect("written");
            fs::write(site.dir.join("vms/c.toml"), long).expect("written");
        },
        &[
            "vms/a.toml: line 2 is not UTF-8",
            "vms/b.toml: line 2 holds a NUL byte",
            "vms/c.toml: the file has 11719 KiB; at most 1024 KiB are read",
        ],
    );
    let site = TestSite::good();
    fs::write(site.dir.join("vms/d.toml"), nested).expect("written");
    let mistakes = site.mistakes();
    assert!(!mistakes.is_empty() && mistakes.iter().all(|m| m.starts_with("vms/d.toml")), "{mistakes:.300?}");
}

#[test]
fn links_out_of_the_site_are_refused_and_links_within_it_are_not() {
    check(
        |site| {
            symlink("/etc/passwd", site.dir.join("vms/out.toml")).expect("linked");
            symlink("../roles/web.toml", site.dir.join("roles/web2.toml")).expect("linked");
            symlink("nowhere.toml", site.dir.join("vms/gone.toml")).expect("linked");
            symlink("loop.toml", site.dir.join("vms/loop.toml")).expect("linked");
        },
        &[
            "vms/gone.toml: cannot be read: No such file or directory (os error 2)",
            "vms/loop.toml: cannot be read: Too many levels of symbolic links (os error 40)",
            "vms/out.toml: the symbolic link points out of the site",
        ],
    );
    check(
        |site| {
            fs::remove_dir_all(site.dir.join("teams")).expect("removed");
            symlink("/etc", site.dir.join("teams")).expect("linked");
        },
        &["teams: the symbolic link points out of the site"],
    );
}

#[test]
fn things_that_are_not_files_are_refused_without_waiting_for_them() {
    check(
        |site| {
            let fifo = site.dir.join("vms/fifo.toml");
            let made = std::process::Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs");
            assert!(made.success());
            fs::create_dir(site.dir.join("vms/dir.toml")).expect("made");
            fs::write(site.dir.join("vms/web2.tml"), "").expect("written");
            fs::write(site.dir.join("vms/.web2.toml.swp"), "").expect("written");
            fs::write(site.dir.join("vms/web2.toml~"), "").expect("written");
            fs::write(site.dir.join("vms/README.md"), "").expect("written");
            fs::write(site.dir.join("vms/Web_2.toml"), "role = \"web\"\nstage = \"dev\"\n").expect("written");
        },
        &[
            "vms/Web_2.toml: the file name gives no valid VM name",
            "vms/dir.toml: unexpected entry: a directory",
            "vms/fifo.toml: not a regular file",
            "vms/web2.tml: unexpected entry: not a `.toml` file",
        ],
    );
}

#[test]
fn a_directory_under_a_wrong_name_is_not_passed_over_in_silence() {
    check(|site| fs::create_dir(site.dir.join("vm")).expect("made"), &["vm: nothing reads `vm`"]);
}

#[test]
fn an_unreadable_file_is_one_mistake_and_its_name_stays_known() {
    // Root reads everything: then there is nothing to see here.
    if nix_is_root() {
        return;
    }
    check(
        |site| fs::set_permissions(site.dir.join("roles/web.toml"), fs::Permissions::from_mode(0o000)).expect("changed"),
        &["roles/web.toml: cannot be read: Permission denied (os error 13)"],
    );
}

fn nix_is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0)
}

#[test]
fn a_site_that_is_not_there_says_so() {
    for dir in ["/nonexistent", "/etc/passwd"] {
        let errors = rekindle::site::load(dir.into()).expect_err("refused");
        assert!(errors.to_string().starts_with("error: the site directory cannot be read: "), "{errors}");
    }
    let empty = TestSite::new([]);
    assert_eq!(empty.mistakes(), ["site.toml: the site has no `site.toml`"]);
}

#[test]
fn control_and_right_to_left_characters_are_escaped_in_the_report() {
    let site = TestSite::good();
    fs::write(site.dir.join("vms/a.toml"), "role = \"w\u{202e}eb\u{1b}[31m\"\nst\u{200b}age = 1\n").expect("written");
    let report = rekindle::site::load(&site.dir).expect_err("refused").to_string();
    let odd: Vec<char> =
        report.chars().filter(|c| (c.is_control() && *c != '\n') || ('\u{200b}'..='\u{202e}').contains(c)).collect();
    assert!(odd.is_empty(), "{odd:?} in:\n{report}");
    assert!(report.contains("\\u{202e}"), "{report}");
}
