//! Which state of a repository each peer is reading: that of the `repomd.xml` which it fetched last.
//!
//! A repository that is published anew switches a symbolic link. A client that has read the old `repomd.xml` and asks for its
//! signature, or for a metadata file, a moment later would get the new one's, or nothing. So what a peer asks of a repository is
//! looked for first where its `repomd.xml` came from. The install listener calls it; it only remembers, and never for long.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use tokio::time::Instant;

/// How long a peer may take from `repomd.xml` to its last package.
const LIFE: Duration = Duration::from_secs(1800);
/// Peers remembered; past it the oldest are forgotten.
const MAX_PEERS: usize = 4096;
/// Repositories of one peer.
const MAX_EACH: usize = 32;
/// What begins the reading of a repository.
const REPOMD: &str = "repodata/repomd.xml";

struct Pin {
    /// The root's prefix and the repository's place in it, as the peer writes them.
    asked: (String, Utf8PathBuf),
    /// Where that was, with no link left.
    found: Utf8PathBuf,
    at: Instant,
}

/// See the module.
#[derive(Default)]
pub(super) struct Pins {
    peers: Mutex<HashMap<IpAddr, Vec<Pin>>>,
}

/// The place of the repository whose `repomd.xml` `path` is.
pub(super) fn repository_of(path: &Utf8Path) -> Option<&Utf8Path> {
    path.as_str().strip_suffix(REPOMD).map(|base| Utf8Path::new(base.trim_end_matches('/'))).filter(|_| path.ends_with(REPOMD))
}

/// The path of the repository at `base` below `root` with its links followed, seen from `root`; none where there are no links, or
/// they lead elsewhere. Reads the file system.
pub(super) fn resolve(root: &Utf8Path, base: &Utf8Path) -> Option<Utf8PathBuf> {
    let top = root.canonicalize_utf8().ok()?;
    let repodata = root.join(base).join("repodata").canonicalize_utf8().ok()?;
    let found = repodata.strip_prefix(&top).ok()?.parent()?.to_owned();
    (found != base && repodata.ends_with("repodata")).then_some(found)
}

impl Pins {
    /// `peer` begins to read the repository at `base` of the root `prefix`, which is at `found` now.
    pub(super) fn put(&self, peer: IpAddr, prefix: &str, base: &Utf8Path, found: Option<Utf8PathBuf>) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = (prefix.to_owned(), base.to_owned());
        if peers.len() >= MAX_PEERS && !peers.contains_key(&peer) {
            let oldest = peers.iter().min_by_key(|(_, pins)| pins.iter().map(|pin| pin.at).max()).map(|(peer, _)| *peer);
            oldest.map(|oldest| peers.remove(&oldest));
        }
        let pins = peers.entry(peer).or_default();
        pins.retain(|pin| pin.asked != asked && pin.at.elapsed() < LIFE);
        if let Some(found) = found {
            pins.truncate(MAX_EACH - 1);
            pins.insert(0, Pin { asked, found, at: Instant::now() });
        }
    }

    /// Where to look first for what `peer` asks, if it reads that repository.
    pub(super) fn path(&self, peer: IpAddr, prefix: &str, path: &Utf8Path) -> Option<Utf8PathBuf> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pins = peers.get(&peer)?.iter().filter(|pin| pin.asked.0 == prefix && pin.at.elapsed() < LIFE);
        pins.find_map(|pin| path.strip_prefix(&pin.asked.1).ok().map(|rest| pin.found.join(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_goes_on_where_its_repomd_came_from_and_others_do_not() {
        let directory = tempfile::tempdir().unwrap();
        let root = Utf8Path::from_path(directory.path()).unwrap();
        for number in ["1", "2"] {
            std::fs::create_dir_all(root.join("generations").join(number).join("repodata")).unwrap();
        }
        let link = root.join("repodata");
        std::os::unix::fs::symlink("generations/1/repodata", &link).unwrap();
        let (pins, peer, other): (_, IpAddr, IpAddr) = (Pins::default(), [192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        assert_eq!(repository_of("repodata/repomd.xml".into()), Some("".into()));
        assert_eq!(repository_of("stages/dev/app/repodata/repomd.xml".into()), Some("stages/dev/app".into()));
        assert_eq!(repository_of("xrepodata/repomd.xml".into()), None);
        assert_eq!(repository_of("repodata/repomd.xml.asc".into()), None);
        let base = Utf8Path::new("");
        pins.put(peer, "repo/dev/site", base, resolve(root, base));
        std::fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink("generations/2/repodata", &link).unwrap();
        let asked = Utf8Path::new("repodata/repomd.xml.asc");
        let found = pins.path(peer, "repo/dev/site", asked);
        assert_eq!(found.as_deref(), Some("generations/1/repodata/repomd.xml.asc".into()));
        assert_eq!(pins.path(other, "repo/dev/site", asked), None);
        assert_eq!(pins.path(peer, "repo/rc/site", asked), None);
        pins.put(peer, "repo/dev/site", base, resolve(root, base));
        assert_eq!(pins.path(peer, "repo/dev/site", asked).as_deref(), Some("generations/2/repodata/repomd.xml.asc".into()));
        tokio::time::advance(LIFE).await;
        assert_eq!(pins.path(peer, "repo/dev/site", asked), None, "not for ever");
    }
}
