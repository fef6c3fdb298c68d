//! Lints the kickstart on standard input: `lint RELEASE [text|json|github|sarif]`.
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::io::Read;

use kickstart::{LintOptions, Release, lint, report};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let release: Release = arguments.next().ok_or("usage: lint RELEASE [FORMAT] < FILE")?.parse()?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let report = lint(&text, release, &LintOptions::default());
    let found = report.diagnostics();
    match arguments.next().as_deref() {
        Some("json") => println!("{}", report::json::render("<stdin>", found)),
        Some("github") => print!("{}", report::github::render("<stdin>", found)),
        Some("sarif") => print!("{}", report::sarif::render(&[("<stdin>", found)])),
        _ => print!("{}", report::text::render("<stdin>", &text, found)),
    }
    Ok(())
}
