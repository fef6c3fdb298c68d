//! The shipped kickstart templates.

use std::sync::OnceLock;

use rekindle::render::{InstallUrls, Kickstart, Renderer};
use rekindle::spec::Token;
use rekindle_tests::specs::SpecCase;

mod matrix;

/// The shipped templates, compiled once.
fn renderer() -> &'static Renderer {
    static RENDERER: OnceLock<Renderer> = OnceLock::new();
    RENDERER.get_or_init(|| Renderer::new(None).unwrap_or_else(|error| panic!("{error}")))
}

fn urls() -> InstallUrls {
    InstallUrls { base: "http://192.0.2.1:8470".to_owned(), token: Token::new([0xab; 16]) }
}

/// The kickstart of the case's VM.
#[track_caller]
fn render(case: &SpecCase) -> Kickstart {
    let spec = case.build();
    let vm = spec.vms.values().next().expect("one VM");
    renderer().render_kickstart(&spec, vm, &urls()).unwrap_or_else(|error| panic!("{case:?}: {error}"))
}
