//! Reads a certificate request of a guest (PKCS #10): whoever reaches the CA can send one, so nothing in it is believed.
//!
//! [`Csr::read`] takes the PEM apart, insists on DER, on one common name, on the two attributes that our VMs have, and on a
//! signature with the key that it asks a certificate for. What the contents must be is [`super::judge`]'s part.

use std::collections::BTreeMap;

use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use sha2::{Digest, Sha256};
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier, SetOfVec};
use x509_cert::der::pem::decode_vec;
use x509_cert::der::{Decode, Encode as _, Reader, SliceReader, Tag, Tagged as _};
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::request::CertReqInfo;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::token::hex;
use crate::spec::Oid;

/// A request with an RSA key of 8192 bits has less than half of it.
pub const CSR_MAX: usize = 16 << 10;
/// RSA keys with fewer bits are refused.
const RSA_BITS_MIN: usize = 2048;
/// RSA keys with more bits are refused: they only cost time.
const RSA_BITS_MAX: usize = 8192;
/// Extensions looked at.
const EXTENSIONS_MAX: usize = 64;
/// Bytes of one extension's value.
const VALUE_MAX: usize = 512;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const EXTENSION_REQUEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.14");
const CHALLENGE_PASSWORD: ObjectIdentifier = ObjectIdentifier::new_unwrap(Oid::CHALLENGE_PASSWORD);
/// From version 8 on an agent says by this attribute (which is no extension) that it can renew its certificate.
const AUTO_RENEW: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.34380.1.3.2");

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Why a request cannot be used, whatever it asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CsrError {
    /// More bytes than any.
    #[error("the request is larger than {CSR_MAX} bytes")]
    TooLarge,
    /// No PEM of one request.
    #[error("the request is not one PEM block `CERTIFICATE REQUEST`")]
    NotPem,
    /// No DER of a request.
    #[error("the request is not DER of PKCS #10")]
    NotDer,
    /// The subject is something else than one common name.
    #[error("its subject is not exactly one common name")]
    Subject,
    /// A key that is not taken.
    #[error("its key is refused: {0}")]
    Key(&'static str),
    /// A signature that is not taken.
    #[error("its signature uses an algorithm that is refused")]
    Algorithm,
    /// The signature is wrong: the sender need not have the key.
    #[error("it is not signed with the key that it is for")]
    Signature,
    /// An attribute that no VM of ours sends.
    #[error("it has the attribute {0}, which no VM of ours sends")]
    Attribute(String),
    /// An attribute twice, or with no value or several.
    #[error("it has the attribute {0} more than once, or not with one value")]
    Repeated(String),
    /// No token.
    #[error("it has no challengePassword, or not one of plain text")]
    NoToken,
    /// Extensions that are no text, critical, doubled or too many.
    #[error("its extension {0} is critical, there twice, or no text")]
    Extension(String),
    /// More extensions than are looked at.
    #[error("it asks for more than {EXTENSIONS_MAX} extensions")]
    TooManyExtensions,
}

/// A request that holds together: its sender has the key, and every part of it is of a kind that our VMs send.
#[derive(Clone, PartialEq, Eq)]
pub struct Csr {
    /// The common name.
    pub name: String,
    /// SHA-256 of the public key (`SubjectPublicKeyInfo`), in hexadecimal.
    pub key_fingerprint: String,
    /// The extensions that it asks for.
    pub extensions: BTreeMap<Oid, String>,
    /// challengePassword.
    token: String,
}

impl std::fmt::Debug for Csr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, key_fingerprint, extensions, token: _ } = self;
        f.debug_struct("Csr")
            .field("name", name)
            .field("key_fingerprint", key_fingerprint)
            .field("extensions", extensions)
            .finish_non_exhaustive()
    }
}

