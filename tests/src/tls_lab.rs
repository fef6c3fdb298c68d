//! A service of Puppet's as the agent sees it from outside: a CA of its own, certificates made by `openssl`, and an HTTPS server on
//! loopback that lets in only who has a certificate of that CA.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::spec::PuppetServerSpec;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::puppetserver::spec_at;

/// How long a peer that is not let in may go on.
const GOODBYE: Duration = Duration::from_secs(2);

/// A CA with a certificate for a server on loopback and one for an agent.
pub struct TlsLab {
    root: tempfile::TempDir,
}

/// The server; it answers until the process ends.
pub struct TlsServer {
    /// Where.
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl TlsServer {
    /// The requests so far: head and body.
    ///
    /// # Panics
    /// When the server has.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic under the lock").clone()
    }
}

impl Default for TlsLab {
    /// # Panics
    /// When `openssl` is not there.
    fn default() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let script = "set -e\n\
            openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj '/CN=Puppet CA: lab' \
              -addext basicConstraints=critical,CA:true\n\
            for name in server client; do\n\
              openssl req -new -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj /CN=$name.lab.test\n\
              echo subjectAltName=DNS:$name.lab.test,IP:127.0.0.1 > $name.ext\n\
              openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile $name.ext -out $name.pem\n\
            done";
        let made = Command::new("sh").args(["-c", script]).current_dir(&root).output().expect("openssl");
        assert!(made.status.success(), "openssl: {}", String::from_utf8_lossy(&made.stderr));
        Self { root }
    }
}

impl TlsLab {
    /// What an agent is told of services with this CA.
    pub fn spec(&self) -> PuppetServerSpec {
        PuppetServerSpec {
            ca_certificate: self.file("ca.pem"),
            client_certificate: self.file("client.pem"),
            client_key: self.file("client.key"),
            ..spec_at([127, 0, 0, 1].into(), 1)
        }
    }

    /// Answers request number n, from 0, with `answer(n)`, word for word.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn serve(&self, answer: impl Fn(usize) -> Vec<u8> + Send + 'static) -> TlsServer {
        let config = Arc::new(config(&self.file("")));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let heard = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let rest = stream.try_clone();
                // A peer that is not let in, or has had enough, is no fault of the server's.
                if converse(stream, &config, &heard, &answer).is_err()
                    && let Ok(mut rest) = rest
                {
                    // A peer with much to say yet would find the connection broken, and never read why it is not let in.
                    let _ = rest.set_read_timeout(Some(GOODBYE));
                    let _ = std::io::copy(&mut rest, &mut std::io::sink());
                }
            }
        });
        TlsServer { address, requests }
    }

    fn file(&self, name: &str) -> Utf8PathBuf {
        Utf8PathBuf::from_path_buf(self.root.path().join(name)).expect("UTF-8")
    }
}

/// An answer of HTTP.
pub fn http(status: &str, kind: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn config(directory: &Utf8Path) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = |name: &str| CertificateDer::from_pem_file(directory.join(name)).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.pem")).expect("a CA");
    let clients =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().expect("a verifier");
    let key = PrivateKeyDer::from_pem_file(directory.join("server.key")).expect("a key");
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    builder.with_client_cert_verifier(clients).with_single_cert(vec![certificate("server.pem")], key).expect("a key that fits")
}

fn converse(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    heard: &Mutex<Vec<String>>,
    answer: &impl Fn(usize) -> Vec<u8>,
) -> std::io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part)?;
        if length == 0 {
            return Ok(());
        }
        bytes.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() < wanted.unwrap_or(0) {
            continue;
        }
        let number = {
            let mut heard = heard.lock().expect("no panic under the lock");
            heard.push(text);
            heard.len() - 1
        };
        bytes.clear();
        stream.write_all(&answer(number))?;
        stream.flush()?;
    }
}
