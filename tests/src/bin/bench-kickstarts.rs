//! What kickstarts cost, printed beside what is promised: reading a site, rendering and checking each VM's kickstart.
//!
//! `bench-kickstarts [VMS]`, 10,000 unless said. Time is that of one core, as the kernel counts it, and the best of several runs:
//! the machine may have other work.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rekindle::render::{InstallUrls, Renderer};
use rekindle::spec::{Spec, Token};

/// As the issue promises, for one VM: loading, rendering and checking.
const PROMISED: Duration = Duration::from_micros(100);
const ROUNDS: usize = 5;

fn main() {
    let vms: u32 = std::env::args().nth(1).map_or(10_000, |text| text.parse().expect("a number of VMs"));
    let directory = tempfile::tempdir().expect("temporary directory");
    let site = Utf8Path::from_path(directory.path()).expect("UTF-8");
    write_site(site, vms);

    let (load, spec) = best(|| rekindle::site::load(site).unwrap_or_else(|errors| panic!("{errors}")));
    // Too short for the kernel's count.
    let began = Instant::now();
    let renderer = Renderer::new(Some(&site.join("templates"))).unwrap_or_else(|errors| panic!("{errors}"));
    let compile = began.elapsed();
    let (render, texts) = best(|| render_all(&renderer, &spec));
    let release = kickstart::Release::Rhel9;
    let (check, ()) = best(|| assert!(texts.iter().all(|text| kickstart::check(text, release).is_ok())));

    let each = |span: Duration| span / vms.max(1);
    let bytes: usize = texts.iter().map(String::len).sum();
    println!("{vms} VMs, {} bytes of kickstart each", bytes / vms.max(1) as usize);
    println!("  read the site          {:>10.1?} a VM", each(load));
    println!("  compile the templates  {compile:>10.1?} once");
    println!("  render                 {:>10.1?} a VM", each(render.saturating_sub(check)));
    println!("  check                  {:>10.1?} a VM", each(check));
    let total = each(load + compile + render);
    println!(
        "  in all                 {total:>10.1?} a VM, {:.2} of the {PROMISED:?} promised",
        total.as_secs_f64() / PROMISED.as_secs_f64()
    );
}

fn render_all(renderer: &Renderer, spec: &Spec) -> Vec<String> {
    let site = renderer.for_site(spec);
    let urls = InstallUrls { base: "http://192.0.2.1:8470".to_owned(), token: Token::new([7; 16]), enrolment: None };
    spec.vms.values().map(|vm| site.render_kickstart(vm, &urls).unwrap_or_else(|error| panic!("{error}")).text).collect()
}

/// Time that this thread has had a core to itself.
fn time_on_core() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux with scheduler statistics");
    let nanoseconds = text.split(' ').next().and_then(|first| first.parse().ok()).expect("a number");
    Duration::from_nanos(nanoseconds)
}

/// The best of several runs of `work`, and what the last one gave.
fn best<T>(mut work: impl FnMut() -> T) -> (Duration, T) {
    let mut run = || {
        let began = time_on_core();
        let result = work();
        (time_on_core().saturating_sub(began), result)
    };
    let mut best = run();
    for _ in 1..ROUNDS {
        let next = run();
        best = (best.0.min(next.0), next.1);
    }
    best
}

/// A site of one role with packages, a kept disk and a health check, and `vms` VMs of it.
fn write_site(site: &Utf8Path, vms: u32) {
    let mut files = vec![
        ("site.toml".to_owned(), "name = \"bench\"\ndomain = \"bench.example\"\ntimezone = \"UTC\"\n\n[defaults]\nos = \"el9\"\nstage = \"dev\"\nsize = \"small\"\n".to_owned()),
        ("os/el9.toml".to_owned(), "release = \"rhel9\"\ntree = \"http://mirror.example.com/el9/\"\n".to_owned()),
        ("sizes.toml".to_owned(), "[small]\nvcpus = 1\nmemory = \"2 GiB\"\ndisk = \"10 GiB\"\n".to_owned()),
        ("stages/dev.toml".to_owned(), "network = \"lan\"\n".to_owned()),
        ("networks/lan.toml".to_owned(), "kind = \"bridge\"\nbridge = \"br0\"\nrange = \"10.0.0.0/8\"\n".to_owned()),
        ("hypervisors/hv1.toml".to_owned(), "install_address = \"10.0.0.1\"\n[[pools]]\nname = \"default\"\npath = \"/var/lib/libvirt/images\"\n".to_owned()),
        ("roles/web.toml".to_owned(), "packages = [\"nginx\"]\nservices = [\"nginx\"]\n\n[[checks]]\nname = \"web\"\ntcp = { port = 80 }\n".to_owned()),
    ];
    for number in 0..vms {
        let mut text = String::from("role = \"web\"\naddress = \"dhcp\"\n");
        let [_, a, b, c] = number.to_be_bytes();
        // At this number of VMs, addresses made by chance would not all differ.
        let _ = writeln!(text, "mac = \"52:54:00:{a:02x}:{b:02x}:{c:02x}\"\npackages = [\"tool-{}\"]", number % 100);
        files.push((format!("vms/vm{number:05}.toml"), text));
    }
    for (name, text) in files {
        let path = site.join(name);
        fs::create_dir_all(path.parent().expect("parent")).expect("directory");
        fs::write(path, text).expect("write");
    }
}
