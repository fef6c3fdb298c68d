//! The shipped kickstart templates.

use std::sync::OnceLock;

use rekindle::render::{Enrolment, InstallUrls, Kickstart, Renderer};
use rekindle::spec::Token;
use rekindle_tests::specs::SpecCase;

mod golden;
mod hostile;
mod identity;
mod matrix;
mod scripts;
mod site;

/// The shipped templates, compiled once.
pub(crate) fn renderer() -> &'static Renderer {
    static RENDERER: OnceLock<Renderer> = OnceLock::new();
    RENDERER.get_or_init(|| Renderer::new(None).unwrap_or_else(|error| panic!("{error}")))
}

pub(crate) fn urls() -> InstallUrls {
    let token = "rk1.1900000000.1.cdcdcdcd".parse().expect("a token");
    let enrolment = Enrolment { token, instance_id: "01234567-89ab-5cde-8f01-23456789abcd".to_owned() };
    InstallUrls { base: "http://192.0.2.1:8470".to_owned(), token: Token::new([0xab; 16]), enrolment: Some(enrolment) }
}

/// The kickstart of the case's VM.
#[track_caller]
fn render(case: &SpecCase) -> Kickstart {
    let spec = case.build();
    let vm = spec.vms.values().next().expect("one VM");
    renderer().render_kickstart(&spec, vm, &urls()).unwrap_or_else(|error| panic!("{case:?}: {error}"))
}

/// The kickstart of the case's hypervisor.
#[track_caller]
fn render_hypervisor(case: &SpecCase) -> Kickstart {
    let spec = case.build_with_urls();
    let hypervisor = spec.hypervisors.values().next().expect("one hypervisor");
    renderer().render_hypervisor(&spec, hypervisor).unwrap_or_else(|error| panic!("{case:?}: {error}"))
}

/// The scripts of a kickstart in order: section (`%pre`) and text.
fn scripts_of(text: &str) -> Vec<(String, String)> {
    let mut scripts: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let word = line.split(' ').next().unwrap_or_default();
        if inside && word == "%end" {
            inside = false;
        } else if inside {
            if let Some((_, script)) = scripts.last_mut() {
                script.push_str(line);
                script.push('\n');
            }
        } else if ["%pre", "%pre-install", "%post", "%onerror"].contains(&word) {
            inside = true;
            scripts.push((word.to_owned(), String::new()));
        }
    }
    scripts
}
