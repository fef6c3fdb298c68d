//! Runs a VM's health checks and puts the results on the board.

use std::net::IpAddr;
use std::sync::Arc;

use uuid::Uuid;

use super::{Context, StepFault};
use crate::observed::{CheckResult, GuestEventKind};
use crate::spec::{CheckKind, CheckSpec, VmName, VmSpec};

pub(super) async fn run(cx: &Context, name: &VmName, uuid: Uuid) -> Result<(), StepFault> {
    let Some(vm) = cx.spec.vms.get(name) else {
        return Err(StepFault::GoneFromSite { what: "VM", name: name.to_string() });
    };
    let address = address(cx, vm, uuid).await?;
    let mut running = tokio::task::JoinSet::new();
    for check in &vm.checks {
        let (cx, vm, check) = (cx.clone(), vm.clone(), check.clone());
        running.spawn(async move {
            match &check.kind {
                CheckKind::Command { argv } => in_guest(&cx, &vm, uuid, &check, argv).await,
                CheckKind::Http { .. } | CheckKind::Tcp { .. } => from_here(&cx, vm, check, address).await,
            }
        });
    }
    while let Some(result) = running.join_next().await {
        cx.world.board.checked(name, result.map_err(|e| StepFault::Aborted(e.to_string()))?);
    }
    Ok(())
}

/// The fixed address of the site, else the one it called from, else what libvirt knows.
async fn address(cx: &Context, vm: &VmSpec, uuid: Uuid) -> Result<Option<IpAddr>, StepFault> {
    if let Some(address) = vm.nics.iter().find_map(crate::spec::NicSpec::static_address) {
        return Ok(Some(address));
    }
    if let Some(record) = cx.world.store.record(&vm.name)? {
        let events = cx.world.store.events(&vm.name, record.attempt)?;
        let called = events.iter().rev().find_map(|event| match event.kind {
            GuestEventKind::FirstBoot { address } => Some(address),
            _ => None,
        });
        if called.is_some() {
            return Ok(called);
        }
    }
    Ok(cx.world.hypervisor.addresses(&vm.name, uuid).await.unwrap_or_default().first().copied())
}

async fn from_here(cx: &Context, vm: VmSpec, check: CheckSpec, address: Option<IpAddr>) -> CheckResult {
    let runner = Arc::clone(&cx.world.checks);
    let name = check.name.clone();
    let result = tokio::task::spawn_blocking(move || runner.run(&vm, &check, address)).await;
    result.unwrap_or_else(|error| CheckResult {
        name,
        failure: Some(format!("the check could not be run: {error}")),
        at: cx.world.clock.now(),
        took: std::time::Duration::ZERO,
    })
}

async fn in_guest(cx: &Context, vm: &VmSpec, uuid: Uuid, check: &CheckSpec, argv: &[String]) -> CheckResult {
    let began = cx.world.clock.now();
    let failure = match cx.world.hypervisor.guest_exec(&vm.name, uuid, argv, check.timeout).await {
        Ok(exit) if exit.status == 0 => None,
        Ok(exit) => {
            let said = exit.output.lines().last().map(crate::observed::clean_line).unwrap_or_default();
            Some(format!("`{}` ended with {}{}{said}", argv.join(" "), exit.status, if said.is_empty() { "" } else { ": " }))
        }
        Err(error) => Some(error.to_string()),
    };
    let at = cx.world.clock.now();
    CheckResult { name: check.name.clone(), failure, at, took: at.since(began) }
}
