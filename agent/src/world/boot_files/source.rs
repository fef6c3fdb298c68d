//! Where a tree's files are read from: a directory on this host or a mirror. Readers are bounded in size and time.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use camino::Utf8PathBuf;

use crate::spec::TreeLocation;

/// How long a server may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Until there is a connection.
    pub(super) connect: Duration,
    /// That a transfer stands still.
    pub(super) stall: Duration,
    /// For `.treeinfo`, from the request to its last byte.
    pub(super) small: Duration,
    /// For a boot file; 1 GiB in ten minutes is 15 Mbit/s.
    pub(super) large: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(10), stall: seconds(30), small: seconds(20), large: seconds(600) }
    }
}

/// Why a file of a tree could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TreeReadError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The server answered with this status.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// It took too long.
    #[error("no complete answer in time ({0})")]
    TooSlow(String),
    /// It is a directory, a device, a pipe.
    #[error("it is not a regular file")]
    NotAFile,
    /// The network or the protocol failed.
    #[error("{0}")]
    Http(String),
    /// The file system failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A tree that can be read from.
pub(super) struct Source<'a> {
    tree: &'a TreeLocation,
    patience: Patience,
    agent: Option<ureq::Agent>,
}

impl<'a> Source<'a> {
    pub(super) fn new(tree: &'a TreeLocation, patience: Patience) -> Self {
        let agent = matches!(tree, TreeLocation::Url(_)).then(|| {
            // Mirrors inside a company have certificates of a CA that only the host's own store knows.
            let trust = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::PlatformVerifier).build();
            ureq::Agent::config_builder()
                .tls_config(trust)
                .http_status_as_error(false)
                .max_redirects(5)
                .timeout_connect(Some(patience.connect))
                .timeout_resolve(Some(patience.connect))
                .timeout_recv_response(Some(patience.small))
                .timeout_per_read(Some(patience.stall))
                .max_idle_connections(1)
                .user_agent(concat!("rekindle/", env!("CARGO_PKG_VERSION")))
                .accept_encoding("identity")
                .build()
                .into()
        });
        Self { tree, patience, agent }
    }

    /// Where `path` of the tree is, for messages.
    pub(super) fn place(&self, path: &str) -> String {
        match self.tree {
            TreeLocation::Directory(directory) => directory.join(path).into_string(),
            TreeLocation::Url(url) => format!("{}/{path}", url.as_str().trim_end_matches('/')),
        }
    }

    /// Opens `path`, relative and plain, of the tree. `large`: time enough for an initrd.
    pub(super) fn open(&self, path: &str, large: bool) -> Result<Box<dyn Read>, TreeReadError> {
        match (self.tree, &self.agent) {
            (TreeLocation::Url(_), Some(agent)) => {
                open_url(agent, &self.place(path), if large { self.patience.large } else { self.patience.small })
            }
            _ => open_file(&Utf8PathBuf::from(self.place(path))),
        }
    }
}

fn open_file(path: &Utf8PathBuf) -> Result<Box<dyn Read>, TreeReadError> {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let opened = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC).open(path);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => TreeReadError::NotFound,
        _ => TreeReadError::Io(error),
    })?;
    if file.metadata()?.is_file() { Ok(Box::new(file)) } else { Err(TreeReadError::NotAFile) }
}

fn open_url(agent: &ureq::Agent, url: &str, limit: Duration) -> Result<Box<dyn Read>, TreeReadError> {
    let response = agent.get(url).config().timeout_global(Some(limit)).build().call().map_err(|error| match error {
        ureq::Error::Timeout(which) => TreeReadError::TooSlow(which.to_string()),
        ureq::Error::Io(error) => TreeReadError::Io(error),
        other => TreeReadError::Http(other.to_string()),
    })?;
    match response.status().as_u16() {
        200 => Ok(Box::new(response.into_body().into_with_config().limit(u64::MAX).reader())),
        404 | 410 => Err(TreeReadError::NotFound),
        other => Err(TreeReadError::Status(other)),
    }
}

/// What a failed read of a body says: a timeout arrives wrapped in an I/O error.
pub(super) fn read_error(error: io::Error) -> TreeReadError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        Some(ureq::Error::Timeout(which)) => TreeReadError::TooSlow(which.to_string()),
        Some(other) => TreeReadError::Http(other.to_string()),
        None if error.kind() == io::ErrorKind::TimedOut => TreeReadError::TooSlow("the transfer stood still".to_owned()),
        None => TreeReadError::Io(error),
    }
}
