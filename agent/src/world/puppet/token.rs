//! The one-time token of a VM for the Puppet CA: made when a kickstart is rendered, checked on the CA's host.
//!
//! `VERSION.EXPIRY.ATTEMPT.HMAC`: the HMAC (SHA-256, with the site's autosign key) is over certname, VM, attempt and expiry, so
//! that a host with the site and the key can check it without asking anybody: after a disaster the CA is up before any agent.
//! That a token is used once is [`super::UsedTokens`]'s part.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

use camino::{Utf8Path, Utf8PathBuf};
use ring::hmac;

use crate::spec::{Fqdn, PuppetToken, Timestamp};

/// The form of token that this version makes and takes.
const VERSION: &str = "rk1";
/// Bytes that a key has at least and at most.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 32..=4096;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyError {
    /// It cannot be read.
    #[error("read the autosign key `{path}`")]
    Read {
        /// The file.
        path: Utf8PathBuf,
        /// The system's words.
        #[source]
        source: std::io::Error,
    },
    /// Everybody on the host can read it.
    #[error("the autosign key `{path}` is readable by everybody: chmod o= it")]
    Exposed {
        /// The file.
        path: Utf8PathBuf,
    },
    /// Too short or too long.
    #[error("the autosign key `{path}` must have 32 to 4096 bytes; `openssl rand -hex 32` makes a good one")]
    Size {
        /// The file.
        path: Utf8PathBuf,
    },
}

/// Why a token is refused. No text of the token is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not look like one.
    #[error("what it presents is no token of ours")]
    Malformed,
    /// Signed by nobody here, or for another VM or attempt.
    #[error("its token is forged, or another VM's")]
    Forged,
    /// Its time is over.
    #[error("its token expired {ago} s ago")]
    Expired {
        /// How long ago, in seconds.
        ago: u64,
    },
}

/// Whom and when a token is for.
#[derive(Debug, Clone, Copy)]
pub struct TokenSubject<'a> {
    /// The certname.
    pub certname: &'a Fqdn,
    /// The VM's UUID.
    pub instance_id: &'a str,
}

/// What a good token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenClaim {
    /// The attempt that it was made for.
    pub attempt: u32,
    /// Until when it is good, in seconds since 1970.
    pub expires: u64,
}

/// The site's autosign key.
pub struct TokenKey(hmac::Key);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(hidden)")
    }
}

