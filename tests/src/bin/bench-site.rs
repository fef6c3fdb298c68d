//! What a site costs, printed beside what is promised: load, render and check the kickstart of each VM of a fleet.
//!
//! `bench-site [VMS]`, 10,000 unless said. One thread; the best of several rounds counts, as the machine may have other work.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rekindle::render::{InstallUrls, Renderer};
use rekindle::spec::Token;
use rekindle_tests::fleet::write_fleet;

/// As the issue promises: load, render and check, for each VM, on one core.
const PROMISED: Duration = Duration::from_micros(100);
const ROUNDS: u32 = 5;

fn main() {
    let vms = std::env::args().nth(1).map_or(10_000, |text| text.parse().expect("a number of VMs"));
    let directory = tempfile::tempdir().expect("a directory");
    let path = Utf8PathBuf::from_path_buf(directory.path().to_owned()).expect("a path in UTF-8");
    write_fleet(&path, vms).expect("a fleet");
    let renderer = Renderer::new(None).expect("the shipped templates");
    let mut best = (Duration::MAX, Duration::ZERO, Duration::ZERO, 0);
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let spec = rekindle::site::load(&path).expect("the fleet is a good site");
        let loaded = begin.elapsed();
        let site = renderer.for_site(&spec);
        let mut bytes = 0;
        for vm in spec.vms.values() {
            let install = InstallUrls { base: "http://192.0.2.1:8470".to_owned(), token: Token::new([0; 16]), enrolment: None };
            bytes += site.render_kickstart(vm, &install).expect("a good kickstart").text.len();
        }
        let all = begin.elapsed();
        if all < best.0 {
            best = (all, loaded, all - loaded, bytes);
        }
    }
    let (all, loaded, rendered, bytes) = best;
    let each = |span: Duration| span.as_secs_f64() * 1000.0 / vms as f64;
    println!("site of {vms} VMs, one core, {} MB of kickstarts", bytes / 1_000_000);
    println!("  load                  {:8.4} ms a VM", each(loaded));
    println!("  render and check      {:8.4} ms a VM", each(rendered));
    println!(
        "  in all                {:8.4} ms a VM   promised {:.4}   ratio {:.2}",
        each(all),
        PROMISED.as_secs_f64() * 1000.0,
        each(all) / (PROMISED.as_secs_f64() * 1000.0)
    );
}
