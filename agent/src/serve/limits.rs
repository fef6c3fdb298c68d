//! How much one peer may ask: token buckets and connection counts by address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Limits of a listener. The defaults are far above what an install needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstallLimits {
    /// Connections at one time in all; each holds at most 256 KiB.
    pub connections: usize,
    /// Connections at one time of one peer.
    pub connections_per_peer: usize,
    /// Until a request's head is complete; also how long an idle connection stays.
    pub head: Duration,
    /// Until a request's body is complete.
    pub body: Duration,
    /// A connection on which nothing moves for this long is closed.
    pub stall: Duration,
    /// Requests with a token.
    pub token: Rate,
    /// Requests for files.
    pub files: Rate,
}

impl Default for InstallLimits {
    fn default() -> Self {
        Self {
            connections: 400,
            connections_per_peer: 64,
            head: Duration::from_secs(15),
            body: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            token: Rate { burst: 60, per_second: 2 },
            files: Rate { burst: 4000, per_second: 500 },
        }
    }
}

/// A token bucket's size and refill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests at once.
    pub burst: u32,
    /// Requests a second in the long run.
    pub per_second: u32,
}

/// What a request with an unknown token costs: guessing is slowed down ten times more than asking.
pub(super) const WRONG_TOKEN_COST: u32 = 10;

/// Peers remembered at most; past it those with the fullest buckets are forgotten first.
const MAX_PEERS: usize = 4096;

/// Token buckets by peer. Each IPv6 address has one of its own, since the guests of a network share its /64; changing addresses
/// gains little, as connections in all are limited and tokens have 128 bits.
#[derive(Debug)]
pub(super) struct RateLimit {
    rate: Rate,
    peers: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl RateLimit {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, peers: Mutex::new(HashMap::new()) }
    }

    /// Takes `cost` from the peer's bucket, or says that there is not as much in it.
    pub(super) fn take(&self, peer: IpAddr, cost: u32) -> bool {
        self.change(peer, |left| if left >= f64::from(cost) { (left - f64::from(cost), true) } else { (left, false) })
    }

    /// Puts back what was taken in vain.
    pub(super) fn give(&self, peer: IpAddr, cost: u32) {
        let most = f64::from(self.rate.burst);
        self.change(peer, |left| ((left + f64::from(cost)).min(most), true));
    }

    /// Takes `cost` even if the bucket then owes.
    pub(super) fn fine(&self, peer: IpAddr, cost: u32) {
        let floor = -f64::from(self.rate.burst);
        self.change(peer, |left| ((left - f64::from(cost)).max(floor), true));
    }

    fn change(&self, peer: IpAddr, with: impl FnOnce(f64) -> (f64, bool)) -> bool {
        let now = Instant::now();
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = peer.to_canonical();
        if peers.len() >= MAX_PEERS && !peers.contains_key(&key) {
            self.forget(&mut peers, now);
        }
        let bucket = peers.entry(key).or_insert(Bucket { left: f64::from(self.rate.burst), at: now });
        let (left, allowed) = with(self.refilled(*bucket, now));
        *bucket = Bucket { left, at: now };
        allowed
    }

    fn refilled(&self, bucket: Bucket, now: Instant) -> f64 {
        let gained = now.duration_since(bucket.at).as_secs_f64() * f64::from(self.rate.per_second);
        (bucket.left + gained).min(f64::from(self.rate.burst))
    }

    fn forget(&self, peers: &mut HashMap<IpAddr, Bucket>, now: Instant) {
        // A full bucket is as good as none.
        peers.retain(|_, bucket| self.refilled(*bucket, now) < f64::from(self.rate.burst));
        if peers.len() >= MAX_PEERS {
            let mut levels: Vec<f64> = peers.values().map(|bucket| bucket.left).collect();
            levels.sort_by(f64::total_cmp);
            let median = levels[levels.len() / 2];
            peers.retain(|_, bucket| bucket.left < median);
            if peers.len() >= MAX_PEERS {
                peers.clear();
            }
        }
    }
}

/// Connections by peer.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of a peer; counts until it is dropped.
#[derive(Debug)]
pub(super) struct Connected {
    all: Connections,
    peer: IpAddr,
}

impl Connections {
    /// Counts one more of `peer`, unless there are `limit` already.
    pub(super) fn enter(&self, peer: IpAddr, limit: usize) -> Option<Connected> {
        let peer = peer.to_canonical();
        let mut peers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = peers.entry(peer).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Connected { all: self.clone(), peer })
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut peers = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = peers.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_empties_and_refills() {
        let limit = RateLimit::new(Rate { burst: 3, per_second: 2 });
        let taken = (0..5).filter(|_| limit.take(peer(1), 1)).count();
        assert_eq!(taken, 3);
        assert!(limit.take(peer(2), 1), "another peer has its own");
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(limit.take(peer(1), 1));
        assert!(!limit.take(peer(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fine_keeps_a_peer_out_until_it_is_paid() {
        let limit = RateLimit::new(Rate { burst: 10, per_second: 1 });
        limit.fine(peer(1), 10);
        limit.fine(peer(1), 5);
        assert!(!limit.take(peer(1), 1));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert!(limit.take(peer(1), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_the_same_peer_however_it_is_written() {
        let limit = RateLimit::new(Rate { burst: 1, per_second: 1 });
        assert!(limit.take("2001:db8::1".parse().unwrap(), 1));
        assert!(limit.take("2001:db8::2".parse().unwrap(), 1), "a neighbour has its own");
        assert!(limit.take(peer(1), 1));
        assert!(!limit.take("::ffff:192.0.2.1".parse().unwrap(), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_remembered_peers_is_bounded() {
        let limit = RateLimit::new(Rate { burst: 2, per_second: 1 });
        for number in 0u32..20_000 {
            limit.take(IpAddr::from(number.to_be_bytes()), 1);
        }
        assert!(limit.peers.lock().unwrap().len() <= MAX_PEERS);
    }

    #[test]
    fn connections_of_one_peer_are_counted() {
        let all = Connections::default();
        let first = all.enter(peer(1), 1);
        assert!(first.is_some() && all.enter(peer(1), 1).is_none() && all.enter(peer(2), 1).is_some());
        drop(first);
        assert!(all.enter(peer(1), 1).is_some());
        assert!(all.0.lock().unwrap().is_empty());
    }
}
