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
        // `$method$[parameters$]salt$hash`; bcrypt joins salt and hash. A hash cut short is no hash.
        let parts: Vec<&str> = text.split('$').collect();
        let whole = (4..=5).contains(&parts.len()) && !parts[1..].iter().any(|part| part.is_empty());
        let long_enough = parts.last().is_some_and(|hash| hash.len() >= 22);
        if known && charset && text.len() <= 256 && whole && long_enough {
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

/// What a VM proves itself to the Puppet CA with, once: `VERSION.EXPIRY.ATTEMPT.HMAC`. It has nothing of the install token.
#[derive(Clone, PartialEq, Eq)]
pub struct PuppetToken(String);

impl PuppetToken {
    /// The longest that is looked at.
    pub const MAX: usize = 120;

    /// The token, for the one file of the guest that holds it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for PuppetToken {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        if !text.is_empty() && text.len() <= Self::MAX && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.') {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { what: "Puppet token", expected: "letters, digits and dots" })
        }
    }
}

impl fmt::Debug for PuppetToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PuppetToken(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_accepted_passwords_are_not_and_neither_is_printed() {
        let hash = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
        for good in [
            format!("$6$salt${hash}"),
            format!("$6$rounds=5000$salt${hash}"),
            format!("$y$j9T$salt${hash}"),
            format!("$2b$12${hash}"),
        ] {
            assert!(good.parse::<PasswordHash>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "hunter2",
            "$6$salt$",
            "$6$salt$short",
            "$1$salt$0123456789abcdefghijkl",
            "$6$sa lt$0123456789abcdefghijkl",
            "$6$$0123456789abcdefghijkl",
        ] {
            let error = bad.parse::<PasswordHash>().expect_err(bad);
            assert!(bad.is_empty() || !error.to_string().contains(bad));
        }
        let secret: PasswordHash = format!("$6$salt${hash}").parse().expect("a hash");
        assert!(!format!("{secret:?}").contains(hash));
    }

    #[test]
    fn tokens_are_thirty_two_digits_and_never_printed() {
        let token = Token::new([0xab; 16]);
        assert_eq!(token.reveal(), "ab".repeat(16));
        assert_eq!(token.reveal().parse::<Token>().ok().as_ref(), Some(&token));
        assert!(!format!("{token:?}").contains("abab"));
        for bad in ["", "AB", &"g".repeat(32), &"a".repeat(33)] {
            assert!(bad.parse::<Token>().is_err(), "{bad:?}");
        }
    }
}
