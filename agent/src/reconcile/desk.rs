//! The install desk: what guests may ask and tell, by their token.
//!
//! `serve::install` calls it for each request of a guest. It only reads the store and adds events; what follows from an event
//! is decided at the next pass, which it wakes.

use std::net::IpAddr;
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use camino::Utf8PathBuf;
use tokio::sync::Notify;

use crate::observed::{GuestEvent, GuestEventKind, HandoffResult, HandoffStatus, Phase, ReportVia, VmRecord};
use crate::spec::{Address4, Address6, HypervisorName, MacAddr, NetworkSpec, NicSpec, Spec, VmName};
use crate::world::repo::Repository;
use crate::world::{Clock, RunNoted, Store};

/// A guest is turned away. The listener answers 404 without detail; the log has the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No current attempt has this token.
    #[error("unknown install token")]
    UnknownToken,
    /// The token is known, but what is asked does not belong to the phase that its VM is in.
    #[error("VM `{vm}` is {phase}: {what} is not expected", phase = phase.as_str())]
    OutOfPhase {
        /// The VM.
        vm: VmName,
        /// Its phase.
        phase: Phase,
        /// What was asked or told.
        what: &'static str,
    },
    /// The attempt that the token was for has ended: its VM is ready, has failed or is being removed.
    #[error("the install token of VM `{vm}` has ended with its attempt")]
    Ended {
        /// The VM.
        vm: VmName,
    },
    /// The MAC that the installer sent is not one of this VM's.
    #[error("the token of VM `{vm}` was used from another machine")]
    WrongMac {
        /// The VM.
        vm: VmName,
    },
    /// More was told than is kept.
    #[error("VM `{vm}` has told too much")]
    TooMuch {
        /// The VM.
        vm: VmName,
    },
    /// The store failed; the listener answers 503, the guest tries again.
    #[error("{0}")]
    Unavailable(String),
}

/// A directory that the install listener offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticRoot {
    /// First part of the URL path, such as `os/alma9` or `repo/dev/app`.
    pub prefix: String,
    /// The directory.
    pub directory: Utf8PathBuf,
}

/// Makes the Puppet archive of a VM; `reconcile` fills it in.
pub(crate) type PuppetArchive = dyn Fn(&Spec, &VmName) -> Result<Bytes, String> + Send + Sync;

/// The install desk.
pub struct InstallDesk {
    pub(super) store: Arc<Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) spec: RwLock<Arc<Spec>>,
    pub(super) wake: Arc<Notify>,
    pub(super) puppet: Box<PuppetArchive>,
    /// The hypervisor that it is for.
    pub(super) hypervisor: HypervisorName,
    /// Where the agent keeps its state.
    pub(super) state_dir: Utf8PathBuf,
    /// The site's own repository.
    pub(super) repository: Utf8PathBuf,
}

impl InstallDesk {
    /// The kickstart of the VM that `token` belongs to. `macs` are those that the installer sent (`inst.ks.sendmac`); none of
    /// them is accepted as "not sent", for tools that people use by hand.
    pub fn kickstart(&self, token: &str, macs: &[MacAddr]) -> Result<String, Denied> {
        let record = self.record(token)?;
        if record.phase != Phase::Installing && record.phase != Phase::Preparing {
            return Err(Denied::OutOfPhase { vm: record.vm, phase: record.phase, what: "a request for the kickstart" });
        }
        let spec = self.spec();
        if let Some(vm) = spec.vms.get(&record.vm)
            && !macs.is_empty()
            && !vm.nics.iter().any(|nic| macs.contains(&nic.mac))
        {
            return Err(Denied::WrongMac { vm: record.vm });
        }
        let text = self.store.kickstart(&record.vm, record.attempt).map_err(unavailable)?;
        let text = text.ok_or(Denied::UnknownToken)?;
        self.add(&record, GuestEventKind::KickstartFetched)?;
        Ok(text)
    }

