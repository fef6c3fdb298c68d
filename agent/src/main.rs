//! The `rekindle` binary: everything is in the library; `rekindle::cli` has one file a subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    rekindle::cli::main().into()
}
