//! Lets the guests of a simulator live in real time, for `rekindle agent --sim`.

use std::sync::Arc;
use std::time::Duration;

use super::SimHypervisor;

impl SimHypervisor {
    /// Starts a thread that advances the guests every `interval` by this simulator's clock. It ends with the simulator.
    pub fn spawn_ticker(self: &Arc<Self>, interval: Duration) -> std::io::Result<()> {
        let sim = Arc::downgrade(self);
        let tick = move || {
            while let Some(sim) = sim.upgrade() {
                sim.advance();
                drop(sim);
                std::thread::sleep(interval);
            }
        };
        std::thread::Builder::new().name("sim-ticker".to_owned()).spawn(tick).map(drop)
    }
}
