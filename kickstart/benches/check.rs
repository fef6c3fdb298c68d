//! How long the library takes: `cargo bench -p rekindle-kickstart`. `make bench-ks` measures the program beside pykickstart.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use kickstart::model::Kickstart;
use kickstart::{LintOptions, Release, check, format, lint, parse, upgrade};

const LINES_59: &str = include_str!("lines59.ks");
/// Files of a batch, as in the promise about speed.
const BATCH: usize = 1_000;

/// What is done to one file of 59 lines.
fn one_file(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("59 lines");
    let options = LintOptions::default();
    group.bench_function("parse", |bench| bench.iter(|| parse(black_box(LINES_59))));
    for release in [Release::Rhel7, Release::Rhel9, Release::F44] {
        group.bench_function(format!("check for {release}"), |bench| bench.iter(|| check(black_box(LINES_59), release)));
    }
    group.bench_function("lint", |bench| bench.iter(|| lint(black_box(LINES_59), Release::Rhel9, &options)));
    group.bench_function("model", |bench| bench.iter(|| Kickstart::read(black_box(LINES_59), Release::Rhel9)));
    group.bench_function("format", |bench| bench.iter(|| format(black_box(LINES_59), Release::Rhel9)));
    group.bench_function("upgrade", |bench| bench.iter(|| upgrade(black_box(LINES_59), Release::Rhel9, Release::Rhel10)));
    group.finish();
}

/// All rules over a thousand files, on one core.
fn a_batch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("1000 files of 59 lines");
    let options = LintOptions::default();
    // Each file has bytes of its own, as files have.
    let files: Vec<String> = (0..BATCH).map(|number| format!("# file {number}\n{LINES_59}")).collect();
    group.throughput(Throughput::Elements(BATCH as u64)).sample_size(20);
    group.bench_function("lint", |bench| {
        bench.iter(|| files.iter().filter(|text| lint(black_box(text), Release::Rhel9, &options).is_ok()).count());
    });
    group.finish();
}

/// Time grows with the length and not faster: the bytes a second stay.
fn length(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("length");
    let options = LintOptions::default();
    for megabytes in [1, 10] {
        let unit = "# a comment\nrepo --name=extra --baseurl=https://mirror.example/extra\n%post --erroronfail\nset -e\necho ready\n%end\n";
        let text = format!("{LINES_59}{}", unit.repeat((megabytes << 20) / unit.len()));
        group.throughput(Throughput::Bytes(text.len() as u64)).sample_size(10).measurement_time(Duration::from_secs(8));
        group.bench_function(format!("parse {megabytes} MB"), |bench| bench.iter(|| parse(black_box(&text))));
        group.bench_function(format!("lint {megabytes} MB"), |bench| {
            bench.iter_batched(|| &text, |text| lint(black_box(text), Release::Rhel9, &options), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, one_file, a_batch, length);
criterion_main!(benches);
