//! `rekindle ks explain`: the manual of a rule, a command or an option.

use std::fmt::Write as _;

use kickstart::Release;

use super::lint::print;
use crate::cli::error::CliError;
use crate::cli::screen::{Screen, Table};
use crate::exit::Exit;

/// Show the manual of a finding, a command or an option; without a name, list them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle ks explain no-root-filesystem       what a rule finds, why, an example, what to do
  rekindle ks explain logvol --release rhel9   the options of a command
  rekindle ks explain timezone/--isUtc         one option: its type, since when, until when
  rekindle ks explain %packages
  rekindle ks explain                          all rules, findings and commands

Exit status: 0, 2 for a name that is none.")]
pub(crate) struct ExplainArgs {
    /// The code of a finding, a command, a section, or COMMAND/--option
    #[arg(value_name = "CODE|COMMAND[/--option]")]
    name: Option<String>,
    /// Only what this release has
    #[arg(long, value_name = "RELEASE")]
    release: Option<Release>,
}

/// Runs `rekindle ks explain`.
pub(crate) fn run(screen: Screen, args: &ExplainArgs) -> Result<Exit, CliError> {
    let Some(name) = &args.name else {
        print(screen, &list(screen, args.release))?;
        return Ok(Exit::Ok);
    };
    let text = match name.split_once('/') {
        Some((command, option)) => option_manual(command, option, args.release)?,
        None => manual(name, args.release)?,
    };
    print(screen, &text)?;
    Ok(Exit::Ok)
}

fn manual(name: &str, release: Option<Release>) -> Result<String, CliError> {
    if let Some(text) = kickstart::explain(name) {
        let rule = kickstart::rules().find(|(code, _, _)| *code == name);
        let kind = match rule {
            Some((_, family, severity)) => format!("{family}, {severity}"),
            None if name.starts_with("deprecated") => "checked by ksvalidator too, warning".to_owned(),
            None => "checked by ksvalidator too, error".to_owned(),
        };
        return Ok(format!("{name} ({kind})\n\n{}", text.trim_end()) + "\n");
    }
    if let Some(text) = kickstart::describe(name, release) {
        return Ok(text);
    }
    Err(unknown(name, release))
}

fn option_manual(command: &str, option: &str, release: Option<Release>) -> Result<String, CliError> {
    if kickstart::describe(command, release).is_none() {
        return Err(unknown(command, release));
    }
    let option = if option.starts_with("--") { option.to_owned() } else { format!("--{option}") };
    kickstart::describe_option(command, &option, release).ok_or_else(|| {
        let elsewhere = kickstart::describe_option(command, &option, None).is_some();
        let message = match release {
            Some(release) if elsewhere => format!("{release} has no option `{option}` of `{command}`"),
            _ => format!("`{command}` has no option `{option}`"),
        };
        let near = kickstart::options(command).map(|known| (strsim::damerau_levenshtein(&option, known), known)).min();
        let help = if elsewhere {
            "leave out `--release` to see which releases have it".to_owned()
        } else if let Some((_, known)) = near.filter(|(distance, _)| *distance <= 3) {
            format!("did you mean `{known}`?")
        } else {
            format!("`rekindle ks explain {command}` lists its options")
        };
        CliError::usage(anyhow::anyhow!(message)).help(help)
    })
}

fn unknown(name: &str, release: Option<Release>) -> CliError {
    if let Some(release) = release
        && kickstart::describe(name, None).is_some()
    {
        let error = CliError::usage(anyhow::anyhow!("{release} does not know `{name}`"));
        return error.help("leave out `--release` to see which releases do");
    }
    let rules = kickstart::rules().map(|(code, _, _)| code);
    let known = rules.chain(kickstart::check_codes()).chain(kickstart::commands(None));
    let nearest = known.map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    let error = CliError::usage(anyhow::anyhow!("`{}` is no finding and no command", name.escape_debug()));
    match nearest {
        Some((distance, known)) if distance <= name.len() / 3 + 1 => error.help(format!("did you mean `{known}`?")),
        _ => error.help("`rekindle ks explain` lists all of them"),
    }
}

fn list(screen: Screen, release: Option<Release>) -> String {
    let paint = screen.out();
    let mut table = Table::new(&["RULE", "FAMILY", "SEVERITY"]);
    for (code, family, severity) in kickstart::rules() {
        table.row([code.to_owned(), family.to_owned(), severity.to_string()]);
    }
    let mut out = table.render(paint);
    let mut words = |title: &str, names: &mut dyn Iterator<Item = &'static str>| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "\n{}", paint.bold(title));
        let mut line = String::new();
        for name in names {
            if line.len() + name.len() > 98 {
                let _ = writeln!(out, "{}", line.trim_end());
                line.clear();
            }
            line.push_str(name);
            line.push_str("  ");
        }
        let _ = writeln!(out, "{}", line.trim_end());
    };
    words("WHAT KSVALIDATOR CHECKS TOO", &mut kickstart::check_codes());
    words("COMMANDS AND SECTIONS", &mut kickstart::commands(release));
    out
}
