//! The command line: one file a subcommand, which parses and prints and leaves every decision to the library.
//!
//! Start at [`main`]. `context` is what every subcommand is given, `error` has the exit statuses, `screen` everything that is
//! printed, `assemble` the wiring of a whole agent.

mod agent;
mod apply;
mod assemble;
mod check;
mod consent;
mod console;
mod context;
mod destroy;
mod diff;
mod drive;
mod error;
mod ks;
mod logging;
mod logs;
mod placeholder;
mod plan;
mod progress;
mod puppet;
mod rebuild;
mod render;
mod repo;
mod report;
mod retry;
mod screen;
mod site;
mod site_source;
mod status;
mod story;

use camino::Utf8PathBuf;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::exit::Exit;
use context::Context;
use error::{CliError, OrExit as _};
use logging::LogFormat;
use screen::{ColorChoice, Screen};

/// Turns a site into running VMs, and rebuilds them from scratch
#[derive(Debug, Parser)]
#[command(
    name = "rekindle",
    version,
    propagate_version = true,
    after_help = "Exit status:
  0  done, and the answer is yes
  1  done, and the answer is no: a VM failed, something differs, consent was not given
  2  nothing was done: wrong arguments, a bad configuration or a bad site
  3  the world could not be reached: libvirt, the agent, the store or a directory

