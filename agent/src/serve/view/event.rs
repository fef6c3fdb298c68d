//! What guests told, as shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{TimeView, handoff_status, report_way};
use crate::observed::{GuestEvent, GuestEventKind, InstalledPackage};

/// Something that the guest told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// When we heard it.
    pub at: TimeView,
    /// `kickstart-fetched`, `stage`, `failed`, `first-boot`, `packages`, `updated`, `handoff`.
    pub kind: String,
    /// The particulars in a few words.
    pub detail: String,
}

impl EventView {
    /// The events of an attempt, oldest first. A list of packages after the first one tells what has changed since the one before.
    pub(super) fn all(events: &[GuestEvent]) -> Vec<Self> {
        let mut before: Option<&[InstalledPackage]> = None;
        let mut views = Vec::with_capacity(events.len());
        for event in events {
            let (kind, detail) = match &event.kind {
                GuestEventKind::KickstartFetched => ("kickstart-fetched", String::new()),
                GuestEventKind::Stage(stage) => ("stage", stage.as_str().to_owned()),
                GuestEventKind::Failed { section, .. } => ("failed", section.clone()),
                GuestEventKind::FirstBoot { address } => ("first-boot", address.to_string()),
                GuestEventKind::Packages(packages) => match before.replace(packages) {
                    None => ("packages", packages.len().to_string()),
                    Some(before) => ("updated", changes(before, packages)),
                },
                GuestEventKind::Handoff { result, via } => {
                    ("handoff", format!("{}, {}", handoff_status(result.status), report_way(*via)))
                }
            };
            views.push(Self { at: event.at.into(), kind: kind.to_owned(), detail });
        }
        views
    }
}

/// What tells two lists of packages apart: `shop-web 1.0-1 → 1.1-1, htop 3-1 removed`.
fn changes(before: &[InstalledPackage], after: &[InstalledPackage]) -> String {
    type Versions<'a> = BTreeMap<(&'a str, &'a str), Vec<&'a InstalledPackage>>;
    fn versions(list: &[InstalledPackage]) -> Versions<'_> {
        let mut versions = Versions::new();
        for package in list {
            versions.entry((&package.name, &package.arch)).or_default().push(package);
        }
        versions
    }
    let (before, after) = (versions(before), versions(after));
    let said = |packages: Option<&Vec<&InstalledPackage>>| {
        packages.map(|packages| packages.iter().map(|package| package.evr.as_str()).collect::<Vec<_>>().join(", "))
    };
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name)).map(|key| {
        let name = key.0;
        match (said(before.get(key)), said(after.get(key))) {
            (Some(old), Some(new)) if old == new => format!("{name} {new} (other bytes)"),
            (Some(old), Some(new)) => format!("{name} {old} → {new}"),
            (Some(old), None) => format!("{name} {old} removed"),
            (None, Some(new)) => format!("{name} {new} added"),
            (None, None) => name.to_owned(),
        }
    });
    changed.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Timestamp;

    fn list(text: &str) -> Vec<InstalledPackage> {
        let package = |word: &str| {
            let (name, rest) = word.split_once('=').expect("NAME=EVR/HEADER");
            let (evr, header) = rest.split_once('/').unwrap_or((rest, "h"));
            let (arch, sha256_header) = ("noarch".to_owned(), Some(header.to_owned()));
            InstalledPackage { name: name.to_owned(), evr: evr.to_owned(), arch, sha256_header }
        };
        text.split_whitespace().map(package).collect()
    }

    #[test]
    fn a_list_of_packages_tells_what_has_changed_since_the_one_before() {
        let table = [
            ("app=1-1 lib=2-1", "2"),
            ("app=1-2 lib=2-1", "app 1-1 → 1-2"),
            ("app=1-2/other", "app 1-2 (other bytes), lib 2-1 removed"),
            ("app=1-2/other app=1-3 new=1-1", "app 1-2 → 1-2, 1-3, new 1-1 added"),
        ];
        let event = |(at, (text, _)): (usize, &(&str, &str))| GuestEvent {
            at: Timestamp(at as u64),
            attempt: 1,
            kind: GuestEventKind::Packages(list(text)),
        };
        let views = EventView::all(&table.iter().enumerate().map(event).collect::<Vec<_>>());
        let said: Vec<&str> = views.iter().map(|view| view.detail.as_str()).collect();
        assert_eq!(said, table.map(|(_, words)| words));
        let kinds: Vec<&str> = views.iter().map(|view| view.kind.as_str()).collect();
        assert_eq!(kinds, ["packages", "updated", "updated", "updated"]);
    }
}
