//! Renders kickstarts and checks them for their release before anybody sees them.

use std::fmt;
use std::sync::OnceLock;

use camino::{Utf8Path, Utf8PathBuf};
use kickstart::Release;
use sha2::{Digest as _, Sha256};
use tera::{Context, ErrorKind, Tera};

use super::context as cx;
use super::convert::{InstallUrls, os_of, release_variables, site_variables, vm_variables};
use super::error::{Problem, RenderError, TemplateErrors, TemplatePlace};
use super::load;
use super::marks::Marked;
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
    /// The site's templates, if it has any.
    directory: Option<Utf8PathBuf>,
    /// Name and text of each template.
    templates: Vec<(String, String)>,
    /// The same with marks; made for the first kickstart that is refused.
    marked: OnceLock<Option<Marked>>,
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
        let load::Loaded { tera, templates } = load::load(site_templates)?;
        Ok(Self { tera, directory: site_templates.map(Utf8Path::to_owned), templates, marked: OnceLock::new() })
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
        let context = context_of(target, &name, variables)?;
        let mut text = self.tera.render(&name, &context).map_err(|error| template_error(target, &name, &error))?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        Ok(text)
    }

    /// The text as a [`Kickstart`], if the release accepts it; else what is wrong, with the lines of the templates it came from.
    pub(super) fn checked(
        &self,
        target: String,
        template: &TemplateName,
        release: Release,
        text: String,
        variables: &cx::Variables,
        install: Option<&InstallUrls>,
    ) -> Result<Kickstart, RenderError> {
        let report = kickstart::check(&text, release);
        if report.is_ok() {
            let digest = digest(&text, install);
            return Ok(Kickstart { text, digest });
        }
        let name = format!("{template}.ks.tera");
        let marked = self.marked.get_or_init(|| Marked::new(&self.templates));
        let context = context_of(&target, &name, variables)?;
        let origins = marked.as_ref().and_then(|marked| marked.origins(&name, &context, &text));
        let place = |found: &kickstart::Diagnostic| {
            let (template, line) = origins.as_ref()?.of(found.span.start)?;
            let (name, _) = self.templates.get(template)?;
            Some(TemplatePlace { file: load::file_of(self.directory.as_deref(), name), line })
        };
        let problem =
            |found: &kickstart::Diagnostic| Problem { template: place(found), line: found.line, message: found.message.clone() };
        let problems = report.errors().map(problem).collect();
        Err(RenderError::Rejected { target, template: template.clone(), release: release.name().to_owned(), problems })
    }
}

fn context_of(target: &str, name: &str, variables: &cx::Variables) -> Result<Context, RenderError> {
    Context::from_serialize(variables).map_err(|error| template_error(target, name, &error))
}

impl SiteRenderer<'_> {
    /// Renders one VM's kickstart and checks it for its release.
    pub fn render_kickstart(&self, vm: &VmSpec, install: &InstallUrls) -> Result<Kickstart, RenderError> {
        let target = format!("VM `{}`", vm.name);
        let release = release_of(&target, os_of(self.spec, vm)?)?;
        let variables = vm_variables(self.spec, vm, release_variables(release), self.site.clone(), install)?;
        let text = self.renderer.render(&target, &vm.template, &variables)?;
        self.renderer.checked(target, &vm.template, release, text, &variables, Some(install))
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
