//! The same input gives the same bytes, and only the token may differ between two attempts.

use rekindle::render::{InstallUrls, Renderer};
use rekindle::spec::Token;
use rekindle_tests::specs::{DiskCase, SpecCase};

use super::{render, renderer, urls};

#[test]
fn two_renderers_write_the_same_bytes() {
    let case = SpecCase { rich: true, disks: DiskCase::Many, ..SpecCase::default() };
    let spec = case.build();
    let vm = spec.vms.values().next().expect("one VM");
    let other = Renderer::new(None).expect("shipped").render_kickstart(&spec, vm, &urls()).expect("rendered");
    assert_eq!(render(&case), other);
}

#[test]
fn another_token_changes_the_text_and_not_the_digest() {
    let spec = SpecCase::default().build();
    let vm = spec.vms.values().next().expect("one VM");
    let render = |token| {
        let urls = InstallUrls { base: urls().base, token: Token::new(token), enrolment: urls().enrolment };
        renderer().render_kickstart(&spec, vm, &urls).expect("rendered")
    };
    let (one, two) = (render([1; 16]), render([2; 16]));
    assert_ne!(one.text, two.text);
    assert_eq!(one.digest, two.digest);
    assert_eq!(one.text.replace(&"01".repeat(16), ""), two.text.replace(&"02".repeat(16), ""));
}

#[test]
fn a_kickstart_is_not_printed_by_accident() {
    let kickstart = render(&SpecCase { rich: true, ..SpecCase::default() });
    let printed = format!("{kickstart:?}");
    assert!(!printed.contains("$6$") && !printed.contains(urls().token.reveal()), "{printed}");
}
