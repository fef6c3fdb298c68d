//! A server is not verified.
//!
//! # Why
//!
//! With `--noverifyssl` anybody on the way may give the machine other packages; the installer does not check
//! signatures.
//!
//! # Example
//!
//! ```kickstart
//! url --url=https://mirror.example.com/os/ --noverifyssl
//! ```
//!
//! # Fix
//!
//! Give the CA with `--sslcacert`, or a `%certificate` section where the release has it.
//!
//! ```kickstart
//! url --url=https://mirror.example.com/os/ --sslcacert=file:///run/install/ca.pem
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.commands.iter().filter(|command| command.has("noverifyssl")) {
        out.add(command.place_of("noverifyssl"), "the server is not verified", "give its CA with `--sslcacert`");
    }
}