impl Csr {
    /// Reads PEM.
    pub fn read(pem: &[u8]) -> Result<Self, CsrError> {
        if pem.len() > CSR_MAX {
            return Err(CsrError::TooLarge);
        }
        let (label, der) = decode_vec(pem.trim_ascii()).map_err(|_| CsrError::NotPem)?;
        if label != "CERTIFICATE REQUEST" && label != "NEW CERTIFICATE REQUEST" {
            return Err(CsrError::NotPem);
        }
        Self::read_der(&der)
    }

    /// Reads DER.
    pub fn read_der(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > CSR_MAX {
            return Err(CsrError::TooLarge);
        }
        let (signed, algorithm, signature) = outer(der).map_err(|_| CsrError::NotDer)?;
        let info = CertReqInfo::from_der(signed).map_err(|_| CsrError::NotDer)?;
        let name = common_name(&info.subject).ok_or(CsrError::Subject)?;
        let key_bits = info.public_key.subject_public_key.as_bytes().ok_or(CsrError::NotDer)?;
        let verifier = verifier(&info.public_key, key_bits, &algorithm)?;
        let signature = signature.as_bytes().ok_or(CsrError::Signature)?;
        UnparsedPublicKey::new(verifier, key_bits).verify(signed, signature).map_err(|_| CsrError::Signature)?;
        let public_key = info.public_key.to_der().map_err(|_| CsrError::NotDer)?;
        let mut csr =
            Self { name, key_fingerprint: hex(&Sha256::digest(&public_key)), extensions: BTreeMap::new(), token: String::new() };
        let mut seen = Vec::new();
        for attribute in info.attributes.iter() {
            if seen.contains(&attribute.oid) {
                return Err(CsrError::Repeated(attribute.oid.to_string()));
            }
            seen.push(attribute.oid);
            let one = || one(&attribute.values).ok_or_else(|| CsrError::Repeated(attribute.oid.to_string()));
            match attribute.oid {
                CHALLENGE_PASSWORD => csr.token = text(one()?).ok_or(CsrError::NoToken)?,
                EXTENSION_REQUEST => csr.extensions = extensions(one()?)?,
                AUTO_RENEW => _ = one()?,
                other => return Err(CsrError::Attribute(other.to_string())),
            }
        }
        if csr.token.is_empty() { Err(CsrError::NoToken) } else { Ok(csr) }
    }

    /// A request as it is once it has been read.
    #[cfg(test)]
    pub(super) fn with_token(name: &str, token: &str) -> Self {
        let (name, token) = (name.to_owned(), token.to_owned());
        Self { name, token, key_fingerprint: "0".repeat(64), extensions: BTreeMap::new() }
    }

    /// challengePassword: what it presents as its token.
    pub(super) fn token(&self) -> &str {
        &self.token
    }
}

/// What is signed, as it was sent, and the signature over it.
fn outer(der: &[u8]) -> Result<(&[u8], AlgorithmIdentifierOwned, BitString), x509_cert::der::Error> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|inner: &mut SliceReader<'_>| {
        let signed = inner.tlv_bytes()?;
        let algorithm = AlgorithmIdentifierOwned::decode(inner)?;
        let signature = BitString::decode(inner)?;
        Ok::<_, x509_cert::der::Error>((signed, algorithm, signature))
    })?;
    reader.finish()?;
    Ok(parts)
}

/// The one common name; none: there is something else in the subject, or no text.
fn common_name(subject: &Name) -> Option<String> {
    let mut rdns = subject.iter_rdn();
    let (Some(rdn), None) = (rdns.next(), rdns.next()) else { return None };
    let mut parts = rdn.iter();
    let (Some(part), None) = (parts.next(), parts.next()) else { return None };
    if part.oid != COMMON_NAME {
        return None;
    }
    text(&part.value)
}