    /// The VM that `token` belongs to; for requests with a body that is only read for those who are known.
    pub fn knows(&self, token: &str) -> Result<VmName, Denied> {
        Ok(self.record(token)?.vm)
    }

    /// The VM that `token` belongs to, for its Puppet report. Where the server has forwarded the same one, the attempt may have
    /// ended with it: then the guest is told that nobody waits for it any more.
    pub fn awaits_report(&self, token: &str) -> Result<VmName, Denied> {
        let record = self.known(token)?;
        if has_ended(record.phase) { Err(Denied::Ended { vm: record.vm }) } else { Ok(record.vm) }
    }

    /// Keeps what a VM's Puppet report (YAML) amounts to. One that cannot be read, or is another machine's, is a failed handoff
    /// that says so: the guest would only send the same again.
    pub fn report(&self, token: &str, yaml: &[u8]) -> Result<VmName, Denied> {
        let vm = self.awaits_report(token)?;
        let record = self.record(token)?;
        // A VM that has left the site has nothing to be handed to.
        let certname = self.spec().vms.get(&vm).map(|spec| spec.fqdn.clone()).ok_or(Denied::UnknownToken)?;
        match crate::world::puppet::read_report(yaml, &certname) {
            Ok(mut report) => {
                // A clock that is ahead must not make later reports look old.
                report.began = report.began.filter(|began| *began <= self.clock.now());
                let handoff = GuestEventKind::Handoff { result: report.result.clone(), via: ReportVia::Guest };
                expected(&record, &handoff)?;
                match self.keep_run(&record, &report, ReportVia::Guest).map_err(unavailable)? {
                    RunNoted::New | RunNoted::Known => Ok(vm),
                    RunNoted::TooMuch => Err(Denied::TooMuch { vm }),
                }
            }
            Err(error) => {
                let failures = vec![error.to_string()];
                let result = HandoffResult { status: HandoffStatus::Failed, time: String::new(), failures, resources: (0, 0) };
                self.tell(token, GuestEventKind::Handoff { result, via: ReportVia::Guest })
            }
        }
    }

    /// Keeps what a guest tells. Told twice, it is kept twice: only the first counts where that matters.
    pub fn tell(&self, token: &str, kind: GuestEventKind) -> Result<VmName, Denied> {
        let record = self.record(token)?;
        expected(&record, &kind)?;
        self.add(&record, kind)?;
        Ok(record.vm)
    }

    /// The archive with the site's Puppet code and this VM's data (`.tar.gz`).
    pub fn puppet_archive(&self, token: &str) -> Result<Bytes, Denied> {
        let record = self.record(token)?;
        (self.puppet)(&self.spec(), &record.vm).map_err(Denied::Unavailable)
    }

    /// The directories to offer now.
    pub fn static_roots(&self) -> Vec<StaticRoot> {
        use crate::spec::{RepoLocation, TreeLocation};
        let spec = self.spec();
        let trees = spec.oses.values().filter_map(|os| match &os.tree {
            TreeLocation::Directory(directory) => {
                Some(StaticRoot { prefix: format!("os/{}", os.name), directory: directory.clone() })
            }
            TreeLocation::Url(_) => None,
        });
        let of_stages = spec.stages.values().map(|stage| (stage.name.as_str(), Some(&stage.name), &stage.repos));
        let of_oses = spec.oses.values().map(|os| (os.name.as_str(), None, &os.repos));
        let repos = of_stages.chain(of_oses).flat_map(|(owner, stage, repos)| {
            repos.iter().filter_map(move |repo| {
                let directory = match &repo.location {
                    RepoLocation::Directory(directory) => directory.clone(),
                    RepoLocation::Own => Repository::served_directory(&self.repository, stage?),
                    RepoLocation::Url(_) | RepoLocation::Snapshot(_) => return None,
                };
                Some(StaticRoot { prefix: format!("repo/{owner}/{}", repo.name), directory })
            })
        });
        // The links of the stages lead to the snapshots beside them, so it is the directory of both.
        let snapshots = spec.oses.values().filter_map(|os| {
            let directory = os.snapshots.as_ref()?.directory.clone();
            Some(StaticRoot { prefix: format!("snapshot/{}", os.name), directory })
        });
        trees.chain(repos).chain(snapshots).collect()
    }

