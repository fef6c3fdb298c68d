//! From `rekindle apply` to the installer running, beside the bare libvirt calls for the same domain, printed as a ratio.
//!
//! Run in a sandbox: `tests/sandbox/run TARGET/bench-apply [ROUNDS]`. The rounds alternate, so that both sides meet the same
//! machine. Ours is the whole process, from its start: read and check the site, look at the hypervisor, ask the tree for its boot
//! files, plan, store the intent, render and check the kickstart, make the volume, define, start. Pool, network and boot files are
//! there already, as they are from the second VM on.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rekindle::world::load_libvirt;
use rekindle_tests::lab::Lab;
use rekindle_tests::sandbox::URI;
use virt::connect::Connect;
use virt::storage_pool::StoragePool;
use virt::storage_vol::StorageVol;

/// As the issue promises: from `apply` to the domain running.
const PROMISED_RATIO: f64 = 1.15;
/// No start takes as long.
const PATIENCE: Duration = Duration::from_secs(120);
/// What both sides make.
const VM: &str = "web1";

/// Runs `rekindle apply` until the domain runs, and ends it there; gives the time and the definition.
fn ours(lab: &Lab, connect: &Connect) -> (Duration, String) {
    let began = Instant::now();
    let mut apply =
        lab.command(&["apply"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("rekindle");
    let domain = loop {
        assert!(
            began.elapsed() < PATIENCE && apply.try_wait().expect("a process").is_none(),
            "`rekindle apply` started no domain"
        );
        // Not asked for by its name, which libvirt answers on standard error as long as there is none.
        let found = connect.list_all_domains(virt::sys::VIR_CONNECT_LIST_DOMAINS_RUNNING).expect("the domains").pop();
        if let Some(domain) = found.filter(|domain| {
            domain.state().is_ok_and(|(state, _)| state == virt::enumutil::Enum::Known(virt::domain::DomainState::Running))
        }) {
            break domain;
        }
        std::thread::sleep(Duration::from_millis(4));
    };
    // It counts as running a little before its start has returned; this waits for its turn after the start.
    domain.memory_stats(0).expect("a running domain");
    let took = began.elapsed();
    apply.kill().expect("ended");
    apply.wait().expect("its end");
    let xml = domain.xml_desc(virt::sys::VIR_DOMAIN_XML_INACTIVE).expect("its definition");
    clear(connect);
    // The next round knows nothing of this one; what the definition writes its logs to stays.
    let state = lab.path.join("state");
    for entry in state.read_dir_utf8().expect("the state").flatten().filter(|entry| entry.file_name() != "vms") {
        std::fs::remove_file(entry.path()).expect("the state removed");
    }
    (took, xml)
}

/// Volume, definition and start of the same by nothing but libvirt's calls.
fn bare(connect: &Connect, xml: &str) -> Duration {
    let volume = format!(
        "<volume><name>{VM}-root.qcow2</name><capacity unit='GiB'>4</capacity><allocation>0</allocation>\
         <target><format type='qcow2'/><compat>1.1</compat></target></volume>"
    );
    let began = Instant::now();
    StorageVol::create_xml(&pool(connect), &volume, 0).expect("volume");
    let domain = connect.define_domain_xml(xml).expect("defined");
    domain.create().expect("started");
    let took = began.elapsed();
    clear(connect);
    took
}

fn pool(connect: &Connect) -> StoragePool {
    connect.lookup_storage_pool_by_name("rekindle").expect("the pool")
}

/// Removes domain and volume.
fn clear(connect: &Connect) {
    let domain = connect.lookup_domain_by_name(VM).expect("the domain");
    domain.destroy().expect("stopped");
    domain.undefine().expect("undefined");
    let volume = pool(connect).lookup_storage_vol_by_name(&format!("{VM}-root.qcow2")).expect("the volume");
    volume.delete(0).expect("deleted");
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let rounds = std::env::args().nth(1).map_or(11, |argument| argument.parse::<usize>().expect("a number"));
    let lab = Lab::new(&[VM]);
    load_libvirt().expect("libvirt's libraries");
    let connect = Connect::open(Some(URI)).expect("libvirtd answers");
    // The first apply makes pool and network and fetches the boot files.
    let (_, xml) = ours(&lab, &connect);
    bare(&connect, &xml);
    let (mut our_times, mut bare_times) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        our_times.push(ours(&lab, &connect).0);
        bare_times.push(bare(&connect, &xml));
    }
    let (bare, ours) = (median(&mut bare_times), median(&mut our_times));
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!("apply to domain running: libvirt alone {bare:.1?}, ours {ours:.1?}: ratio {ratio:.3} (at most {PROMISED_RATIO})");
    let version = Command::new(rekindle_tests::lab::binary()).arg("--version").output().expect("rekindle");
    print!("  with {}", String::from_utf8_lossy(&version.stdout));
}
