//! Asks PuppetDB as the plan says, and puts what it holds on the board.

use std::sync::Arc;

use super::{Context, StepFault};
use crate::observed::PuppetDbWord;
use crate::spec::{Fqdn, VmName};
use crate::world::Change;

/// One question for all of these VMs, each with its attempt and certname.
pub(super) async fn ask(cx: &Context, vms: Vec<(VmName, u32, Fqdn)>) -> Result<Change, StepFault> {
    let server = cx.spec.site.puppet.as_ref().and_then(|puppet| puppet.server.clone()).ok_or(StepFault::NoCa)?;
    let puppetdb = server.puppetdb.clone().ok_or(StepFault::NoPuppetDb)?;
    let archive = Arc::clone(&cx.world.puppetdb);
    // The time before the question: what is reported while it is under way may not be in the answer.
    let asked = cx.world.clock.now();
    let names: Vec<Fqdn> = vms.iter().map(|(_, _, certname)| certname.clone()).collect();
    let answer = tokio::task::spawn_blocking(move || archive.newest(&server, &puppetdb, &names)).await;
    let mut reports = answer.map_err(|error| StepFault::Aborted(error.to_string()))??;
    for (vm, attempt, certname) in vms {
        let report = reports.remove(&certname);
        cx.world.board.puppetdb_heard(&vm, PuppetDbWord { attempt, asked, report });
    }
    Ok(Change::Unchanged)
}
