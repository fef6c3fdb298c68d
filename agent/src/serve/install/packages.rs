//! The packages that guests say they have.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response};

use super::{Guarded, Peer, read_all, status};
use crate::observed::{GuestEventKind, InstalledPackage};
use crate::reconcile::Denied;
use crate::serve::bearer::bearer;

/// Bytes of a list.
const PACKAGES: usize = 256 << 10;

/// With the install token, at the first boot.
pub(super) async fn at_first_boot(
    State(guests): Guarded,
    Extension(Peer(peer)): Extension<Peer>,
    Path(token): Path<String>,
    body: Body,
) -> Response<Body> {
    let kind = |bytes: Vec<u8>| GuestEventKind::Packages(parse_packages(&bytes));
    guests.hear(peer, token, "a list of packages", read_all(body, PACKAGES, guests.limits.body), kind).await
}

/// With the credential of the installed system, as often as it likes: what it has now.
pub(super) async fn later(
    State(guests): Guarded,
    Extension(Peer(peer)): Extension<Peer>,
    Path(vm): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let what = "the packages of an installed system";
    let Some(credential) = bearer(&headers).map(str::to_owned) else {
        return guests.denied(peer, what, &Denied::UnknownToken);
    };
    let (name, known) = (vm.clone(), credential.clone());
    if let Some(refused) = guests.too_often(peer) {
        return refused;
    }
    if let Err(refused) = guests.ask_desk(peer, what, move |desk| desk.knows_system(&name, &known)).await {
        return refused;
    }
    let packages = match read_all(body, PACKAGES, guests.limits.body).await {
        Ok(bytes) => parse_packages(&bytes),
        Err(refused) => return status(refused),
    };
    let told = guests.ask_desk(peer, what, move |desk| desk.report_packages(&vm, &credential, packages)).await;
    guests.told(told, what)
}

/// The lines that describe a package; `rpm -q` writes others too, such as "package x is not installed".
fn parse_packages(bytes: &[u8]) -> Vec<InstalledPackage> {
    let text = String::from_utf8_lossy(bytes);
    let word = |text: &str| {
        let fits = !text.is_empty() && text.len() <= 300 && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| text.to_owned())
    };
    let lines = text.lines().filter_map(|line| {
        let mut fields = line.split('\t').map(str::trim);
        let (name, evr, arch) = (word(fields.next()?)?, word(fields.next()?)?, word(fields.next()?)?);
        let header = fields.next().and_then(word).filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
        Some(InstalledPackage { name, evr, arch, sha256_header: header })
    });
    let mut packages: Vec<_> = lines.collect();
    packages.sort();
    packages.dedup();
    packages
}
