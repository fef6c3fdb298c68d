//! Renders kickstarts and checks them for their release before anybody sees them.

use std::fmt;

use camino::Utf8Path;
use kickstart::Release;
use sha2::{Digest as _, Sha256};
use tera::{Context, ErrorKind, Tera};

use super::context as cx;
use super::convert::{InstallUrls, os_of, release_variables, site_variables, vm_variables};
use super::error::{Problem, RenderError, TemplateErrors};
use super::load;
use crate::spec::{OsSpec, Spec, TemplateName, VmSpec};

/// A rendered kickstart that its release's grammar accepts.
#[derive(Clone, PartialEq, Eq)]
pub struct Kickstart {
    /// The text; holds the install token and the root password's hash.
    pub text: String,
    /// SHA-256 in hexadecimal of the text with the tokens taken out: equal for two attempts that ask for the same.
    pub digest: String,
}

impl fmt::Debug for Kickstart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kickstart({} bytes, {})", self.text.len(), self.digest)
    }
}

/// The compiled templates: shipped ones and those of a site.
pub struct Renderer {
    tera: Tera,
}

impl fmt::Debug for Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Renderer({} templates)", self.tera.get_template_names().count())
    }
}

/// A renderer with what all VMs of one site share made ready. Make one for a pass over many VMs.
pub struct SiteRenderer<'a> {
    renderer: &'a Renderer,
    spec: &'a Spec,
    site: cx::Site,
}

impl Renderer {
    /// Compiles the shipped templates and those in `site_templates` (a site's `templates/`; none or absent: only the shipped).
    ///
    /// # Errors
    /// All syntax errors, missing partials and parents, and unknown variables, each with file and line.
    pub fn new(site_templates: Option<&Utf8Path>) -> Result<Self, TemplateErrors> {
        Ok(Self { tera: load::load(site_templates)? })
    }

    /// Whether there is a template of this name.
    pub fn has_template(&self, template: &TemplateName) -> bool {
        self.tera.contains_template(&format!("{template}.ks.tera"))
    }

    /// A renderer for many VMs of one site.
    pub fn for_site<'a>(&'a self, spec: &'a Spec) -> SiteRenderer<'a> {
        SiteRenderer { renderer: self, spec, site: site_variables(&spec.site) }
    }

    /// Renders one VM's kickstart and checks it for its release. The same input gives the same bytes.
    pub fn render_kickstart(&self, spec: &Spec, vm: &VmSpec, install: &InstallUrls) -> Result<Kickstart, RenderError> {
        self.for_site(spec).render_kickstart(vm, install)
    }

    /// Renders without the check.
    pub(super) fn render(&self, target: &str, template: &TemplateName, variables: &cx::Variables) -> Result<String, RenderError> {
        let name = format!("{template}.ks.tera");
        if !self.tera.contains_template(&name) {
            return Err(RenderError::NoTemplate {
                target: target.to_owned(),
                template: template.clone(),
                known: load::template_names(&self.tera).join(", "),
            });
        }
        let context = Context::from_serialize(variables).map_err(|error| template_error(target, &name, &error))?;
        let mut text = self.tera.render(&name, &context).map_err(|error| template_error(target, &name, &error))?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }
}

impl SiteRenderer<'_> {
    /// Renders one VM's kickstart and checks it for its release.
    pub fn render_kickstart(&self, vm: &VmSpec, install: &InstallUrls) -> Result<Kickstart, RenderError> {
        let target = format!("VM `{}`", vm.name);
        let release = release_of(&target, os_of(self.spec, vm)?)?;
        let variables = vm_variables(self.spec, vm, release_variables(release), self.site.clone(), install)?;
        let text = self.renderer.render(&target, &vm.template, &variables)?;
        checked(target, &vm.template, release, text, Some(install))
    }
}

/// The release of an OS.
pub(super) fn release_of(target: &str, os: &OsSpec) -> Result<Release, RenderError> {
    os.release.as_str().parse().map_err(|_| RenderError::UnknownRelease {
        target: target.to_owned(),
        os: os.name.to_string(),
        release: os.release.to_string(),
        known: Release::ALL.map(Release::name).join(", "),
    })
}

/// The text as a [`Kickstart`], if the release accepts it.
pub(super) fn checked(
    target: String,
    template: &TemplateName,
    release: Release,
    text: String,
    install: Option<&InstallUrls>,
) -> Result<Kickstart, RenderError> {
    let report = kickstart::check(&text, release);
    if !report.is_ok() {
        let problems = report.errors().map(|found| Problem { line: found.line, message: found.message.clone() }).collect();
        return Err(RenderError::Rejected { target, template: template.clone(), release: release.name().to_owned(), problems });
    }
    let digest = digest(&text, install);
    Ok(Kickstart { text, digest })
}

fn digest(text: &str, install: Option<&InstallUrls>) -> String {
    use fmt::Write as _;
    let mut hash = Sha256::new();
    match install {
        Some(urls) => {
            let puppet = urls.enrolment.as_ref().map_or("\0", |enrolment| enrolment.token.reveal());
            text.split(urls.token.reveal()).flat_map(|part| part.split(puppet)).for_each(|part| hash.update(part));
        }
        None => hash.update(text),
    }
    hash.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn template_error(target: &str, name: &str, error: &tera::Error) -> RenderError {
    let (place, problem) = match error.kind() {
        ErrorKind::RenderingError(report) | ErrorKind::SyntaxError(report) => {
            (format!("{}:{}", report.filename(), report.span().start_line), report.message().to_owned())
        }
        ErrorKind::Io(_) => (
            name.to_owned(),
            "a value that is not a plain word is written without a filter: use `| ks` in a command, `| sh` in a script"
                .to_owned(),
        ),
        other => (name.to_owned(), other.to_string()),
    };
    RenderError::Template { target: target.to_owned(), place, problem }
}
