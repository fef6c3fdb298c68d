//! The kickstart library from outside: what `check` and `parse` promise.

mod anaconda;
mod check;
mod command;
mod dice;
mod format;
mod frozen;
mod hostile;
mod model;
mod parse;
mod rules;
mod upgrade;
