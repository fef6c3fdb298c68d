//! `Authorization: Bearer …`: what CI servers and installed systems show.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// What is shown, if it is a bearer's credential. The word for its kind has no case (RFC 9110 §11.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (kind, credential) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    kind.eq_ignore_ascii_case("bearer").then(|| credential.trim())
}
