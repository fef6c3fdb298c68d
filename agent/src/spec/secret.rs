//! Values that must not be printed: their `Debug` and `Display` hide them, only `reveal` gives them out.

use std::fmt;
use std::str::FromStr;

use super::id::IdError;

/// A crypt(3) hash of a password (`$6$…`, `$y$…`).
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash, for a kickstart's `rootpw --iscrypted`.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for PasswordHash {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let known = ["$5$", "$6$", "$y$", "$2b$", "$gy$"].iter().any(|prefix| text.starts_with(prefix));
        let charset = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"$./=,".contains(&b));
        if known && charset && (20..=256).contains(&text.len()) && text.matches('$').count() >= 3 {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError {
                what: "password hash",
                expected: "the output of `openssl passwd -6` or `mkpasswd` (never the password itself)",
            })
        }
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(hidden)")
    }
}

/// An install token: 128 random bits, for one VM and one attempt, in lower-case hexadecimal.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(String);

impl Token {
    /// A token of these bits.
    pub fn new(bits: [u8; 16]) -> Self {
        use fmt::Write as _;
        Self(bits.iter().fold(String::with_capacity(32), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    /// The token, for the URLs of one install.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { what: "install token", expected: "32 hexadecimal digits" })
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}
