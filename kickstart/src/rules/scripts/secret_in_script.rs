//! A script holds a secret in plain text.
//!
//! # Why
//!
//! The kickstart is kept on the machine (`/root/anaconda-ks.cfg`, the log directory) and is served over the network.
//!
//! # Example
//!
//! ```kickstart
//! %post
//! export API_TOKEN=3f2a9c77d1b04e5f
//! %end
//! ```
//!
//! # Fix
//!
//! Fetch it with a one-time token, or hand it over after the installation.
//!
//! ```kickstart
//! %post
//! export API_TOKEN="$(curl -sf http://192.0.2.1/token)"
//! %end
//! ```

use crate::lint::{Context, Findings};

/// What comes before the value of a secret.
const MARKS: &[&str] = &["password=", "passwd=", "secret=", "token=", "api_key=", "apikey=", "access_key=", "secret_key="];

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for script in &cx.model.scripts {
        for (line, place) in script.lines() {
            let is_key = line.contains("PRIVATE KEY-----");
            if is_key || holds_secret(line) {
                let help = "fetch it with a one-time token, or hand it over after the installation";
                out.add(place, "this looks like a secret in plain text", help);
                break;
            }
        }
    }
}

/// Whether a mark is followed by at least eight characters of a literal value.
fn holds_secret(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    MARKS.iter().any(|mark| {
        lower.match_indices(mark).any(|(at, _)| {
            let value = line[at + mark.len()..].trim_start_matches(['"', '\'']);
            let is_literal = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-' | '.' | '!');
            value.chars().take_while(is_literal).count() >= 8 && !value.starts_with('/') && !value.starts_with("http")
        })
    })
}
