//! A package, group or environment that the repositories do not have.
//!
//! # Why
//!
//! The installer stops: "Problems in request: missing packages"; in cmdline mode it ends, in text mode it asks. A member of a group that
//! is missing, and a name with a pattern, are no errors to it. Found only where the names are known.
//!
//! # Example
//!
//! ```kickstart
//! # with: available=@core,@^minimal-environment,bash,vim-enhanced
//! %packages
//! @core
//! vim-enchanced
//! %end
//! ```
//!
//! # Fix
//!
//! Correct the name, or add the repository that has it.
//!
//! ```kickstart
//! # with: available=@core,@^minimal-environment,bash,vim-enhanced
//! %packages
//! @core
//! vim-enhanced
//! -iwl*
//! %end
//! ```

use crate::lint::{Context, Findings};
use crate::suggest::nearest;

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    let available = &cx.options.available;
    if available.is_empty() {
        return;
    }
    for packages in &cx.model.packages {
        let is_lenient = packages.header.has("ignoremissing");
        for (entry, place) in &packages.entries {
            let name = entry.split_whitespace().next().unwrap_or_default();
            // What is excluded need not be there; a pattern takes what there is; an address needs no repository.
            let is_certain = !name.starts_with('-') && !name.is_empty() && !name.contains(['*', '?', '[', '/', ':']);
            // `name.arch` names a package too.
            let bare = name.rsplit_once('.').filter(|(_, arch)| ARCHES.contains(arch)).map_or(name, |(bare, _)| bare);
            if !is_certain || available.contains(name) || available.contains(bare) {
                continue;
            }
            let guess = nearest(name, available.iter().map(String::as_str));
            let help = guess.map_or("add the repository that has it".to_owned(), |known| format!("did you mean `{known}`?"));
            let message = format!("no repository has `{name}`");
            if is_lenient { out.add_warning(*place, message, &help) } else { out.add(*place, message, &help) }
        }
    }
}

const ARCHES: &[&str] = &["x86_64", "aarch64", "i686", "noarch", "ppc64le", "s390x"];
