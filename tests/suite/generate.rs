//! Sites and hypervisors at random, for property tests.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use rekindle::observed::DomainState;
use rekindle::spec::{Address4, CheckKind, CheckSpec, Deadlines, DomainType, Spec, VmSpec};
use rekindle::world::sim::SimHypervisor;
use rekindle_tests::site::{disk, puppet, site, tcp_check, vm};
use uuid::Uuid;

/// The directory of the site's pool.
pub(crate) const POOL_DIRECTORY: &str = "/var/lib/rekindle/pool";

/// One to five VMs with and without kept and other disks, Puppet, checks and fixed addresses.
pub(crate) fn any_site() -> impl Strategy<Value = Spec> {
    let vms = vec(any_vm(), 1..=5);
    (vms, 1..=4_u32, option::of(prop_oneof![Just(DomainType::Kvm), Just(DomainType::Qemu)])).prop_map(
        |(vms, parallel, domain_type)| {
            let vms = vms.into_iter().enumerate().map(|(number, shape)| shape.build(number));
            let mut spec = site(vms);
            for hypervisor in spec.hypervisors.values_mut() {
                hypervisor.parallel_installs = parallel;
                hypervisor.domain_type = domain_type;
            }
            spec
        },
    )
}

/// What varies from VM to VM.
#[derive(Debug, Clone)]
struct VmShape {
    /// Kept disk, scratch disk, Puppet, fixed address.
    with: [bool; 4],
    checks: u8,
    memory_mib: u64,
}

fn any_vm() -> impl Strategy<Value = VmShape> {
    (any::<[bool; 4]>(), 0..=2_u8, 1..=4_u64).prop_map(|(with, checks, gib)| VmShape { with, checks, memory_mib: gib << 10 })
}

impl VmShape {
    fn build(self, number: usize) -> VmSpec {
        let [kept, scratch, with_puppet, fixed] = self.with;
        let mut vm = vm(&format!("web{number}"));
        vm.memory_mib = self.memory_mib;
        if kept {
            vm.disks.push(disk("data", true));
        }
        if scratch {
            vm.disks.push(disk("scratch", false));
        }
        vm.puppet = with_puppet.then(puppet);
        let command = CheckKind::Command { argv: vec!["/bin/true".to_owned()] };
        vm.checks =
            vec![tcp_check("http", 80), CheckSpec { name: "command".to_owned(), kind: command, timeout: Duration::from_secs(2) }];
        vm.checks.truncate(self.checks.into());
        if fixed {
            vm.nics[0].v4 = Address4::Static([10, 90, 0, 10 + number as u8].into());
        }
        // Short, so that a guest that hangs costs a property test few turns.
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        vm.deadlines = Deadlines {
            kickstart: minutes(1),
            install: minutes(2),
            first_boot: minutes(1),
            handoff: minutes(1),
            checks: minutes(1),
        };
        vm.attempts = 8;
        vm
    }
}

/// Something on the hypervisor before Rekindle comes.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// A domain of somebody else, running or not, with a disk in the site's pool.
    Domain { number: u8, running: bool, memory_mib: u64 },
    /// A network of somebody else.
    Network { number: u8 },
    /// A pool of somebody else.
    Pool { number: u8 },
    /// A file of somebody else in the site's pool directory.
    Volume { number: u8 },
    /// The kept disk of a VM of the site, from a former life.
    KeptData { vm: u8 },
}

/// What a hypervisor may hold before.
pub(crate) fn any_found() -> impl Strategy<Value = Vec<Found>> {
    let one = prop_oneof![
        (0..4_u8, any::<bool>(), 128..2048_u64).prop_map(|(number, running, memory_mib)| Found::Domain {
            number,
            running,
            memory_mib
        }),
        (0..3_u8).prop_map(|number| Found::Network { number }),
        (0..3_u8).prop_map(|number| Found::Pool { number }),
        (0..4_u8).prop_map(|number| Found::Volume { number }),
        (0..5_u8).prop_map(|vm| Found::KeptData { vm }),
    ];
    vec(one, 0..6)
}

impl Found {
    /// Puts it there.
    pub(crate) fn add_to(&self, sim: &SimHypervisor) {
        match self {
            Self::Domain { number, running, memory_mib } => {
                let state = if *running { DomainState::Running } else { DomainState::ShutOff };
                let volume = format!("theirs{number}.qcow2");
                sim.add_foreign_volume(POOL_DIRECTORY.into(), &volume, 5 << 30);
                let volumes = [("default", volume.as_str())];
                let uuid = Uuid::from_u128(1000 + u128::from(*number));
                sim.add_foreign_domain(&format!("theirs{number}"), uuid, state, *memory_mib, &volumes);
            }
            Self::Network { number } => sim.add_foreign_network(&format!("theirs{number}")),
            Self::Pool { number } => {
                sim.add_foreign_pool(&format!("theirs{number}"), format!("/srv/theirs{number}").as_str().into());
            }
            Self::Volume { number } => sim.add_foreign_volume(POOL_DIRECTORY.into(), &format!("iso{number}.img"), 1 << 30),
            Self::KeptData { vm } => {
                sim.add_foreign_volume(POOL_DIRECTORY.into(), &format!("web{vm}-data.qcow2"), 10 << 30);
            }
        }
    }
}
