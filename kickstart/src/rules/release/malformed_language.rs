//! `lang` names no locale.
//!
//! # Why
//!
//! The installer falls back to US English without a word.
//!
//! # Example
//!
//! ```kickstart
//! lang english
//! ```
//!
//! # Fix
//!
//! Write a locale, as `en_US.UTF-8`.
//!
//! ```kickstart
//! lang en_US.UTF-8
//! ```

use crate::lint::{Context, Findings};

pub(crate) fn check(cx: &Context<'_, '_>, out: &mut Findings<'_>) {
    for command in cx.model.all("lang") {
        let all = std::iter::once(command.text("lang")).chain(command.list("addsupport"));
        for locale in all.filter(|locale| !is_locale(locale)) {
            let shown: String = locale.chars().take(30).collect();
            out.add(command.place_of("lang"), format!("`{shown}` is no locale"), "write it as `en_US.UTF-8`");
        }
    }
}

/// `ll`, `ll_CC`, with an encoding and a modifier if wanted; or `C` and `POSIX`.
fn is_locale(locale: &str) -> bool {
    let name = locale.split(['.', '@']).next().unwrap_or_default();
    let (language, country) = name.split_once('_').unwrap_or((name, "XX"));
    let is_language = (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
    let is_country = (2..=3).contains(&country.len()) && country.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    matches!(name, "C" | "POSIX") || is_language && is_country
}
