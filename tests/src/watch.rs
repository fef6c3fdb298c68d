//! Watches a simulated host for what must never happen, turn by turn, whatever the agent is in the middle of.

use std::collections::{BTreeMap, BTreeSet};

use rekindle::spec::{Boot, Spec, VmName, VolumeSpec};
use rekindle::world::sim::{Definition, SimDomain, SimHypervisor, SimNetwork, SimPool, SimState, SimVolume};

/// Path and file name of a volume.
type VolumeKey = (String, String);

/// What is not ours, and what of ours must survive.
pub struct Watch {
    spec: Spec,
    domains: BTreeMap<String, SimDomain>,
    networks: BTreeMap<String, SimNetwork>,
    pools: BTreeMap<String, SimPool>,
    volumes: BTreeMap<VolumeKey, SimVolume>,
    kept: BTreeMap<VolumeKey, SimVolume>,
}

impl Watch {
    /// Takes down everything that is on `sim` before the agent comes.
    pub fn new(spec: &Spec, sim: &SimHypervisor) -> Self {
        let state = sim.state();
        let volumes = volumes(&state);
        Self {
            spec: spec.clone(),
            domains: state.domains,
            networks: state.networks,
            pools: state.pools,
            kept: volumes.iter().filter(|(key, _)| is_kept(spec, key)).map(|(k, v)| (k.clone(), v.clone())).collect(),
            volumes,
        }
    }

    /// Forgets the kept volumes: their loss was not the agent's doing.
    pub fn forget_kept(&mut self) {
        self.kept.clear();
    }

    /// Looks.
    ///
    /// # Panics
    /// When something of others has changed, a kept volume has been lost, re-created or formatted again, more installs run than
    /// the site allows, or a domain of ours has a name that no VM has.
    pub fn look(&mut self, sim: &SimHypervisor) {
        let state = sim.state();
        for (name, domain) in &self.domains {
            assert_eq!(state.domains.get(name), Some(domain), "the foreign domain `{name}` was touched");
        }
        for (name, network) in &self.networks {
            assert_eq!(state.networks.get(name), Some(network), "the foreign network `{name}` was touched");
        }
        for (name, pool) in &self.pools {
            assert_eq!(state.pools.get(name), Some(pool), "the foreign pool `{name}` was touched");
        }
        let now = volumes(&state);
        for (key, volume) in &self.volumes {
            assert_eq!(now.get(key), Some(volume), "the volume {key:?} was there before and was touched");
        }
        for (key, volume) in &self.kept {
            let found = now.get(key).unwrap_or_else(|| panic!("the kept volume {key:?} is gone"));
            assert_eq!(found.serial, volume.serial, "the kept volume {key:?} was made anew");
        }
        for (key, volume) in &now {
            if is_kept(&self.spec, key) {
                let before = self.kept.insert(key.clone(), volume.clone());
                let was_blank = before.is_none_or(|before| before.content == rekindle::world::sim::Content::Blank);
                assert!(was_blank || self.kept[key].content == volume.content, "the kept volume {key:?} was formatted again");
            }
        }
        self.look_at_domains(&state);
    }

    fn look_at_domains(&self, state: &SimState) {
        let ours = || state.domains.values().filter_map(|domain| Some((domain, domain.ours()?)));
        for (_, spec) in ours() {
            assert!(self.spec.vms.contains_key(&spec.name), "the domain `{}` belongs to no VM", spec.name);
        }
        let installs = ours().filter(|(domain, spec)| domain.is_active() && spec.boot != Boot::Disk).count();
        let most = self.spec.hypervisors.values().map(|hypervisor| hypervisor.parallel_installs as usize).sum();
        assert!(installs <= most, "{installs} installs run at once, {most} may");
    }

    /// Looks when all is done: exactly one running domain for each VM, exactly its volumes, and nothing else but what was there.
    ///
    /// # Panics
    /// When it is not so.
    pub fn look_at_end(&mut self, sim: &SimHypervisor) {
        self.look(sim);
        let state = sim.state();
        let expected: BTreeSet<&str> =
            self.spec.vms.keys().map(VmName::as_str).chain(self.domains.keys().map(String::as_str)).collect();
        let found: BTreeSet<&str> = state.domains.keys().map(String::as_str).collect();
        assert_eq!(found, expected, "domains");
        for domain in state.domains.values().filter(|domain| matches!(domain.definition, Definition::Ours(_))) {
            assert!(domain.is_active() && domain.ours().is_some_and(|spec| spec.boot == Boot::Disk), "{domain:?}");
        }
        let pool_path = |volume: &VolumeSpec| {
            let pools = self.spec.hypervisors.values().flat_map(|hypervisor| &hypervisor.pools);
            pools.into_iter().find(|pool| pool.name == volume.pool).map(|pool| pool.path.to_string()).unwrap_or_default()
        };
        let wanted = self.spec.vms.values().flat_map(|vm| vm.disks.iter().map(|disk| VolumeSpec::of(&vm.name, disk)));
        let wanted = wanted.map(|volume| (pool_path(&volume), volume.name));
        let expected: BTreeSet<VolumeKey> = wanted.chain(self.volumes.keys().cloned()).collect();
        let found: BTreeSet<VolumeKey> = volumes(&state).into_keys().collect();
        assert_eq!(found, expected, "volumes");
    }
}

fn volumes(state: &SimState) -> BTreeMap<VolumeKey, SimVolume> {
    let all = state.directories.iter().flat_map(|(path, directory)| {
        directory.volumes.iter().map(move |(name, volume)| ((path.to_string(), name.clone()), volume.clone()))
    });
    all.collect()
}

fn is_kept(spec: &Spec, (path, file): &VolumeKey) -> bool {
    let in_pool = spec.hypervisors.values().flat_map(|hypervisor| &hypervisor.pools).any(|pool| pool.path.as_str() == path);
    let kept = spec.vms.values().flat_map(|vm| vm.disks.iter().map(|disk| VolumeSpec::of(&vm.name, disk)));
    in_pool && kept.into_iter().any(|volume| volume.keep && volume.name == *file)
}
