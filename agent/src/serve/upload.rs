//! Packages from CI: `PUT /api/v1/repo/STAGE/FILE.rpm`, on the API socket for its users, and on the TCP port for who has a token.
//!
//! A body goes to the disk as it comes, up to a limit, and only then is it looked at; what may enter is the repository's decision.
//! Of a token the agent knows the SHA-256 only, from a file that is read at each request: a line taken out of it counts at once.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use camino::Utf8PathBuf;
use http_body_util::BodyExt as _;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::bearer::bearer;
use super::limits::{Rate, RateLimit};
use super::view::{EnteredPackageView, EnteredView};
use crate::reconcile::{EntryError, Handle};

/// Bytes of a package at most.
const MOST: u64 = 4 << 30;
/// Wrong tokens of one address at once, and a second.
const WRONG: Rate = Rate { burst: 20, per_second: 1 };

/// The door for those who have a token.
pub(super) struct Door {
    tokens: Option<Utf8PathBuf>,
    wrong: RateLimit,
}

/// Why somebody does not get in.
pub(super) type Refused = (StatusCode, String);

impl Door {
    /// The tokens' file; none: nobody has one.
    pub(super) fn new(tokens: Option<Utf8PathBuf>) -> Self {
        Self { tokens, wrong: RateLimit::new(WRONG) }
    }

    /// Whose token a request carries, if it is good for `stage`.
    pub(super) fn admit(&self, peer: IpAddr, headers: &HeaderMap, stage: &str) -> Result<String, Refused> {
        let Some(path) = &self.tokens else {
            let reason = "uploads by token are off: set `upload.tokens` in the agent's configuration, or use its socket";
            return Err((StatusCode::NOT_FOUND, reason.to_owned()));
        };
        if !self.wrong.take(peer, 1) {
            return Err((StatusCode::TOO_MANY_REQUESTS, "too many requests with a wrong token: wait a minute".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            tracing::error!(%path, %error, "the file of upload tokens cannot be read");
            (StatusCode::SERVICE_UNAVAILABLE, "the agent cannot read its file of tokens; its log says why".to_owned())
        })?;
        match bearer(headers).and_then(|token| holder(&text, token, stage)) {
            Some(name) => {
                // A good token costs nothing.
                self.wrong.give(peer, 1);
                Ok(name)
            }
            None => {
                tracing::warn!(%peer, stage, "an upload without a token that is good for this stage");
                Err((StatusCode::UNAUTHORIZED, format!("no token, or none that is good for stage `{stage}`")))
            }
        }
    }
}

/// The name of whoever holds `token`, if it is good for `stage`. Lines: `NAME SHA256 [STAGE…]`, no stage meaning each; `#` begins a
/// remark. Every line is compared, and every digit of it, whatever the ones before said.
fn holder(text: &str, token: &str, stage: &str) -> Option<String> {
    let digest = Sha256::digest(token.as_bytes());
    let mut found = None;
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let (Some(name), Some(hex)) = (words.next(), words.next()) else { continue };
        let stages: Vec<&str> = words.collect();
        if is_same(hex, &digest) && (stages.is_empty() || stages.contains(&stage)) && found.is_none() {
            found = Some(name.to_owned());
        }
    }
    found.filter(|_| !token.is_empty())
}

/// Whether `hex` are the digits of `digest`, in a time that does not depend on where they differ.
fn is_same(hex: &str, digest: &[u8]) -> bool {
    if hex.len() != digest.len() * 2 {
        return false;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0x100);
    let pairs = hex.as_bytes().chunks_exact(2).zip(digest);
    pairs.fold(0, |different, (pair, byte)| different | ((digit(pair[0]) << 4 | digit(pair[1])) ^ u32::from(*byte))) == 0
}

