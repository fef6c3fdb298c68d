//! `rekindle diff`: what a change of the site does to which VMs, before anything is done.

mod base;
mod compare;

use std::fmt::Write as _;

use serde::Serialize;

use self::compare::{Changed, Kind};
use super::context::Context;
use super::error::{CliError, OrExit as _};
use super::screen::Paint;
use super::site;
use crate::exit::Exit;
use crate::spec::VmName;

/// Show which VMs' kickstarts, domains or Puppet data a change of the site changes, and how
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rekindle --site . diff --base HEAD            what is not committed yet
  rekindle --site . diff --base origin/main     what a branch would do, for its review
  rekindle diff --base HEAD~1 web1              only for web1
  rekindle diff --base HEAD --summary           the VMs and what changes, without the texts

A changed kickstart or Puppet datum takes effect when the VM is rebuilt (`rekindle rebuild`); a changed domain, at the next
pass. Exit status 1 when something differs and `--exit-code` is given.")]
pub(crate) struct DiffArgs {
    /// The revision to compare with, as Git knows it
    #[arg(long, value_name = "REV")]
    base: String,
    /// Only these VMs
    vms: Vec<VmName>,
    /// Leave the texts out
    #[arg(long)]
    summary: bool,
    /// Exit with status 1 when something differs
    #[arg(long)]
    exit_code: bool,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    base: &'a str,
    vms: usize,
    changed: usize,
    puppet_code: &'a [String],
    differences: &'a [Changed],
}

/// Runs `rekindle diff`.
pub(crate) fn run(context: &Context, args: &DiffArgs) -> Result<Exit, CliError> {
    let directory = context.site_dir()?;
    let before = base::check_out(&directory, &args.base)?;
    let old = crate::site::load(before.directory()).map_err(|errors| {
        CliError::usage(anyhow::Error::new(errors).context(format!("the site at `{}` cannot be loaded", args.base)))
            .help("compare with a revision at which `rekindle check` passes")
    })?;
    let new = site::load(context, &directory, args.json)?;
    let old_renderer = site::renderer(before.directory()).map_err(|error| error.help(format!("at revision `{}`", args.base)))?;
    let new_renderer = site::renderer(&directory)?;
    let (old, new) =
        (compare::Side { spec: &old, renderer: &old_renderer }, compare::Side { spec: &new, renderer: &new_renderer });
    let mut changed = compare::compare(&old, &new).or_usage(|| "compare the two sites".to_owned())?;
    if !args.vms.is_empty() {
        changed.retain(|change| args.vms.iter().any(|vm| vm.as_str() == change.vm));
    }
    let puppet_code = base::changed_puppet_code(&directory, &args.base)?;
    let exit = if args.exit_code && !(changed.is_empty() && puppet_code.is_empty()) { Exit::No } else { Exit::Ok };
    if args.json {
        let report = Report {
            base: &args.base,
            vms: new.spec.vms.len(),
            changed: changed.len(),
            puppet_code: &puppet_code,
            differences: &changed,
        };
        context.screen.print_json(&report)?;
        return Ok(exit);
    }
    let paint = context.screen.out();
    let mut out = String::new();
    if !args.summary {
        for difference in changed.iter().flat_map(|change| &change.differences) {
            out.push_str(&colored(&difference.diff, paint));
        }
    }
    summary(&changed, new.spec.vms.len(), &puppet_code, paint, &mut out);
    context.screen.print(&out)?;
    Ok(exit)
}

fn summary(changed: &[Changed], vms: usize, puppet_code: &[String], paint: Paint, out: &mut String) {
    // Writing to a String cannot fail.
    if changed.is_empty() && puppet_code.is_empty() {
        let _ = writeln!(out, "{}", paint.green("No VM's kickstart, domain or Puppet data changes."));
        return;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    for change in changed {
        let what: Vec<&str> = change.differences.iter().map(|difference| difference.kind.as_str()).collect();
        let _ = writeln!(out, "  {}  {}", change.sign(paint), what.join(", "));
    }
    for file in puppet_code {
        let _ = writeln!(out, "  {} {file}  (Puppet code: reaches every VM that Puppet runs on)", paint.yellow("~"));
    }
    let of = |kind: Kind| changed.iter().filter(|change| change.differences.iter().any(|d| d.kind == kind)).count();
    let _ = writeln!(
        out,
        "\n{}",
        paint.bold(&format!(
            "{} of {vms} VMs change: {} kickstart(s), {} domain(s), {} VM(s) with other Puppet data.",
            changed.len(),
            of(Kind::Kickstart),
            of(Kind::Domain),
            of(Kind::Puppet),
        ))
    );
}

fn colored(diff: &str, paint: Paint) -> String {
    let mut out = String::with_capacity(diff.len());
    for line in diff.lines() {
        let line = match line.as_bytes() {
            [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] => paint.bold(line),
            [b'@', ..] => paint.cyan(line),
            [b'+', ..] => paint.green(line),
            [b'-', ..] => paint.red(line),
            _ => line.to_owned(),
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}
