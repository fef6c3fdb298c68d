//! What planning and an idle pass cost, printed beside what is promised.
//!
//! `bench-sim [VMS_PLANNED [VMS_IDLE]]`, 10,000 and 1,000 unless said. Figures: a whole pass of the loop on the simulator
//! that finds nothing to do (look at everything, plan), the plan within it, the memory of all that, and planning a site of which
//! everything is to be made, and of which everything is ready.
//! The best of several runs counts, as the machine may have other work.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rekindle::observed::{
    CheckResult, DomainState, HypervisorState, InstallerLog, Observed, ObservedDomain, ObservedHost, ObservedPool, ObservedVm,
    Phase, VmRecord,
};
use rekindle::plan::{Action, Plan, PlanInput, Policy, domain_spec, plan};
use rekindle::reconcile::Until;
use rekindle::spec::{Boot, CheckSpec, Deadlines, DomainType, NetworkKind, Spec, Timestamp, Token, VmSpec};
use rekindle::world::sim::{GuestLogs, SimConfig};
use rekindle_tests::simhost::SimHost;
use rekindle_tests::site::{disk, name, site, tcp_check, vm};

/// As the issue promises: a plan for 10,000 VMs.
const PROMISED_PLAN: Duration = Duration::from_millis(200);
/// As the issue promises: a pass with nothing to do over 1,000 VMs.
const PROMISED_PASS: Duration = Duration::from_millis(50);
/// As the issue promises: the agent's memory with 1,000 VMs, in MiB.
const PROMISED_MIB: f64 = 64.0;
/// As the issue promises: of a core, by an idle agent with 1,000 VMs.
const PROMISED_CPU_PERCENT: f64 = 0.5;
/// How long the idle agent is watched: several rounds of checks.
const IDLE: Duration = Duration::from_secs(120);
const NOW: Timestamp = Timestamp(1_767_225_600_000);
const ROUNDS: usize = 10;

fn fleet(vms: usize) -> Spec {
    let vms = (0..vms).map(|number| {
        let mut vm = vm(&format!("vm{number:05}"));
        vm.disks.push(disk("data", true));
        vm.checks = vec![tcp_check("http", 80), tcp_check("admin", 8081)];
        vm.deadlines = Deadlines::default();
        vm
    });
    let mut spec = site(vms);
    for hypervisor in spec.hypervisors.values_mut() {
        hypervisor.parallel_installs = u32::MAX;
        hypervisor.reserve_memory_mib = 0;
    }
    spec
}

/// A hypervisor with room for everything: empty.
fn empty_host(spec: &Spec) -> ObservedHost {
    let pools = spec.hypervisors.values().flat_map(|hypervisor| &hypervisor.pools).map(|pool| {
        let observed = ObservedPool {
            active: true,
            path: Some(pool.path.clone()),
            capacity_bytes: 1 << 60,
            available_bytes: 1 << 60,
            volumes: BTreeMap::new(),
        };
        (pool.name.as_str().to_owned(), observed)
    });
    ObservedHost {
        memory_mib: 1 << 40,
        cpus: 64,
        domain_type: Some(DomainType::Kvm),
        pools: pools.collect(),
        networks: BTreeMap::new(),
        domains: BTreeMap::new(),
    }
}

fn plan_of(spec: &Spec, observed: &Observed) -> Plan {
    let policy = Policy::new("/var/lib/rekindle".into(), 8470);
    let hypervisor = spec.hypervisors.keys().next().expect("a hypervisor");
    plan(&PlanInput { spec, hypervisor, observed, busy: &BTreeSet::new(), policy: &policy, now: NOW, seed: &[7; 32] })
}

/// The best of several runs of `work`.
fn best(mut work: impl FnMut()) -> Duration {
    let runs = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        work();
        began.elapsed()
    });
    runs.min().unwrap_or_default()
}

fn report(what: &str, took: Duration, promised: Duration) {
    let ratio = took.as_secs_f64() / promised.as_secs_f64();
    println!(
        "{what:<58} {:>9.2} ms  promised {:>6.0} ms  ratio {ratio:.3}",
        took.as_secs_f64() * 1e3,
        promised.as_secs_f64() * 1e3
    );
}

/// A hypervisor with its pool and nothing else, and one where every VM is ready.
fn bench_plans(vms: usize) {
    let mut spec = fleet(vms);
    for network in spec.networks.values_mut() {
        // A bridge is always there: nothing stands in the way of the VMs.
        network.kind = NetworkKind::Bridge { bridge: name("br0") };
        network.install_address = network.gateway4.map(Into::into);
    }
    let mut host = empty_host(&spec);
    let hypervisor = HypervisorState::Reachable(host.clone());
    let observed = Observed { hypervisor, boot_files: BTreeMap::new(), vms: BTreeMap::new(), errors: BTreeMap::new() };
    assert!(plan_of(&spec, &observed).vms.values().all(|vm| vm.action == Action::Create), "everything is to be made");
    let took = best(|| drop(std::hint::black_box(plan_of(&spec, &observed))));
    report(&format!("plan of {vms} VMs, all to be made"), took, PROMISED_PLAN);

    let records = spec.vms.values().map(|vm| (vm.name.clone(), ready(vm)));
    host.domains = spec.vms.values().map(|vm| (vm.name.as_str().to_owned(), running(&spec, vm))).collect();
    let observed = Observed { hypervisor: HypervisorState::Reachable(host), vms: records.collect(), ..observed };
    assert!(plan_of(&spec, &observed).is_empty(), "everything is done");
    let took = best(|| drop(std::hint::black_box(plan_of(&spec, &observed))));
    report(&format!("plan of {vms} VMs, all ready"), took, PROMISED_PLAN);
}

