//! Two sites side by side: what each VM would be given, and how that differs. Pure.

use serde::{Serialize, Serializer};
use similar::TextDiff;

use crate::cli::logs::without_tokens;
use crate::cli::placeholder;
use crate::cli::screen::Paint;
use crate::render::{RenderError, Renderer, SiteRenderer, domain_xml, node_data};
use crate::spec::{Spec, VmName, VmSpec};

/// Lines around a difference.
const AROUND: usize = 3;

/// A site and its templates.
pub(crate) struct Side<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) renderer: &'a Renderer,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Kickstart,
    Domain,
    Puppet,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Kickstart, Self::Domain, Self::Puppet];

    /// As shown and in JSON.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Kickstart => "kickstart",
            Self::Domain => "domain",
            Self::Puppet => "Puppet data",
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Kickstart => "kickstart",
            Self::Domain => "domain",
            Self::Puppet => "puppet",
        })
    }
}

/// A VM that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Changed {
    /// The VM.
    pub(crate) vm: String,
    /// `added`, `removed` or `changed`.
    pub(crate) how: &'static str,
    /// In what.
    pub(crate) differences: Vec<Difference>,
}

/// One text that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) kind: Kind,
    /// As a unified diff.
    pub(crate) diff: String,
}

impl Changed {
    /// The VM with a sign for what happens to it.
    pub(crate) fn sign(&self, paint: Paint) -> String {
        match self.how {
            "added" => paint.green(&format!("+ {}", self.vm)),
            "removed" => paint.red(&format!("- {}", self.vm)),
            _ => paint.yellow(&format!("~ {}", self.vm)),
        }
    }
}

/// Every VM whose texts differ, by name.
pub(crate) fn compare(old: &Side<'_>, new: &Side<'_>) -> Result<Vec<Changed>, RenderError> {
    let (old_site, new_site) = (old.renderer.for_site(old.spec), new.renderer.for_site(new.spec));
    let mut names: Vec<&VmName> = old.spec.vms.keys().chain(new.spec.vms.keys()).collect();
    names.sort();
    names.dedup();
    let mut changed = Vec::new();
    for name in names {
        let (before, after) = (old.spec.vms.get(name), new.spec.vms.get(name));
        let before_texts = texts(old.spec, &old_site, before)?;
        let after_texts = texts(new.spec, &new_site, after)?;
        let mut differences = Vec::new();
        for (kind, (before, after)) in Kind::ALL.into_iter().zip(before_texts.iter().zip(&after_texts)) {
            if before != after {
                let file = format!("{name}/{}", kind.as_str().to_lowercase().replace(' ', "-"));
                differences.push(Difference { kind, diff: unified(&file, before, after) });
            }
        }
        let how = match (before, after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        if !differences.is_empty() {
            changed.push(Changed { vm: name.to_string(), how, differences });
        }
    }
    Ok(changed)
}

/// A VM's texts in the order of [`Kind::ALL`]; all empty where there is no such VM.
fn texts(spec: &Spec, site: &SiteRenderer<'_>, vm: Option<&VmSpec>) -> Result<[String; 3], RenderError> {
    let Some(vm) = vm else { return Ok([const { String::new() }; 3]) };
    // A VM that guests' networks keep from its kickstart is a finding of `check`, not a difference.
    let kickstart = match placeholder::urls(spec, vm) {
        Ok(urls) => without_tokens(&site.render_kickstart(vm, &urls)?.text),
        Err(reason) => format!("# {reason}\n"),
    };
    let puppet = vm.puppet.as_ref().map(node_data).unwrap_or_default();
    Ok([kickstart, without_digest(&domain_xml(&placeholder::domain(spec, vm))), puppet])
}

/// The domain without the digest of itself, which differs whenever something else does.
fn without_digest(xml: &str) -> String {
    const MARK: &str = " digest=\"";
    let Some((before, rest)) = xml.split_once(MARK) else { return xml.to_owned() };
    let after = rest.split_once('"').map_or("", |(_, after)| after);
    format!("{before}{after}")
}

fn unified(file: &str, before: &str, after: &str) -> String {
    let name = |side: &str, text: &str| if text.is_empty() { "/dev/null".to_owned() } else { format!("{side}/{file}") };
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(AROUND)
        .header(&name("a", before), &name("b", after))
        .to_string()
}
