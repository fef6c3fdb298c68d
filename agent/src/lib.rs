//! The agent and client behind the `rekindle` binary, in pipeline order:
//! `site` files → `spec` → `plan` → `execute` → `world` → `observed` → (next pass); `reconcile` turns the wheel, `serve` shows it.
//!
//! ARCHITECTURE.md at the root of the repository has the picture and the rule of who may import whom.

pub mod settings;

pub mod site;

pub mod spec;

pub mod observed;

pub mod xml;

pub mod render;

pub mod world;

pub mod plan;

pub mod execute;

pub mod reconcile;

pub mod serve;

pub mod cli;

pub mod exit;