`rekindle help COMMAND` has examples."
)]
struct Args {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

/// Options of every subcommand.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
struct Shared {
    /// The site's directory, in place of the configuration's
    #[arg(long, global = true, value_name = "DIR", env = "REKINDLE_SITE")]
    site: Option<Utf8PathBuf>,
    /// A configuration file over those of this host
    #[arg(long, global = true, value_name = "FILE", env = "REKINDLE_CONFIG")]
    config: Option<Utf8PathBuf>,
    /// Which of the site's hypervisors this host is, in place of the configuration's word or the host's name
    #[arg(long, global = true, value_name = "NAME", env = "REKINDLE_HYPERVISOR")]
    hypervisor: Option<String>,
    /// Where the agent keeps its state, in place of the configuration's
    #[arg(long, global = true, value_name = "DIR", env = "REKINDLE_STATE_DIR")]
    state_dir: Option<Utf8PathBuf>,
    /// Work on the simulator in place of libvirt, with a state of its own; its VMs end with the agent
    #[arg(long, global = true)]
    sim: bool,
    /// How many times faster than life simulated guests are
    #[arg(long, global = true, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sim_speed: u32,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    /// Log more: -v info, -vv debug, -vvv everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// How to write the log
    #[arg(long, global = true, value_name = "FORMAT", default_value = "auto")]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::CheckArgs),
    Diff(diff::DiffArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Rebuild(rebuild::RebuildArgs),
    Status(status::StatusArgs),
    Logs(logs::LogsArgs),
    Console(console::ConsoleArgs),
    Retry(retry::RetryArgs),
    Destroy(destroy::DestroyArgs),
    Render(render::RenderArgs),
    Ks(ks::KsArgs),
    Puppet(puppet::PuppetArgs),
    Repo(repo::RepoArgs),
    Agent(agent::AgentArgs),
    /// Write a completion script for a shell to standard output
    #[command(after_help = "Example:
  rekindle completions bash > /usr/share/bash-completion/completions/rekindle")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages into a directory, one for each subcommand
    #[command(after_help = "Example:
  rekindle man /usr/share/man/man1")]
    Man {
        /// The directory; it is made where there is none
        directory: Utf8PathBuf,
    },
}

/// Runs the command line of this process and says how it ended; errors have been printed.
pub fn main() -> Exit {
    // Wrong arguments end here with status 2, help and version with 0.
    let matches = command_line().get_matches();
    let Args { shared, command } = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let screen = Screen::new(shared.color);
    let context = Context::new(screen, shared);
    match run(&context, command) {
        Ok(exit) => exit,
        Err(error) => {
            screen.note(&error.render(screen.err()));
            error.exit()
        }
    }
}

fn run(context: &Context, command: Command) -> Result<Exit, CliError> {
    // Works alone: no log, no settings.
    if let Command::Ks(args) = &command {
        return ks::run(context.screen, args);
    }
    let (level, format) = match (&command, context.shared.log_format) {
        (Command::Agent(_), format) => {
            let settings = context.settings()?;
            let of_settings = settings.log_format.filter(|_| format == LogFormat::Auto).map(LogFormat::from);
            (settings.log_level.as_str(), of_settings.unwrap_or(format))
        }
        (_, format) => ("warn", format),
    };
    logging::set_up(context.screen, format, context.shared.verbose, level)?;
    match command {
        Command::Check(args) => check::run(context, &args),
        Command::Diff(args) => diff::run(context, &args),
        Command::Plan(args) => plan::run(context, &args),
        Command::Apply(args) => apply::run(context, &args),
        Command::Rebuild(args) => rebuild::run(context, &args),
        Command::Retry(args) => retry::run(context, &args),
        Command::Destroy(args) => destroy::run(context, &args),
        Command::Console(args) => console::run(context, &args),
        Command::Render(args) => render::run(context, &args),
        Command::Repo(args) => repo::run(context, &args),
        Command::Ks(args) => ks::run(context.screen, &args),
        Command::Puppet(args) => puppet::run(context, &args),
        Command::Agent(args) => agent::run(context, &args),
        Command::Status(args) => status::run(context, &args),
        Command::Logs(args) => logs::run(context, &args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command_line(), "rekindle", &mut script);
            context.screen.print(&String::from_utf8_lossy(&script))?;
            Ok(Exit::Ok)
        }
        Command::Man { directory } => {
            let write = std::fs::create_dir_all(&directory)
                .and_then(|()| clap_mangen::generate_to(command_line(), directory.as_std_path()));
            write.or_world(|| format!("write the manual pages into `{directory}`"))?;
            Ok(Exit::Ok)
        }
    }
}

/// What the command line takes: for parsing, help, manual pages and completions alike.
fn command_line() -> clap::Command {
    let mut all = Args::command();
    // Gives each subcommand the options of every command, so that they can be hidden where they mean nothing.
    all.build();
    all.mut_subcommand("ks", hide_options_of_the_agent)
}

/// `ks` works on files alone: which site, state or hypervisor there is makes no difference to it.
fn hide_options_of_the_agent(command: clap::Command) -> clap::Command {
    let of_agent = ["site", "config", "hypervisor", "state_dir", "sim", "sim_speed", "verbose", "log_format"];
    command
        .mut_args(|argument| if of_agent.contains(&argument.get_id().as_str()) { argument.hide(true) } else { argument })
        .mut_subcommands(hide_options_of_the_agent)
}

/// The runtime of subcommands that wait for something.
fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().or_world(|| "start the runtime".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command_line().debug_assert();
    }

    #[test]
    fn the_help_of_ks_names_no_option_of_the_agent() {
        let mut all = command_line();
        let lint = all.find_subcommand_mut("ks").and_then(|ks| ks.find_subcommand_mut("lint")).expect("ks lint");
        let help = lint.render_long_help().to_string();
        assert!(help.contains("--parity") && help.contains("--color"), "{help}");
        for option in ["--site", "--sim", "--state-dir", "--log-format"] {
            assert!(!help.contains(option), "{option} is in the help of ks lint:\n{help}");
        }
        let apply = all.find_subcommand_mut("apply").expect("apply").render_long_help().to_string();
        assert!(apply.contains("--site"), "{apply}");
    }

    #[test]
    fn the_help_lists_every_exit_status() {
        let help = command_line().render_help().to_string();
        for exit in Exit::ALL {
            let line = format!("  {}  {}", exit.code(), exit.describe());
            assert!(help.contains(&line), "{line:?} is not in the help:\n{help}");
        }
    }
}
