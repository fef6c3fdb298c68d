//! A site's own templates: extending, overriding, and every mistake found at once.

use std::fs;

use camino::Utf8PathBuf;
use rekindle::render::{RenderError, Renderer, TemplateErrors};
use rekindle_tests::specs::{SpecCase, id};

use super::urls;

/// A site's `templates/` with these files.
fn site(files: &[(&str, &str)]) -> (tempfile::TempDir, Utf8PathBuf) {
    let directory = tempfile::tempdir().expect("temporary directory");
    let path = Utf8PathBuf::from_path_buf(directory.path().to_owned()).expect("UTF-8");
    for (name, text) in files {
        let file = path.join(name);
        fs::create_dir_all(file.parent().expect("parent")).expect("directory");
        fs::write(file, text).expect("write");
    }
    (directory, path)
}

fn load(files: &[(&str, &str)]) -> Result<Renderer, TemplateErrors> {
    let (_directory, path) = site(files);
    Renderer::new(Some(&path))
}

/// The kickstart of a VM with the site's template `web`.
#[track_caller]
fn render(files: &[(&str, &str)]) -> Result<String, RenderError> {
    let renderer = load(files).unwrap_or_else(|error| panic!("{error}"));
    let spec = SpecCase { template: "web", ..SpecCase::default() }.build();
    renderer.render_kickstart(&spec, &spec.vms["web1"], &urls()).map(|kickstart| kickstart.text)
}

/// The errors of these files as `FILE:LINE: start of the message`, files relative to the site.
#[track_caller]
fn check_mistakes(files: &[(&str, &str)], expected: &[(&str, Option<usize>, &str)]) {
    let (_directory, path) = site(files);
    let errors = Renderer::new(Some(&path)).expect_err("the templates are wrong").0;
    let found: Vec<(&str, Option<usize>, &str)> = errors
        .iter()
        .map(|error| (error.file.strip_prefix(&format!("{path}/")).unwrap_or(&error.file), error.line, error.message.as_str()))
        .collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!((found.0, found.1), (expected.0, expected.1), "{found:?}");
        assert!(found.2.contains(expected.2), "{found:?} does not say {:?}", expected.2);
    }
}

#[test]
fn a_sites_template_extends_the_shipped_base_and_overrides_a_block() {
    let text =
        render(&[("web.ks.tera", "{% extends \"base.ks.tera\" %}\n{% block post %}\necho {{ vm.role | sh }}\n{% endblock %}\n")]);
    let text = text.expect("rendered");
    assert!(text.contains("\necho shop-web\n"), "{text}");
    assert!(text.contains("\nignoredisk --only-use=vda\n"), "{text}");
}

#[test]
fn a_sites_partial_takes_the_place_of_the_shipped_one_and_can_still_use_it() {
    let files = [
        ("web.ks.tera", "{% extends \"base.ks.tera\" %}"),
        ("partials/time.ks.tera", "\n# ours{% include \"shipped/partials/time.ks.tera\" %}"),
    ];
    let text = render(&files).expect("rendered");
    assert!(text.contains("\n# ours\ntimezone Europe/Berlin --utc\n"), "{text}");
}

#[test]
fn every_mistake_in_every_template_is_found_with_file_and_line() {
    check_mistakes(
        &[
            (
                "a.ks.tera",
                "{% extends \"base.ks.tera\" %}\n{% block post %}\n{{ vm.nmae }}\n{% if hosts.name %}{% endif %}\n{% endblock %}",
            ),
            ("b.ks.tera", "url\n{% include \"partials/missing.ks.tera\" %}\n{{ vm.role | kss }}"),
            ("c.ks.tera", "url\n{% if %}\n"),
            ("d.ks.tera", "{# no parent #}\n{% extends \"bsae.ks.tera\" %}"),
            ("e.ks.tera", "{% for nic in nics %}\n{{ nic.mac }}{{ nic.v4.adress }}\n{% endfor %}{{ release.name.x }}"),
            ("f.ks.tera", "{% extends \"base.ks.tera\" %}\n{% block pots %}{% endblock %}"),
        ],
        &[
            ("a.ks.tera", Some(3), "`vm` has no `nmae`; it has role, team"),
            ("a.ks.tera", Some(4), "there is no variable `hosts` (did you mean `host`?); there are release, site"),
            ("b.ks.tera", Some(2), "Unknown template `partials/missing.ks.tera`"),
            ("b.ks.tera", Some(3), "Unknown filter `kss`"),
            ("c.ks.tera", Some(2), ""),
            ("d.ks.tera", Some(2), "extends `bsae.ks.tera`, which does not exist"),
            ("e.ks.tera", Some(2), "`nic.v4` has no `adress` (did you mean `address`?)"),
            ("e.ks.tera", Some(2), "`nic` has no `mac`"),
            ("e.ks.tera", Some(3), "`release.name` has no `x`; it is no structure"),
            ("f.ks.tera", Some(2), "Block `pots` is not defined"),
        ],
    );
}

#[test]
fn a_template_in_a_cycle_is_refused() {
    let error =
        load(&[("a.ks.tera", "{% extends \"b.ks.tera\" %}"), ("b.ks.tera", "{% extends \"a.ks.tera\" %}")]).expect_err("cycle");
    assert!(error.to_string().contains("Circular"), "{error}");
}

#[test]
fn what_a_release_does_not_know_is_refused_with_the_line_of_the_result() {
    let error = render(&[("web.ks.tera", "cmdline\nreboot\nfrobnicate\nurl --url={{ os.tree | ks }}\n%packages\n%end\n")])
        .expect_err("refused");
    let RenderError::Rejected { problems, .. } = &error else { panic!("{error}") };
    assert_eq!(problems[0].line, 3, "{error}");
    assert!(error.to_string().contains("VM `web1`"), "{error}");
}

#[test]
fn a_value_that_needs_quotes_cannot_be_written_without() {
    let error = render(&[("web.ks.tera", "# {{ nics }}\n")]).expect_err("refused");
    let text = error.to_string();
    assert!(text.contains("web.ks.tera") && text.contains("| ks"), "{text}");
}

#[test]
fn a_template_that_nobody_wrote_is_named_with_those_there_are() {
    let error = render(&[]).expect_err("no template");
    assert_eq!(
        error.to_string(),
        "VM `web1`: there is no template `web.ks.tera` in the site's templates/ nor among the shipped ones (`base`, `hypervisor`, `server`)"
    );
}

#[test]
fn a_site_without_templates_has_the_shipped_ones() {
    let (_directory, path) = site(&[]);
    assert!(Renderer::new(Some(&path.join("templates"))).expect("shipped").has_template(&id("server")));
}
