//! Loading the site for a subcommand, with every mistake printed once, and finding things in it by name.

use camino::Utf8Path;

use super::context::Context;
use super::error::{CliError, OrExit as _};
use super::screen::Paint;
use crate::exit::Exit;
use crate::render::Renderer;
use crate::site::SiteErrors;
use crate::spec::{HypervisorName, HypervisorSpec, Spec, VmName, VmSpec};

/// The site in `directory`. Its mistakes are printed here: as JSON to standard output, else to standard error.
pub(crate) fn load(context: &Context, directory: &Utf8Path, json: bool) -> Result<Spec, CliError> {
    crate::site::load(directory).map_err(|errors| {
        let said = if json {
            context.screen.print_json(&serde_json::json!({ "ok": false, "errors": errors.to_json() }))
        } else {
            context.screen.note(&report(&errors, context.screen.err()));
            Ok(())
        };
        said.map_or_else(CliError::from, |()| CliError::silent(Exit::Usage))
    })
}

/// The mistakes of a site with a little colour.
pub(crate) fn report(errors: &SiteErrors, paint: Paint) -> String {
    let mut out = String::new();
    for line in errors.to_string().lines() {
        let trimmed = line.trim_start();
        if let Some(message) = line.strip_prefix("error: ") {
            out.push_str(&paint.red("error:"));
            out.push(' ');
            out.push_str(&paint.bold(message));
        } else if trimmed.starts_with("= help:") {
            out.push_str(&paint.cyan(line));
        } else if trimmed.starts_with("-->") {
            out.push_str(&paint.dim(line));
        } else {
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

/// The site's templates over the shipped ones.
pub(crate) fn renderer(directory: &Utf8Path) -> Result<Renderer, CliError> {
    Renderer::new(Some(&directory.join("templates"))).or_usage(|| format!("read the templates of {directory}"))
}

/// The VM of this name.
pub(crate) fn vm_named<'a>(spec: &'a Spec, name: &VmName) -> Result<&'a VmSpec, CliError> {
    spec.vms.get(name).ok_or_else(|| {
        let known = spec.vms.keys().map(VmName::as_str);
        CliError::usage(anyhow::anyhow!("there is no VM `{name}` in the site")).help(nearest(name.as_str(), known, "vms/"))
    })
}

/// The hypervisor of this name.
pub(crate) fn hypervisor_named<'a>(spec: &'a Spec, name: &str) -> Result<&'a HypervisorSpec, CliError> {
    spec.hypervisors.get(name).ok_or_else(|| {
        let known = spec.hypervisors.keys().map(HypervisorName::as_str);
        CliError::usage(anyhow::anyhow!("there is no hypervisor `{name}` in the site")).help(nearest(name, known, "hypervisors/"))
    })
}

/// A hint at the nearest of the known names, else at where they are.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>, directory: &str) -> String {
    let best = known.map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    match best {
        Some((distance, known)) if distance <= name.len().div_ceil(3) => format!("did you mean `{known}`?"),
        Some(_) => format!("the names are those of the files in {directory}"),
        None => format!("there is none at all: add a file to {directory}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_right_is_pointed_at() {
        let hint = |name| nearest(name, ["web1", "web2", "db1"].into_iter(), "vms/");
        assert_eq!(hint("wbe1"), "did you mean `web1`?");
        assert_eq!(hint("something-else"), "the names are those of the files in vms/");
        assert_eq!(nearest("web1", std::iter::empty(), "vms/"), "there is none at all: add a file to vms/");
    }
}
