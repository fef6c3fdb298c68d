//! Certificate requests as VMs send them, and as attackers would: every part can be set. ECDSA P-256, which is quick to make.

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

/// A `UTF8String`.
pub const UTF8_STRING: u8 = 0x0c;
/// A `PrintableString`.
pub const PRINTABLE_STRING: u8 = 0x13;
/// An INTEGER.
pub const INTEGER: u8 = 0x02;

/// `1.3.6.1.4.1.34380.1.` as DER contents.
const PUPPET: [u8; 9] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x8c, 0x4c, 0x01];
/// `1.2.840.113549.1.9.7`.
const CHALLENGE_PASSWORD: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07];
/// `1.2.840.113549.1.9.14`.
const EXTENSION_REQUEST: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];

/// A key of a guest.
pub struct GuestKey(EcdsaKeyPair);

impl GuestKey {
    /// A fresh one.
    pub fn new() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        Self(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random).expect("a key"))
    }
}

impl Default for GuestKey {
    fn default() -> Self {
        Self::new()
    }
}

/// A request to be. Fields are DER where they are bytes.
#[derive(Clone, Default)]
pub struct CsrCase {
    /// Attributes of the subject: identifier (contents) and value.
    pub subject: Vec<Vec<u8>>,
    /// Attributes of the request.
    pub attributes: Vec<Vec<u8>>,
    /// The signature does not fit.
    pub broken_signature: bool,
}

impl CsrCase {
    /// What a VM of ours sends.
    pub fn of(name: &str, token: &str, extensions: &[(&str, &str)]) -> Self {
        let extensions: Vec<Vec<u8>> = extensions
            .iter()
            .map(|(oid, value)| extension(&puppet_oid(oid), &tlv(UTF8_STRING, value.as_bytes()), false))
            .collect();
        Self {
            subject: vec![rdn(&[common_name(UTF8_STRING, name.as_bytes())])],
            attributes: vec![challenge(token), request(&extensions)],
            broken_signature: false,
        }
    }

    /// DER, signed with `key`, for the public key of `of`.
    pub fn der_for(&self, key: &GuestKey, of: &GuestKey) -> Vec<u8> {
        // id-ecPublicKey, prime256v1.
        let algorithm: [u8; 21] = [
            0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
            0x01, 0x07,
        ];
        let bits = [&[0], of.0.public_key().as_ref()].concat();
        let public_key = tlv(0x30, &[algorithm.to_vec(), tlv(0x03, &bits)].concat());
        let mut attributes = self.attributes.clone();
        attributes.sort();
        let info = [tlv(0x02, &[0]), tlv(0x30, &self.subject.concat()), public_key, tlv(0xa0, &attributes.concat())].concat();
        let info = tlv(0x30, &info);
        let mut signature = key.0.sign(&SystemRandom::new(), &info).expect("signed").as_ref().to_vec();
        if self.broken_signature {
            let last = signature.len() - 1;
            signature[last] ^= 1;
        }
        // ecdsa-with-SHA256.
        let with: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
        tlv(0x30, &[info, with.to_vec(), tlv(0x03, &[vec![0], signature].concat())].concat())
    }

    /// DER, signed with `key`.
    pub fn der(&self, key: &GuestKey) -> Vec<u8> {
        self.der_for(key, key)
    }

    /// PEM, signed with `key`.
    pub fn pem(&self, key: &GuestKey) -> String {
        pem(&self.der(key))
    }
}

/// PEM of a request.
pub fn pem(der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in der.chunks(3) {
        let bits = chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (bits >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64")).collect();
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n", lines.join("\n"))
}

/// Tag, length, value.
pub fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = match value.len() {
        short @ 0..128 => vec![short as u8],
        long => {
            let bytes: Vec<u8> = long.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            [vec![0x80 | bytes.len() as u8], bytes].concat()
        }
    };
    [vec![tag], length, value.to_vec()].concat()
}

/// A relative distinguished name of these attributes.
pub fn rdn(attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut attributes = attributes.to_vec();
    attributes.sort();
    tlv(0x31, &attributes.concat())
}

/// A common name of this string type.
pub fn common_name(tag: u8, name: &[u8]) -> Vec<u8> {
    named(&[0x55, 0x04, 0x03], tag, name)
}

/// An attribute of a name.
pub fn named(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[tlv(0x06, oid), tlv(tag, value)].concat())
}

/// An attribute of a request with these values.
pub fn attribute(oid: &[u8], values: &[Vec<u8>]) -> Vec<u8> {
    let mut values = values.to_vec();
    values.sort();
    tlv(0x30, &[tlv(0x06, oid), tlv(0x31, &values.concat())].concat())
}

/// challengePassword.
pub fn challenge(token: &str) -> Vec<u8> {
    attribute(&CHALLENGE_PASSWORD, &[tlv(UTF8_STRING, token.as_bytes())])
}

/// The request for these extensions.
pub fn request(extensions: &[Vec<u8>]) -> Vec<u8> {
    attribute(&EXTENSION_REQUEST, &[tlv(0x30, &extensions.concat())])
}

/// An extension; `value` is DER.
pub fn extension(oid: &[u8], value: &[u8], critical: bool) -> Vec<u8> {
    let flag = if critical { tlv(0x01, &[0xff]) } else { Vec::new() };
    tlv(0x30, &[tlv(0x06, oid), flag, tlv(0x04, value)].concat())
}

/// `ARC.N` below Puppet's arc (`1.13` is the role); every number below 128.
pub fn puppet_oid(rest: &str) -> Vec<u8> {
    let numbers = rest.split('.').map(|number| number.parse::<u8>().expect("a small number"));
    PUPPET.into_iter().chain(numbers).collect()
}
