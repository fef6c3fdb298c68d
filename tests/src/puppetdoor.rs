//! A Puppet server as guests see it: requests for certificates, and catalogs. The stand-ins of guests on the host use it.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

/// What guests see of a Puppet server; holds nothing of it.
#[derive(Clone)]
pub struct Door {
    url: String,
    root: Certificate<'static>,
}

/// A key and the request for a certificate with it, as an agent makes them.
pub struct Request {
    /// The name.
    pub certname: String,
    /// The key (PEM).
    pub key: String,
    /// The request (PEM).
    pub csr: String,
}

impl Door {
    /// The server at `url`, whose CA's certificate is `root`.
    pub fn new(url: String, root: Certificate<'static>) -> Self {
        Self { url, root }
    }

    /// Hands a request in, as an agent does. The status; none: no answer.
    pub fn submit(&self, request: &Request) -> Option<u16> {
        let url = format!("{}/puppet-ca/v1/certificate_request/{}", self.url, request.certname);
        let sent = self.client(None).put(&url).content_type("text/plain").send(&request.csr);
        sent.ok().map(|answer| answer.status().as_u16())
    }

    /// The certificate that the CA holds under this name (PEM); none: there is none, or no answer.
    pub fn certificate(&self, certname: &str) -> Option<String> {
        let url = format!("{}/puppet-ca/v1/certificate/{certname}", self.url);
        let answer = self.client(None).get(&url).call().ok().filter(|answer| answer.status() == 200)?;
        answer.into_body().read_to_string().ok()
    }

    /// Fetches the catalog of a name with the certificate that the CA has signed for this request, as an agent does. The status.
    ///
    /// # Panics
    /// When there is no certificate or no answer.
    pub fn catalog(&self, request: &Request) -> u16 {
        let name = &request.certname;
        let pem = self.certificate(name).expect("a certificate");
        let certificate = Certificate::from_pem(pem.as_bytes()).expect("a certificate");
        let key = PrivateKey::from_pem(request.key.as_bytes()).expect("a key");
        let agent = self.client(Some(&ClientCert::new_with_certs(&[certificate], key)));
        let facts = format!(r#"{{"name":"{name}","values":{{"hostname":"{name}"}}}}"#);
        // Puppet escapes facts twice: once as a value, once as a field of a form.
        let mut body = "environment=production&facts_format=application%2Fjson&facts=".to_owned();
        for byte in facts.bytes() {
            write!(body, "%25{byte:02X}").expect("a string takes everything");
        }
        let url = format!("{}/puppet/v3/catalog/{name}", self.url);
        let sent = agent.post(&url).content_type("application/x-www-form-urlencoded").header("accept", "application/json");
        sent.send(&body).expect("an answer").status().as_u16()
    }

    pub(crate) fn client(&self, identity: Option<&ClientCert>) -> ureq::Agent {
        let roots = RootCerts::new_with_certs(std::slice::from_ref(&self.root));
        let tls = TlsConfig::builder().root_certs(roots).client_cert(identity.cloned()).build();
        ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into()
    }
}

impl Request {
    /// A new key and a request with it. Elliptic: an RSA key of 4096 bits, as Puppet makes it, takes seconds.
    ///
    /// # Panics
    /// When `openssl` is not there.
    pub fn new(certname: &str) -> Self {
        let output = Command::new("openssl")
            .args(["req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", "-"])
            .args(["-subj", &format!("/CN={certname}")])
            .output()
            .expect("openssl");
        assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("PEM");
        let part = |label: &str| {
            let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----\n"));
            let from = text.find(&begin).expect("a part");
            text[from..][..text[from..].find(&end).expect("its end") + end.len()].to_owned()
        };
        Self { certname: certname.to_owned(), key: part("PRIVATE KEY"), csr: part("CERTIFICATE REQUEST") }
    }
}