    /// Whether a peer may talk to the install listener at all: its address is in a network of the site, or on this host. Where
    /// guests get addresses by DHCP on a network whose range the site does not know, every address may be theirs.
    pub fn admits(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        let spec = self.spec();
        let in_range = |network: &NetworkSpec| match peer {
            IpAddr::V4(four) => network.v4.is_some_and(|range| range.contains(four)),
            IpAddr::V6(six) => network.v6.is_some_and(|range| range.contains(six)) || six.is_unicast_link_local(),
        };
        let unknown = |nic: &NicSpec| {
            spec.networks.get(&nic.network).is_some_and(|network| match peer {
                IpAddr::V4(_) => network.v4.is_none() && nic.v4 == Address4::Dhcp,
                IpAddr::V6(_) => network.v6.is_none() && matches!(nic.v6, Address6::Auto | Address6::Dhcp),
            })
        };
        peer.is_loopback() || spec.networks.values().any(in_range) || spec.vms.values().flat_map(|vm| &vm.nics).any(unknown)
    }

    pub(super) fn spec(&self) -> Arc<Spec> {
        Arc::clone(&self.spec.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn record(&self, token: &str) -> Result<VmRecord, Denied> {
        let record = self.known(token)?;
        if has_ended(record.phase) { Err(Denied::UnknownToken) } else { Ok(record) }
    }

    /// The same for a token whose attempt has ended, too.
    fn known(&self, token: &str) -> Result<VmRecord, Denied> {
        // 128 random bits and a rate limit: nothing is gained from how long an index look-up takes.
        self.store.record_by_token(token).map_err(unavailable)?.ok_or(Denied::UnknownToken)
    }

    fn add(&self, record: &VmRecord, kind: GuestEventKind) -> Result<(), Denied> {
        let event = GuestEvent { at: self.clock.now(), attempt: record.attempt, kind };
        let kept = self.store.add_event(&record.vm, &event).map_err(unavailable)?;
        self.wake.notify_one();
        if kept { Ok(()) } else { Err(Denied::TooMuch { vm: record.vm.clone() }) }
    }
}

/// The install token is of no more use in this phase.
fn has_ended(phase: Phase) -> bool {
    matches!(phase, Phase::Ready | Phase::Failed | Phase::Retiring)
}

/// Whether what a guest tells belongs to the phase that its VM is in.
fn expected(record: &VmRecord, kind: &GuestEventKind) -> Result<(), Denied> {
    let installing = matches!(record.phase, Phase::Preparing | Phase::Installing | Phase::Installed);
    // The guest can be quicker than the pass that notes its boot from disk.
    let booted = record.phase == Phase::Installed || !installing;
    let (fits, what) = match kind {
        GuestEventKind::KickstartFetched => (installing, "a request for the kickstart"),
        GuestEventKind::Stage(_) => (installing, "an install stage"),
        GuestEventKind::Failed { section, .. } if section == "first-boot" => (booted, "a failure at first boot"),
        GuestEventKind::Failed { .. } => (installing, "a failure of the install"),
        GuestEventKind::FirstBoot { .. } => (booted, "the first boot"),
        GuestEventKind::Packages(_) => (booted, "installed packages"),
        GuestEventKind::Handoff { .. } => (booted, "a Puppet report"),
    };
    if fits { Ok(()) } else { Err(Denied::OutOfPhase { vm: record.vm.clone(), phase: record.phase, what }) }
}

pub(super) fn unavailable(error: crate::world::StoreError) -> Denied {
    Denied::Unavailable(error.to_string())
}
