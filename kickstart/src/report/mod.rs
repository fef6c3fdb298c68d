//! Turns diagnostics into output for people and machines.

pub mod github;
pub mod json;
pub mod sarif;
pub mod text;
