//! The agent's own configuration, in three stages:
//!
//! * [`fragment`]: TOML files as written, every key optional;
//! * [`merge`]: the fragments laid over each other, later ones winning key by key;
//! * [`Settings`]: defaults filled in, everything checked. The rest of the agent sees only this.
//!
//! Files, later ones winning: `/usr/lib/rekindle/config.d/*.toml` (packages), `/run/rekindle/config.d/*.toml` (until the next
//! boot), `/etc/rekindle/agent.toml`, `/etc/rekindle/config.d/*.toml`, and the file of `--config`. None has to exist but the
//! last. Mistakes are reported like a site's: all of them, with file and line.

mod fragment;
mod load;
mod merge;
mod resolved;

pub use load::{Places, load, load_from};
pub use resolved::{LogFormat, LogLevel, Settings};
