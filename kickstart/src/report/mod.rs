//! Turns diagnostics into output for people and machines.

pub mod text;
