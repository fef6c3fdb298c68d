//! How long `check` takes, in microseconds a file and core: `cargo bench -p rekindle-kickstart`.
//!
//! Prints the median of many batches; no timing is asserted.
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use kickstart::{Release, check, parse};

const SAMPLE: &str = include_str!("sample.ks");

fn main() {
    let long = SAMPLE.to_owned();
    let huge = "# comment\npart /data --fstype=xfs --size=100 --ondisk=vda\n".repeat(100_000);
    println!("{} lines, {} bytes", SAMPLE.lines().count(), SAMPLE.len());
    measure("first check in this process", 1, || black_box(check(&long, Release::Rhel9)).is_ok());
    for release in [Release::Rhel8, Release::Rhel9, Release::Rhel10, Release::F42] {
        measure(&format!("check for {release}"), 200, || black_box(check(&long, release)).is_ok());
    }
    measure("parse alone", 200, || black_box(parse(&long)).1.is_empty());
    let start = Instant::now();
    black_box(parse(&huge));
    let per_line = start.elapsed().as_secs_f64() * 1e9 / 200_000.0;
    println!("parse of {} MB: {per_line:.0} ns a line", huge.len() / 1_000_000);
}

/// Runs `work` in batches of ten and prints the median time of one run.
fn measure(name: &str, batches: usize, mut work: impl FnMut() -> bool) {
    let mut times: Vec<Duration> = (0..batches)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..10 {
                black_box(work());
            }
            start.elapsed() / 10
        })
        .collect();
    times.sort();
    println!("{name}: {:.1} us", times[times.len() / 2].as_secs_f64() * 1e6);
}
