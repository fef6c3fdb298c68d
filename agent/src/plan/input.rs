//! What the planner is given.

use std::collections::BTreeSet;
use std::time::Duration;

use camino::Utf8PathBuf;

use crate::observed::{Observed, Subject};
use crate::spec::{HypervisorName, Spec, Timestamp};

/// The agent's own choices.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Where the install listener listens.
    pub install_port: u16,
    /// Where logs of VMs go: `{state_dir}/vms/VM/attempt-N/`.
    pub state_dir: Utf8PathBuf,
    /// Installs at once, where the settings override the site.
    pub parallel_installs: Option<u32>,
    /// How often the checks of a `Ready` VM run.
    pub check_interval: Duration,
    /// How often the checks of a VM that is to become `Ready` run.
    pub verify_interval: Duration,
    /// How long boot files may be out of reach before an attempt fails of it.
    pub prepare_deadline: Duration,
    /// Sum of volume capacities over pool capacity that is still admitted, in percent. qcow2 volumes grow as they are used.
    pub disk_overcommit_percent: u64,
    /// How often the Puppet CA is asked about a VM that enrols.
    pub ca_interval: Duration,
    /// How long a request of a VM that enrols may stay unsigned until it is deleted, so that the VM can make another.
    pub ca_stuck_request: Duration,
    /// How long a name that the CA would not free is left alone.
    pub ca_retry: Duration,
    /// How long the report of a VM that enrols is awaited until PuppetDB is asked for it.
    pub puppetdb_after: Duration,
    /// How often it is asked then.
    pub puppetdb_interval: Duration,
    /// How long nothing may be heard of a VM that is ready until PuppetDB is asked. Puppet runs every half hour by default.
    pub puppetdb_quiet: Duration,
}

impl Policy {
    /// The defaults, with logs under `state_dir`.
    pub fn new(state_dir: Utf8PathBuf, install_port: u16) -> Self {
        Self {
            install_port,
            state_dir,
            parallel_installs: None,
            check_interval: Duration::from_secs(60),
            verify_interval: Duration::from_secs(2),
            prepare_deadline: Duration::from_secs(600),
            disk_overcommit_percent: 200,
            ca_interval: Duration::from_secs(10),
            ca_stuck_request: Duration::from_secs(20),
            ca_retry: Duration::from_secs(30),
            puppetdb_after: Duration::from_secs(90),
            puppetdb_interval: Duration::from_secs(30),
            puppetdb_quiet: Duration::from_mins(40),
        }
    }
}

/// Everything a plan is a function of.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// What should be.
    pub spec: &'a Spec,
    /// The hypervisor this plan is for.
    pub hypervisor: &'a HypervisorName,
    /// What is.
    pub observed: &'a Observed,
    /// Subjects on which work is under way: they are left alone, but count for admission.
    pub busy: &'a BTreeSet<Subject>,
    /// The agent's choices.
    pub policy: &'a Policy,
    /// The time.
    pub now: Timestamp,
    /// 256 random bits, fresh for each plan: install tokens come from them.
    pub seed: &'a [u8; 32],
}
