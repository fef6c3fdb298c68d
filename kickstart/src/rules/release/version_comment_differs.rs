//! The `#version=` line names another release.
//!
//! # Why
//!
//! Tools that go by it read the file with another grammar than the installer does.
//!
//! # Example
//!
//! ```kickstart
//! #version=RHEL8
//! text
//! ```
//!
//! # Fix
//!
//! Name the release that is installed, or drop the line.
//!
//! ```kickstart
//! #version=RHEL9
//! text
//! ```

use crate::document::ItemKind;
use crate::lint::{Context, Findings};
use crate::reading::Place;
use crate::release::Release;
use crate::source::Span;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for item in cx.document.items() {
        let line = item.span.of(cx.text());
        let Some(version) = line.strip_prefix("#version=") else { continue };
        let named = version.trim().parse::<Release>();
        if item.kind == ItemKind::Comment && named.is_ok_and(|named| named != cx.release) {
            let span = Span::new(item.span.start, item.span.start + line.trim_end().len());
            let message = format!("the file is for {}, and is read for {}", version.trim().to_lowercase(), cx.release);
            out.add(Place { line: item.line, span }, message, "correct the line, or remove it");
        }
    }
}
