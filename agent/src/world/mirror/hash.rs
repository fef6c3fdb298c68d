//! Digests of the kinds that metadata promise.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256, Sha512};

use super::repomd::Algorithm;

/// A digest in the making.
pub(super) enum Hash {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hash {
    /// Of nothing yet.
    pub(super) fn new(kind: Algorithm) -> Self {
        match kind {
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(Sha512::new()),
        }
    }

    /// Takes more.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha512(hash) => hash.update(bytes),
        }
    }

    /// What it is by now.
    pub(super) fn hex(&self) -> String {
        let bytes = match self {
            Self::Sha256(hash) => hash.clone().finalize().to_vec(),
            Self::Sha512(hash) => hash.clone().finalize().to_vec(),
        };
        bytes.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
