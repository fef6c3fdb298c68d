//! The real install listener over directories, on a port of its own, for clients that are real programs.

use std::net::SocketAddr;
use std::sync::Arc;

use camino::Utf8Path;
use rekindle::serve::{InstallLimits, Rate, bind, install};
use rekindle::spec::{RepoLocation, RepoSpec};

use crate::simhost::SimHost;
use crate::site::site;

/// Limits that tests with many clients behind one address need.
pub const OPEN: InstallLimits = InstallLimits {
    connections: 10_000,
    connections_per_peer: 10_000,
    head: std::time::Duration::from_secs(15),
    body: std::time::Duration::from_secs(30),
    stall: std::time::Duration::from_secs(60),
    token: Rate { burst: 60, per_second: 2 },
    files: Rate { burst: u32::MAX, per_second: u32::MAX },
};

/// A listener on a thread of its own; closed when it is dropped.
pub struct Served {
    /// Where it is.
    pub address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Served {
    /// Offers each directory as `/repo/dev/NAME/`, on loopback.
    ///
    /// # Panics
    /// When there is no port.
    pub fn start(directories: &[(&str, &Utf8Path)]) -> Self {
        Self::start_on([127, 0, 0, 1], directories)
    }

    /// The same, on this address.
    ///
    /// # Panics
    /// When there is no port.
    pub fn start_on(address: [u8; 4], directories: &[(&str, &Utf8Path)]) -> Self {
        let repos: Vec<RepoSpec> = directories
            .iter()
            .map(|(name, directory)| RepoSpec {
                name: (*name).to_owned(),
                location: RepoLocation::Directory((*directory).to_owned()),
                cost: None,
            })
            .collect();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let mut spec = site([]);
                for stage in spec.stages.values_mut() {
                    stage.repos = repos.clone();
                }
                let host = SimHost::default();
                let agent = host.agent(&Arc::new(spec), None);
                let listener = bind(SocketAddr::from((address, 0))).await.expect("a port");
                tell.send(listener.local_addr().expect("its address")).expect("somebody waits");
                tokio::select! {
                    _ = install::serve(listener, agent.handle.clone(), OPEN, Arc::default()) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address: told.recv().expect("an address"), stop: Some(stop), thread: Some(thread) }
    }

    /// The address of a directory's repository.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/repo/dev/{name}", self.address)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