/// A string of ASCII that can be printed, whichever of the usual types it has.
fn text(value: &Any) -> Option<String> {
    if !matches!(value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String) {
        return None;
    }
    let bytes = value.value();
    let plain = !bytes.is_empty() && bytes.len() <= VALUE_MAX && bytes.iter().all(|b| (b' '..=b'~').contains(b));
    plain.then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn one(values: &SetOfVec<Any>) -> Option<&Any> {
    let mut values = values.iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// The extensions, each a text that is not critical.
fn extensions(value: &Any) -> Result<BTreeMap<Oid, String>, CsrError> {
    let list: Vec<Extension> = value.decode_as().map_err(|_| CsrError::NotDer)?;
    if list.len() > EXTENSIONS_MAX {
        return Err(CsrError::TooManyExtensions);
    }
    let mut found = BTreeMap::new();
    for extension in list {
        let name = extension.extn_id.to_string();
        let bad = || CsrError::Extension(name.clone());
        let oid: Oid = name.parse().map_err(|_| bad())?;
        let value = Any::from_der(extension.extn_value.as_bytes()).ok().and_then(|value| text(&value));
        // A right that is asked for is named as such, whatever its value looks like.
        let value = if oid.is_authorization() { value.or(Some(String::new())) } else { value };
        let value = value.filter(|_| !extension.critical).ok_or_else(bad)?;
        if found.insert(oid, value).is_some() {
            return Err(bad());
        }
    }
    Ok(found)
}

/// How to check a signature with `algorithm` by `key`.
fn verifier(
    key: &SubjectPublicKeyInfoOwned,
    bits: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
) -> Result<&'static dyn VerificationAlgorithm, CsrError> {
    let curve = key.algorithm.parameters.as_ref().and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    let with = algorithm.oid.to_string();
    match key.algorithm.oid {
        RSA => {
            let size = rsa_bits(bits).ok_or(CsrError::Key("it is no RSA key"))?;
            if size < RSA_BITS_MIN {
                return Err(CsrError::Key("RSA with fewer than 2048 bits"));
            }
            if size > RSA_BITS_MAX {
                return Err(CsrError::Key("RSA with more than 8192 bits"));
            }
            match with.as_str() {
                "1.2.840.113549.1.1.11" => Ok(&signature::RSA_PKCS1_2048_8192_SHA256),
                "1.2.840.113549.1.1.12" => Ok(&signature::RSA_PKCS1_2048_8192_SHA384),
                "1.2.840.113549.1.1.13" => Ok(&signature::RSA_PKCS1_2048_8192_SHA512),
                _ => Err(CsrError::Algorithm),
            }
        }
        EC => match (curve, with.as_str()) {
            (Some(P256), "1.2.840.10045.4.3.2") => Ok(&signature::ECDSA_P256_SHA256_ASN1),
            (Some(P256), "1.2.840.10045.4.3.3") => Ok(&signature::ECDSA_P256_SHA384_ASN1),
            (Some(P384), "1.2.840.10045.4.3.2") => Ok(&signature::ECDSA_P384_SHA256_ASN1),
            (Some(P384), "1.2.840.10045.4.3.3") => Ok(&signature::ECDSA_P384_SHA384_ASN1),
            (Some(P256 | P384), _) => Err(CsrError::Algorithm),
            _ => Err(CsrError::Key("an elliptic curve other than P-256 and P-384")),
        },
        ED25519 if algorithm.oid == ED25519 => Ok(&signature::ED25519),
        ED25519 => Err(CsrError::Algorithm),
        _ => Err(CsrError::Key("neither RSA, ECDSA nor Ed25519")),
    }
}

/// Bits of the modulus of an `RSAPublicKey`.
fn rsa_bits(der: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(der).ok()?;
    let modulus = reader
        .sequence(|inner: &mut SliceReader<'_>| {
            let modulus = Any::decode(inner)?;
            Any::decode(inner)?;
            Ok::<_, x509_cert::der::Error>(modulus)
        })
        .ok()?;
    if modulus.tag() != Tag::Integer {
        return None;
    }
    let bytes = modulus.value();
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some((bytes.len() - first) * 8 - bytes[first].leading_zeros() as usize)
}

#[cfg(test)]
pub(super) mod tests;