/// Takes a package. `by`: who brings it.
pub(super) async fn take(
    handle: Handle,
    stage: String,
    file: String,
    by: String,
    headers: &HeaderMap,
    body: Body,
) -> Result<(StatusCode, EnteredView), Refused> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-~^".contains(c);
    if file.len() > 255
        || file.starts_with('.')
        || !file.chars().all(plain)
        || file.strip_suffix(".rpm").is_none_or(str::is_empty)
    {
        return Err((StatusCode::BAD_REQUEST, format!("{file:?} is no name of a package: NAME-VERSION-RELEASE.ARCH.rpm")));
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MOST) {
        return Err(too_large());
    }
    let directory = handle.upload_directory();
    let disk = |error: std::io::Error| {
        tracing::error!(%error, "an upload cannot be written");
        (StatusCode::INSUFFICIENT_STORAGE, format!("it cannot be written: {error}"))
    };
    tokio::fs::create_dir_all(&directory).await.map_err(disk)?;
    // Of its own for each upload, so that the package keeps its name; it goes when we are done, however that ends.
    let place = tempfile::Builder::new().prefix("put-").tempdir_in(&directory).map_err(disk)?;
    let path = Utf8PathBuf::from_path_buf(place.path().join(&file)).map_err(|_| disk(std::io::Error::other("its path")))?;
    let mut written = tokio::fs::File::create(&path).await.map_err(disk)?;
    let (mut body, mut length) = (body, 0u64);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| (StatusCode::BAD_REQUEST, "the upload broke off".to_owned()))?;
        if let Some(data) = frame.data_ref() {
            length += data.len() as u64;
            if length > MOST {
                return Err(too_large());
            }
            written.write_all(data).await.map_err(disk)?;
        }
    }
    written.flush().await.map_err(disk)?;
    drop(written);
    let into = stage.clone();
    let entering = tokio::task::spawn_blocking(move || {
        let entered = handle.enter(&into, &path, &by);
        drop(place);
        entered
    });
    let entered = entering.await.unwrap_or_else(|_| Err(EntryError::Failed("the request was interrupted".to_owned())));
    match entered {
        Ok(entered) => {
            let status = if entered.generation.is_some() { StatusCode::CREATED } else { StatusCode::OK };
            let of = |(nevra, sha256): (crate::spec::Nevra, String)| EnteredPackageView { package: nevra.to_string(), sha256 };
            let packages = entered.packages.into_iter().map(of).collect();
            Ok((status, EnteredView { stage, packages, generation: entered.generation }))
        }
        Err(error) => Err(match error {
            EntryError::NoSuchPlace(reason) => (StatusCode::NOT_FOUND, reason),
            EntryError::Refused(reason) => (StatusCode::CONFLICT, reason),
            EntryError::Failed(reason) => (StatusCode::INTERNAL_SERVER_ERROR, reason),
        }),
    }
}

fn too_large() -> Refused {
    (StatusCode::PAYLOAD_TOO_LARGE, format!("a package may have {} GiB", MOST >> 30))
}

/// What the routes share.
pub(super) type SharedDoor = Arc<Door>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_stages_only_and_a_wrong_one_for_nothing() {
        let hash = |token: &str| {
            let digest = Sha256::digest(token.as_bytes());
            digest.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
        };
        let file = format!(
            "# CI\nbuild {} dev testing # nightly\nall {}\nbroken\nempty {}\n",
            hash("a"),
            hash("b").to_uppercase(),
            hash("")
        );
        for (token, stage, name) in [
            ("a", "dev", Some("build")),
            ("a", "testing", Some("build")),
            ("a", "stable", None),
            ("b", "stable", Some("all")),
            ("c", "dev", None),
            ("", "dev", None),
            (&hash("a"), "dev", None),
        ] {
            assert_eq!(holder(&file, token, stage).as_deref(), name, "{token} {stage}");
        }
        assert_eq!(holder(&format!("x {}", &hash("a")[..60]), "a", "dev"), None);
        assert_eq!(holder(&format!("x {}zz", &hash("a")[..62]), "a", "dev"), None);
    }
}
