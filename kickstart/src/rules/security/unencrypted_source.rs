//! Packages are fetched without TLS.
//!
//! # Why
//!
//! The installer does not check signatures, so whoever sits between may replace them. In a network of your own this may
//! be what you want.
//!
//! # Example
//!
//! ```kickstart
//! url --url=http://mirror.example.com/os/
//! ```
//!
//! # Fix
//!
//! Use https.
//!
//! ```kickstart
//! url --url=https://mirror.example.com/os/
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| matches!(command.object, "url" | "repo" | "liveimg")) {
        let plain = ["url", "baseurl", "mirrorlist", "metalink"]
            .into_iter()
            .find(|dest| command.text(dest).starts_with("http://") || command.text(dest).starts_with("ftp://"));
        if let Some(dest) = plain {
            out.add(command.place_of(dest), "packages come without encryption", "use https");
        }
    }
}
