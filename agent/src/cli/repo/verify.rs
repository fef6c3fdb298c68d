//! `rekindle repo verify`: the same bytes everywhere, or where not.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::screen::one_line;
use crate::exit::Exit;
use crate::observed::PoolPackage;
use crate::spec::{Digest, Nevra, StageName};
use crate::world::repo::{Finding, Proof};

use super::common::{Stages, failed, stages};
use super::others::{self, OtherStage};
use super::vms::Installed;

/// A package and everywhere it was looked for.
#[derive(Debug, Serialize)]
struct PackageReport {
    package: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// What the site's own repository knows of it besides.
    #[serde(flatten)]
    own: Option<OwnReport>,
    same: bool,
    places: Vec<Place>,
}

#[derive(Debug, Serialize)]
struct OwnReport {
    sha256_header: String,
    size: u64,
    signed_by: String,
}

#[derive(Debug, Serialize)]
struct Place {
    /// `pool`, `dev: repodata`, `dev: disk`, `VM web1`.
    #[serde(rename = "place")]
    name: String,
    same: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

impl Place {
    fn new(name: String, finding: &Finding) -> Self {
        let detail = match finding {
            Finding::Same => String::new(),
            Finding::Missing => "it is not there".to_owned(),
            Finding::Differs(detail) => detail.clone(),
        };
        Self { name, same: finding.is_same(), detail }
    }
}

pub(super) fn run(context: &Context, wanted: &[String], json: bool) -> Result<Exit, CliError> {
    let Stages { spec, repository, observed, installed } = stages(context, json)?;
    let others = others::look(&spec, &observed, &installed, wanted);
    let is_wanted = |package: &PoolPackage| wanted.is_empty() || wanted.iter().any(|name| package.nevra.is_named(name));
    let verified = repository.as_ref().map(|repository| repository.verify(&observed, is_wanted)).transpose().map_err(failed)?;
    let verified = verified.unwrap_or_default();
    let mut listed = listed(&others);
    let mut reports = Vec::new();
    let mut named: Vec<Nevra> = Vec::new();
    for proof in &verified.proofs {
        let elsewhere = listed.remove(&proof.package.nevra).unwrap_or_default();
        reports.push(report(proof, &elsewhere, &installed));
        named.push(proof.package.nevra.clone());
    }
    for (nevra, places) in listed {
        reports.push(report_of_others(&nevra, &places));
        named.push(nevra);
    }
    let unread = others::unread(&others);
    if !json {
        for (stage, why) in &unread {
            context.screen.note(&format!("stage {stage} could not be read: {}\n", one_line(why)));
        }
    }
    if let Some(name) = wanted.iter().find(|name| !named.iter().any(|nevra| nevra.is_named(name))) {
        return Err(CliError::usage(anyhow::anyhow!("there is no package `{name}` in the repository"))
            .help("`rekindle repo status` lists what there is"));
    }
    let good = reports.iter().filter(|report| report.same).count();
    let signatures: Vec<Place> =
        verified.signatures.iter().map(|(stage, finding)| Place::new(format!("{stage}: repomd.xml.asc"), finding)).collect();
    let signed = signatures.iter().all(|place| place.same);
    let exit = if good == reports.len() && signed && unread.is_empty() { Exit::Ok } else { Exit::No };
    if json {
        context.screen.print_json(
            &serde_json::json!({ "ok": exit == Exit::Ok, "signatures": signatures, "packages": reports, "unread": unread }),
        )?;
        return Ok(exit);
    }
    let paint = context.screen.out();
    let in_full = !wanted.is_empty();
    for report in reports.iter().filter(|report| in_full || !report.same) {
        context.screen.print(&format!("{}\n", paint.bold(&report.package)))?;
        if let Some(sha256) = &report.sha256 {
            context.screen.print(&format!("  sha256 {sha256}\n"))?;
        }
        if let Some(own) = &report.own {
            let (header, signer, size) = (&own.sha256_header, &own.signed_by, own.size);
            context.screen.print(&format!("  header {header}\n  signed by key {signer}, {size} bytes\n"))?;
        }
        for place in &report.places {
            tell(context, "same", "DIFFERS", place)?;
        }
    }
    for place in signatures.iter().filter(|place| in_full || !place.same) {
        tell(context, "good", "BAD", place)?;
    }
    let so_far = if unread.is_empty() { "" } else { " that could be read" };
    context.screen.print(&format!("{good} of {} package(s) are the same everywhere{so_far}\n", reports.len()))?;
    Ok(exit)
}

/// A line about a place: the word for what it is, and why.
fn tell(context: &Context, good: &str, bad: &str, place: &Place) -> Result<(), CliError> {
    let paint = context.screen.out();
    let word = if place.same { paint.green(good) } else { paint.red(bad) };
    let detail = if place.detail.is_empty() { String::new() } else { format!(": {}", one_line(&place.detail)) };
    Ok(context.screen.print(&format!("  {word}  {}{detail}\n", place.name))?)
}

/// What other stages list, by package: the stage, and the SHA-256 that it says.
type Listed<'a> = BTreeMap<Nevra, Vec<(&'a StageName, Option<&'a Digest>)>>;

fn listed<'a>(others: &'a [OtherStage<'_>]) -> Listed<'a> {
    let mut all = Listed::new();
    for stage in others {
        for package in &stage.packages {
            all.entry(package.nevra.clone()).or_default().push((stage.name, package.sha256.as_ref()));
        }
    }
    all
}

/// Whether another stage lists the bytes that are `expected`.
fn elsewhere(stage: &StageName, sha256: Option<&Digest>, expected: Option<&Digest>) -> Place {
    let finding = match sha256 {
        Some(sha256) if Some(sha256) == expected => Finding::Same,
        Some(sha256) => Finding::Differs(format!("its repository lists it with sha256 {sha256}")),
        None => Finding::Differs("its repository lists it without sha256, which proves nothing".to_owned()),
    };
    Place::new(format!("{stage}: repodata"), &finding)
}

/// A package that only others' repositories have: the same where all of them list the same bytes.
fn report_of_others(nevra: &Nevra, stages: &[(&StageName, Option<&Digest>)]) -> PackageReport {
    let expected = stages.iter().find_map(|(_, sha256)| *sha256);
    let places: Vec<Place> = stages.iter().map(|(stage, sha256)| elsewhere(stage, *sha256, expected)).collect();
    PackageReport {
        package: nevra.to_string(),
        sha256: expected.map(ToString::to_string),
        own: None,
        same: places.iter().all(|place| place.same),
        places,
    }
}

fn report(proof: &Proof, others: &[(&StageName, Option<&Digest>)], installed: &[Installed]) -> PackageReport {
    let package = &proof.package;
    let mut places = vec![Place::new("pool".to_owned(), &proof.pool)];
    for (stage, repodata, disk) in &proof.stages {
        places.push(Place::new(format!("{stage}: repodata"), repodata));
        places.push(Place::new(format!("{stage}: disk"), disk));
    }
    places.extend(others.iter().map(|(stage, sha256)| elsewhere(stage, *sha256, Some(&package.digest))));
    let (nevra, evr) = (&package.nevra, package.nevra.evr());
    // What a VM calls by the same name and version must be the same package.
    let here = installed.iter().filter(|one| {
        one.package.name == nevra.name() && one.package.arch == nevra.arch() && one.package.evr.trim_start_matches("0:") == evr
    });
    for one in here {
        let finding = match &one.package.sha256_header {
            Some(header) if *header == package.header => Finding::Same,
            Some(header) => Finding::Differs(format!("its rpm database has header {header}")),
            None => Finding::Differs("its rpm database has no digest of the header".to_owned()),
        };
        places.push(Place::new(format!("VM {}", one.vm), &finding));
    }
    PackageReport {
        package: nevra.to_string(),
        sha256: Some(package.digest.to_string()),
        own: Some(OwnReport { sha256_header: package.header.clone(), size: package.size, signed_by: package.signer.clone() }),
        same: places.iter().all(|place| place.same),
        places,
    }
}
