//! Makes one change to a repository and is killed before its Nth effect, by SIGKILL: what the tests of crashes start.
//!
//! `repo-victim LAB ROOT N VERB [FILE…]`; `VERB` is `add`, `promote`, `rollback`, `gc` or `gc-later`. N is counted from 1; 0 is never. A change
//! that ends before prints how many effects it had, and on a second line the most memory that it ever had, in KiB.
#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use camino::{Utf8Path, Utf8PathBuf};
use rekindle::world::repo::Repository;
use rekindle_tests::repo_change::{Change, policy};
use rekindle_tests::rpms::RpmLab;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [lab, root, limit, verb, files @ ..] = args.as_slice() else { panic!("repo-victim LAB ROOT N VERB [FILE…]") };
    let limit: u64 = limit.parse().expect("a number");
    let files: Vec<Utf8PathBuf> = files.iter().map(Utf8PathBuf::from).collect();
    let lab = RpmLab::kept(Utf8Path::new(lab));
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let repository = Repository::open(Utf8Path::new(root), &policy(&lab), &lab.gnupg()).expect("a repository");
    let repository = repository.with_fault_hook(Arc::new(move |_| {
        if counted.fetch_add(1, Ordering::SeqCst) + 1 == limit {
            // As final as a power cut for the process: nothing of ours runs after it.
            let own = std::process::id().to_string();
            let _ = std::process::Command::new("kill").args(["-KILL", &own]).status();
            loop {
                std::thread::park();
            }
        }
        Ok(())
    }));
    Change::named(verb, files).make(&repository).expect("a change");
    println!("{}", count.load(Ordering::SeqCst));
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    println!("{}", peak.trim().trim_end_matches(" kB"));
    // The lab belongs to whoever started this; so does gpg's agent.
    std::mem::forget(lab);
}
