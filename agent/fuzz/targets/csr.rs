//! Reading a certificate request never panics, and what it lets through is as its types promise. Half of the inputs are signed here,
//! as they would never get past the signature otherwise.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rekindle::world::puppet::{CSR_MAX, Csr};

#[path = "../../../tests/src/csr.rs"]
#[allow(dead_code)]
mod csr;

static KEY: LazyLock<csr::GuestKey> = LazyLock::new(csr::GuestKey::new);

fuzz_target!(|input: (u8, &[u8], &[u8])| {
    let (kind, subject, attributes) = input;
    let read = match kind % 4 {
        0 => Csr::read(attributes),
        1 => Csr::read_der(attributes),
        2 => Csr::read(csr::pem(attributes).as_bytes()),
        _ => {
            let whole = |bytes: &[u8]| if bytes.is_empty() { Vec::new() } else { vec![bytes.to_vec()] };
            let subject = if subject.is_empty() {
                vec![csr::rdn(&[csr::common_name(csr::UTF8_STRING, b"web1.example.com")])]
            } else {
                whole(subject)
            };
            let case = csr::CsrCase { subject, attributes: whole(attributes), broken_signature: false };
            let der = case.der(&KEY);
            let read = Csr::read_der(&der);
            let armoured = csr::pem(&der);
            assert!(armoured.len() > CSR_MAX || Csr::read(armoured.as_bytes()) == read, "PEM and DER differ");
            read
        }
    };
    if let Ok(csr) = read {
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| (b' '..=b'~').contains(&b));
        assert!(plain(&csr.name) && csr.key_fingerprint.len() == 64, "{csr:?}");
        assert!(csr.extensions.iter().all(|(oid, value)| plain(value) || oid.is_authorization()), "{csr:?}");
    }
});
