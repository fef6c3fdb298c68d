//! Health checks of simulated VMs: they pass when the guest's services are up and no fault says otherwise.

use std::net::IpAddr;
use std::time::Duration;

use super::SimHypervisor;
use crate::observed::CheckResult;
use crate::spec::{CheckKind, CheckSpec, VmSpec};
use crate::world::CheckRunner;

impl CheckRunner for SimHypervisor {
    fn run(&self, vm: &VmSpec, check: &CheckSpec, address: Option<IpAddr>) -> CheckResult {
        let needs_address = !matches!(check.kind, CheckKind::Command { .. });
        let failure = if self.check_fails(&vm.name, &check.name) {
            Some("injected fault".to_owned())
        } else if needs_address && address.is_none() {
            Some("its address is not known".to_owned())
        } else if self.is_serving(&vm.name) {
            None
        } else {
            Some("connection refused".to_owned())
        };
        CheckResult { name: check.name.clone(), failure, at: self.now(), took: Duration::ZERO }
    }
}