/// What is known of a VM that is ready: its checks have just passed.
fn ready(vm: &VmSpec) -> ObservedVm {
    let passed =
        |check: &CheckSpec| CheckResult { name: check.name.clone(), failure: None, at: NOW, took: Duration::from_millis(1) };
    ObservedVm {
        record: VmRecord {
            vm: vm.name.clone(),
            attempt: 1,
            tries: 1,
            token: Token::new([1; 16]),
            began: NOW,
            phase: Phase::Ready,
            since: NOW,
            spec_digest: String::new(),
            site_revision: String::new(),
            failure: None,
            rebuild: None,
            ready_at: Some(NOW),
            certnames: Vec::new(),
        },
        events: Vec::new(),
        installer_log: InstallerLog::default(),
        console_tail: Vec::new(),
        checks: vm.checks.iter().map(passed).collect(),
        kickstart_ready: false,
        certificates: Vec::new(),
        puppetdb: None,
        puppet: None,
    }
}

fn running(spec: &Spec, vm: &VmSpec) -> ObservedDomain {
    let domain = domain_spec(spec, vm, DomainType::Kvm, Boot::Disk, 1, &"/var/lib/rekindle".into());
    ObservedDomain {
        uuid: domain.uuid,
        owner: Some(domain.owner),
        state: DomainState::Running,
        reason: String::new(),
        memory_mib: vm.memory_mib,
        vcpus: vm.vcpus,
        autostart: false,
    }
}

async fn bench_idle(vms: usize) {
    let mut spec = fleet(vms);
    for vm in spec.vms.values_mut() {
        // Checks that are due are something to do.
        vm.checks.clear();
    }
    let spec = Arc::new(spec);
    let config =
        SimConfig { memory_mib: 1 << 40, directory_bytes: 1 << 60, speed: 1000, logs: GuestLogs::None, ..SimConfig::default() };
    let host = SimHost::new(config);
    let mut agent = host.agent(&spec, None);
    host.settle(&mut agent, 5000).await.expect("all VMs come to Ready");
    let ready = spec.vms.keys().filter(|vm| host.phase(vm) == Some(Phase::Ready)).count();
    assert_eq!(ready, vms, "all VMs are ready before anything is measured");
    let mut passes = Vec::new();
    for _ in 0..ROUNDS {
        // Long enough that the agent looks at the hypervisor again.
        host.pass_time(Duration::from_secs(61));
        let began = Instant::now();
        assert!(agent.wheel.turn().await, "nothing is to be done");
        passes.push(began.elapsed());
    }
    let took = passes.iter().min().copied().unwrap_or_default();
    report(&format!("pass of the loop with nothing to do, {vms} VMs"), took, PROMISED_PASS);
    let observed = agent.handle.snapshot().expect("a snapshot").observed.clone();
    let took = best(|| drop(std::hint::black_box(plan_of(&spec, &observed))));
    report(&format!("  of which the plan, {vms} VMs"), took, PROMISED_PASS);
    if let Some(mib) = resident_mib() {
        let ratio = mib / PROMISED_MIB;
        let what = format!("resident with the simulator, {vms} VMs");
        println!("{what:<58} {mib:>9.2} MiB promised {PROMISED_MIB:>6.0} MiB ratio {ratio:.3}");
    }
}

/// The loop as the daemon runs it, in real time, over VMs that are all ready: it sleeps, looks, and runs the checks that are due.
async fn bench_cpu(vms: usize) {
    let spec = Arc::new(fleet(vms));
    let config =
        SimConfig { memory_mib: 1 << 40, directory_bytes: 1 << 60, speed: 1, logs: GuestLogs::None, ..SimConfig::default() };
    let host = Arc::new(SimHost::new(config));
    let mut agent = host.agent(&spec, None);
    let ready = || spec.vms.keys().filter(|vm| host.phase(vm) == Some(Phase::Ready)).count();
    for _ in 0..1000 {
        agent.wheel.turn().await;
        if ready() == vms {
            break;
        }
        host.pass_time(Duration::from_secs(10));
    }
    assert_eq!(ready(), vms, "all VMs are ready before anything is measured");
    let time = tokio::spawn({
        let host = Arc::clone(&host);
        async move {
            let mut second = tokio::time::interval(Duration::from_secs(1));
            loop {
                second.tick().await;
                host.clock.advance(Duration::from_secs(1));
            }
        }
    });
    let handle = agent.handle.clone();
    let passes = || handle.snapshot().map_or(0, |snapshot| snapshot.passes);
    let (before, passes_before) = (cpu_seconds(), passes());
    agent.wheel.run(Until::Stopped, tokio::time::sleep(IDLE)).await;
    let share = (cpu_seconds() - before) / IDLE.as_secs_f64() * 100.0;
    time.abort();
    let made = passes() - passes_before;
    let what = format!("CPU of one core over {IDLE:?}, {vms} VMs ready, two checks each");
    println!("{what:<58} {share:>9.2} %   promised {PROMISED_CPU_PERCENT:>6.1} %   ratio {:.3}", share / PROMISED_CPU_PERCENT);
    println!("  {made} passes");
}

/// What this process has used so far, agent and simulator together.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("/proc");
    // After the name in brackets: user and system time are fields 14 and 15, in hundredths of a second.
    let fields = stat.rsplit(')').next().expect("fields").split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().expect("ticks") / 100.0).sum()
}

/// Memory of this process, agent, simulator and harness together, in MiB.
fn resident_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kib| kib / 1024.0)
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number of VMs"));
    let planned = arguments.next().unwrap_or(10_000);
    let idle = arguments.next().unwrap_or(1000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(bench_idle(idle));
    runtime.block_on(bench_cpu(idle));
    bench_plans(planned);
}
