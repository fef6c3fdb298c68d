//! Stage 4 of the pipeline: from spec to text.
//!
//! Who calls it: `execute` (and `check`, `render`, `diff` of the CLI). It reads the site's templates once, when a [`Renderer`] is
//! made; after that it is pure. It must never know `world`. Start at [`Renderer`], then `convert` and `context`; the templates
//! themselves are in `templates/` at the root of the repository.

pub mod context;
mod convert;
mod domain_xml;
mod error;
mod functions;
mod hypervisor;
mod kickstart;
mod load;
mod marks;
mod puppet;
mod scan;
mod schema;
mod shipped;

pub use convert::{Enrolment, InstallUrls};
pub use domain_xml::{INSTALLER_LOG_PORT, domain_xml};
pub use error::{Problem, RenderError, TemplateError, TemplateErrors, TemplatePlace};
pub use kickstart::{Kickstart, Renderer, SiteRenderer};
pub use load::template_variables_markdown;
pub use puppet::{classification, hiera_files, node_data, puppet_files};
