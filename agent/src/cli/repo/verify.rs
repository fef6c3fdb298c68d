//! `rekindle repo verify`: the same bytes everywhere, or where not.

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::screen::one_line;
use crate::exit::Exit;
use crate::world::repo::{Finding, Proof};

use super::common::{Purpose, failed, open};
use super::vms::{self, Installed};

/// A package and everywhere it was looked for.
#[derive(Debug, Serialize)]
struct PackageReport {
    package: String,
    sha256: String,
    sha256_header: String,
    size: u64,
    signed_by: String,
    same: bool,
    places: Vec<Place>,
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
    let opened = open(context, Purpose::Read, json)?;
    let observed = opened.repository.observe().map_err(failed)?;
    let installed = vms::installed(context, &opened.spec)?;
    let verified = opened
        .repository
        .verify(&observed, |package| wanted.is_empty() || wanted.iter().any(|name| package.nevra.is_named(name)))
        .map_err(failed)?;
    let proofs = &verified.proofs;
    if let Some(name) = wanted.iter().find(|name| !proofs.iter().any(|proof| proof.package.nevra.is_named(name))) {
        return Err(CliError::usage(anyhow::anyhow!("there is no package `{name}` in the repository"))
            .help("`rekindle repo status` lists what there is"));
    }
    let reports: Vec<PackageReport> = proofs.iter().map(|proof| report(proof, &installed)).collect();
    let good = reports.iter().filter(|report| report.same).count();
    let signatures: Vec<Place> =
        verified.signatures.iter().map(|(stage, finding)| Place::new(format!("{stage}: repomd.xml.asc"), finding)).collect();
    let signed = signatures.iter().all(|place| place.same);
    let exit = if good == reports.len() && signed { Exit::Ok } else { Exit::No };
    if json {
        context
            .screen
            .print_json(&serde_json::json!({ "ok": exit == Exit::Ok, "signatures": signatures, "packages": reports }))?;
        return Ok(exit);
    }
    let paint = context.screen.out();
    let in_full = !wanted.is_empty();
    for report in reports.iter().filter(|report| in_full || !report.same) {
        context.screen.print(&format!(
            "{}\n  sha256 {}\n  header {}\n  signed by key {}, {} bytes\n",
            paint.bold(&report.package),
            report.sha256,
            report.sha256_header,
            report.signed_by,
            report.size
        ))?;
        for place in &report.places {
            tell(context, "same", "DIFFERS", place)?;
        }
    }
    for place in signatures.iter().filter(|place| in_full || !place.same) {
        tell(context, "good", "BAD", place)?;
    }
    context.screen.print(&format!("{good} of {} package(s) are the same everywhere\n", reports.len()))?;
    Ok(exit)
}

/// A line about a place: the word for what it is, and why.
fn tell(context: &Context, good: &str, bad: &str, place: &Place) -> Result<(), CliError> {
    let paint = context.screen.out();
    let word = if place.same { paint.green(good) } else { paint.red(bad) };
    let detail = if place.detail.is_empty() { String::new() } else { format!(": {}", one_line(&place.detail)) };
    Ok(context.screen.print(&format!("  {word}  {}{detail}\n", place.name))?)
}

fn report(proof: &Proof, installed: &[Installed]) -> PackageReport {
    let package = &proof.package;
    let mut places = vec![Place::new("pool".to_owned(), &proof.pool)];
    for (stage, repodata, disk) in &proof.stages {
        places.push(Place::new(format!("{stage}: repodata"), repodata));
        places.push(Place::new(format!("{stage}: disk"), disk));
    }
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
        sha256: package.digest.to_string(),
        sha256_header: package.header.clone(),
        size: package.size,
        signed_by: package.signer.clone(),
        same: places.iter().all(|place| place.same),
        places,
    }
}
