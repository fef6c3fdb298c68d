//! What our care costs on top of bare libvirt, printed as a ratio; and how long a sweep takes.
//!
//! Run in a sandbox: `tests/sandbox/run TARGET/bench-libvirt [ROUNDS [VOLUMES [DOMAINS]]]`. Each round makes, defines and starts
//! one VM through the bare `virt` crate and one through `HypervisorHandle`, in turns, so that both meet the same machine.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rekindle::render::domain_xml;
use rekindle::spec::{Boot, DomainDisk, DomainSpec, DomainType, Firmware, Owner, PoolSpec, Stop, VolumeSpec};
use rekindle::world::{HypervisorHandle, Libvirt};
use rekindle_tests::sandbox::URI;
use uuid::Uuid;
use virt::connect::Connect;
use virt::storage_vol::StorageVol;

/// As the issue promises: from a decision to the domain running.
const PROMISED_RATIO: f64 = 1.15;

fn pool() -> PoolSpec {
    PoolSpec { name: "bench".parse().expect("pool name"), path: "/var/lib/libvirt/images/bench".into() }
}

fn volume(name: &str) -> VolumeSpec {
    VolumeSpec { pool: pool().name, name: format!("{name}-root.qcow2"), capacity_bytes: 1 << 30, keep: false }
}

fn domain(name: &str) -> DomainSpec {
    DomainSpec {
        name: name.parse().expect("VM name"),
        uuid: Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes()),
        title: name.to_owned(),
        domain_type: DomainType::Qemu,
        firmware: Firmware::Bios,
        vcpus: 1,
        memory_mib: 64,
        boot: Boot::Disk,
        disks: vec![DomainDisk {
            pool: pool().name,
            volume: volume(name).name,
            target: "vda".to_owned(),
            serial: "root".to_owned(),
        }],
        nics: Vec::new(),
        console_log: format!("/var/lib/rekindle/{name}.log").into(),
        installer_log: None,
        osinfo: None,
        owner: Owner {
            site: "bench".to_owned(),
            vm: name.parse().expect("VM name"),
            attempt: 1,
            installing: false,
            digest: "0".to_owned(),
        },
    }
}

/// Volume, definition and start by nothing but libvirt's calls.
fn bare(connect: &Connect, name: &str) -> Duration {
    let xml = domain_xml(&domain(name));
    let volume = volume(name);
    let volume_xml = format!(
        "<volume><name>{}</name><capacity unit='bytes'>{}</capacity><allocation>0</allocation>\
         <target><format type='qcow2'/><compat>1.1</compat></target></volume>",
        volume.name, volume.capacity_bytes
    );
    let began = Instant::now();
    let pool = connect.lookup_storage_pool_by_name(pool().name.as_str()).expect("pool");
    StorageVol::create_xml(&pool, &volume_xml, 0).expect("volume");
    let domain = connect.define_domain_xml(&xml).expect("defined");
    domain.create().expect("started");
    let took = began.elapsed();
    domain.destroy().expect("stopped");
    took
}

/// The same as our executor does it.
async fn ours(handle: &HypervisorHandle, name: &str) -> Duration {
    let spec = domain(name);
    let began = Instant::now();
    handle.create_volume(&volume(name)).await.expect("volume");
    handle.define_domain(&spec, &domain_xml(&spec)).await.expect("defined");
    handle.start_domain(&spec.name, spec.uuid).await.expect("started");
    let took = began.elapsed();
    handle.stop_domain(&spec.name, spec.uuid, Stop::Now).await.expect("stopped");
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().expect("a number"));
    let (rounds, volumes, domains) =
        (arguments.next().unwrap_or(15), arguments.next().unwrap_or(1000), arguments.next().unwrap_or(200));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
    let handle = HypervisorHandle::new(Arc::new(Libvirt::new(URI)), URI);
    runtime.block_on(handle.ensure_pool(&pool())).expect("pool");
    let connect = Connect::open(Some(URI)).expect("libvirtd answers");

    let (mut bare_times, mut our_times) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (bare_name, our_name) = (format!("bare{round}"), format!("ours{round}"));
        let (bare_took, ours_took) = if round % 2 == 0 {
            let bare = bare(&connect, &bare_name);
            (bare, runtime.block_on(ours(&handle, &our_name)))
        } else {
            let ours = runtime.block_on(ours(&handle, &our_name));
            (bare(&connect, &bare_name), ours)
        };
        // The first round warms both up.
        if round > 0 {
            bare_times.push(bare_took);
            our_times.push(ours_took);
        }
    }
    let (bare, ours) = (median(bare_times), median(our_times));
    let ratio = ours.as_secs_f64() / bare.as_secs_f64();
    println!("volume, define, start: libvirt alone {bare:.1?}, ours {ours:.1?}: ratio {ratio:.3} (at most {PROMISED_RATIO})");

    for n in 0..volumes {
        std::process::Command::new("cp")
            .args([pool().path.join("ours0-root.qcow2"), pool().path.join(format!("v{n}.qcow2"))])
            .status()
            .expect("copied");
    }
    for n in 0..domains {
        connect.define_domain_xml(&domain_xml(&domain(&format!("idle{n}")))).expect("defined");
    }
    for sweep in ["first (pool refreshed)", "second", "third"] {
        let began = Instant::now();
        let host = runtime.block_on(handle.observe()).expect("observed");
        let took = began.elapsed();
        let volumes = host.pools["bench"].volumes.len();
        println!("{sweep} sweep over {} domains and {volumes} volumes: {took:.1?}", host.domains.len());
    }
}