impl TokenKey {
    /// Reads the key from a file that not everybody can read.
    pub fn read(path: &Utf8Path) -> Result<Self, TokenKeyError> {
        let fault = |source| TokenKeyError::Read { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(fault)?;
        if file.metadata().map_err(fault)?.mode() & 0o007 != 0 {
            return Err(TokenKeyError::Exposed { path: path.to_owned() });
        }
        let mut bytes = Vec::new();
        file.take(*KEY_BYTES.end() as u64 + 2).read_to_end(&mut bytes).map_err(fault)?;
        Self::new(bytes.trim_ascii_end()).ok_or_else(|| TokenKeyError::Size { path: path.to_owned() })
    }

    /// A key of these bytes; none: too few or too many of them.
    pub fn new(secret: &[u8]) -> Option<Self> {
        KEY_BYTES.contains(&secret.len()).then(|| Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// A token for `subject` and this attempt.
    pub fn issue(&self, subject: TokenSubject<'_>, claim: TokenClaim) -> PuppetToken {
        let TokenClaim { attempt, expires } = claim;
        let tag = hmac::sign(&self.0, message(subject, claim).as_bytes());
        let text = format!("{VERSION}.{expires}.{attempt}.{}", hex(tag.as_ref()));
        // It is made of what the type accepts.
        text.parse().unwrap_or_else(|_| unreachable!("a token of digits and dots is refused"))
    }

    /// What `token` says, if it is ours, for `subject`, and not expired.
    pub fn verify(&self, token: &str, subject: TokenSubject<'_>, now: Timestamp) -> Result<TokenClaim, TokenError> {
        if token.len() > PuppetToken::MAX {
            return Err(TokenError::Malformed);
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [VERSION, expires, attempt, tag] = parts[..] else { return Err(TokenError::Malformed) };
        let (Some(expires), Some(attempt), Some(tag)) = (number(expires), number(attempt), unhex(tag)) else {
            return Err(TokenError::Malformed);
        };
        let attempt = u32::try_from(attempt).map_err(|_| TokenError::Malformed)?;
        let claim = TokenClaim { attempt, expires };
        // `ring` compares in constant time.
        hmac::verify(&self.0, message(subject, claim).as_bytes(), &tag).map_err(|_| TokenError::Forged)?;
        let now = now.0 / 1000;
        if now >= expires { Err(TokenError::Expired { ago: now - expires }) } else { Ok(claim) }
    }
}

/// Neither names nor numbers contain the separator.
fn message(subject: TokenSubject<'_>, claim: TokenClaim) -> String {
    let TokenSubject { certname, instance_id } = subject;
    let TokenClaim { attempt, expires } = claim;
    format!("rekindle puppet token\n{VERSION}\n{certname}\n{instance_id}\n{attempt}\n{expires}")
}

/// A number in its one canonical form.
fn number(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    let bytes = text.as_bytes();
    (bytes.len() == 64).then(|| bytes.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);

    fn key() -> TokenKey {
        TokenKey::new(&[7; 32]).unwrap()
    }

    #[test]
    fn a_token_is_good_for_its_vm_and_until_it_expires() {
        let (web1, web2): (Fqdn, Fqdn) = ("web1.example.com".parse().unwrap(), "web2.example.com".parse().unwrap());
        let subject = TokenSubject { certname: &web1, instance_id: "id-1" };
        let claim = TokenClaim { attempt: 3, expires: 1_000_000_060 };
        let token = key().issue(subject, claim);
        let token = token.reveal();
        assert_eq!(key().verify(token, subject, NOW), Ok(claim));
        assert_eq!(
            key().verify(token, TokenSubject { certname: &web2, instance_id: "id-1" }, NOW),
            Err(TokenError::Forged),
            "another name"
        );
        assert_eq!(
            key().verify(token, TokenSubject { certname: &web1, instance_id: "id-2" }, NOW),
            Err(TokenError::Forged),
            "another VM"
        );
        let other = TokenKey::new(&[8; 32]).unwrap();
        assert_eq!(other.verify(token, subject, NOW), Err(TokenError::Forged), "another key");
        assert_eq!(key().verify(token, subject, Timestamp(1_000_000_060_000)), Err(TokenError::Expired { ago: 0 }));
        for (from, to) in [("rk1.", "rk2."), (".3.", ".03."), (".3.", ".+3."), ("rk1.", "rk1.0"), (".3.", ".4294967299.")] {
            assert_eq!(key().verify(&token.replacen(from, to, 1), subject, NOW), Err(TokenError::Malformed), "{from} → {to}");
        }
        assert_eq!(key().verify(&token.replacen(".3.", ".4.", 1), subject, NOW), Err(TokenError::Forged), "another attempt");
        let longer = token.replacen("1000000060", "1000009999", 1);
        assert_eq!(key().verify(&longer, subject, NOW), Err(TokenError::Forged), "a later end");
        for text in ["", "....", "rk1...", "rk1.1.1.zz", &"a".repeat(100_000), "rk1.1.1.ä"] {
            assert_eq!(key().verify(text, subject, NOW), Err(TokenError::Malformed));
        }
    }

    #[test]
    fn a_key_that_everybody_can_read_or_that_is_short_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let path = Utf8PathBuf::from_path_buf(directory.path().join("key")).unwrap();
        for (text, mode, expected) in [
            ("0".repeat(64), 0o644, "readable by everybody"),
            ("0".repeat(64), 0o640, ""),
            (format!("{}\n", "0".repeat(32)), 0o600, ""),
            (format!("{}\n", "0".repeat(31)), 0o600, "must have 32"),
            ("0".repeat(4097), 0o600, "must have 32"),
        ] {
            std::fs::write(&path, &text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let said = TokenKey::read(&path).map_or_else(|error| error.to_string(), |_| String::new());
            assert!(said.contains(expected) && said.is_empty() == expected.is_empty(), "{mode:o}: {said}");
        }
        assert!(matches!(TokenKey::read(&path.join("x")), Err(TokenKeyError::Read { .. })));
    }
}
