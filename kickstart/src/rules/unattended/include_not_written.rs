//! A file is included that no `%pre` script writes.
//!
//! # Why
//!
//! The installer ends before it starts anything when the file is not there: "Unable to open input kickstart file". It includes
//! files after the `%pre` scripts, from the installer's own memory; a name that is no path is looked for beside nothing.
//!
//! # Example
//!
//! ```kickstart
//! %include /tmp/disks.ks
//! %pre
//! echo autopart > /tmp/disk.ks
//! %end
//! ```
//!
//! # Fix
//!
//! Write the file in `%pre`, or include an address.
//!
//! ```kickstart
//! %include /tmp/disks.ks
//! %pre
//! echo autopart > /tmp/disks.ks
//! %end
//! ```

use crate::document::ItemKind;
use crate::document::SectionKind;
use crate::lint::{Context, Findings};
use crate::reading::Place;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let scripts: Vec<&str> =
        cx.model.scripts.iter().filter(|script| script.kind == SectionKind::Pre).map(|script| script.body).collect();
    // With a script that makes names of its own nothing can be said.
    let makes_names = scripts.iter().any(|body| body.contains("> \"$") || body.contains("> $") || body.contains("open("));
    for item in cx.document.items() {
        let ItemKind::Include(words) = &item.kind else { continue };
        let Some(file) = cx.document.words(*words).get(1) else { continue };
        let name = file.value.as_ref();
        // What is mounted or fetched is there or not, whoever looks at this file.
        let is_elsewhere =
            name.contains("://") || ["/run/install/", "/mnt/", "/usr/share/"].iter().any(|root| name.starts_with(root));
        let is_written = scripts.iter().any(|body| body.contains(name));
        if !is_elsewhere && !is_written && !makes_names {
            let message = format!("no `%pre` script writes `{name}`");
            out.add(Place { line: item.line, span: file.span }, message, "write it there, or include an address");
        }
    }
}
