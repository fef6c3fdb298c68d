use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::reconcile::testing;
use crate::reconcile::testing::Rig;
use crate::serve::logged::Logged;
use crate::spec::{Spec, sample};

/// Posts a body of this length, of which `sent` is sent, and gives the status of the answer; 0: none.
async fn post_body(from: Vec<IpAddr>, length: usize, sent: &[u8]) -> (u16, Arc<Traffic>) {
    let rig = testing::rig(crate::spec::sample::spec("/nonexistent".into()));
    let listener = crate::serve::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let traffic = Arc::new(Traffic::default());
    let task = tokio::spawn(serve(listener, rig.handle.clone(), from, Arc::clone(&traffic)));
    let talk = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(sent).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    };
    let status = tokio::time::timeout(Duration::from_secs(20), talk).await.expect("neither an answer nor an end");
    task.abort();
    (status, traffic)
}

fn counts(traffic: &Traffic) -> Vec<(&'static str, u64)> {
    traffic.reports.counts().filter(|(_, count)| *count > 0).collect()
}

/// A body of this length, of which `sent` is sent, gets this status, is logged once with these words, and counted once as this.
async fn check_refused(from: &[&str], length: usize, sent: &[u8], status: u16, kind: &'static str, words: &str) {
    let log = Logged::begin();
    let from = from.iter().map(|address| address.parse().unwrap()).collect();
    let (answered, traffic) = post_body(from, length, sent).await;
    assert_eq!((answered, counts(&traffic)), (status, vec![(kind, 1)]), "{words}");
    let log = log.text();
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("WARN")).collect();
    assert!(warnings.len() == 1 && warnings[0].contains(words), "{words}: {warnings:?}");
    assert!(warnings[0].len() < 1000 && !warnings[0].contains(|c: char| c.is_control()), "{warnings:?}");
}

#[tokio::test]
async fn what_is_turned_away_is_logged_once_and_counted_by_its_reason() {
    let aliases: String = (0..30).fold("a0: &a0 x\n".to_owned(), |text, n| {
        format!("{text}a{next}: &a{next} [*a{n}, *a{n}, *a{n}, *a{n}]\n", next = n + 1)
    });
    let deep = format!("host: web1.example.com\nlogs: {}", "[".repeat(100_000));
    let terminal = "host: \"\\e[2Jweb1\\n.example.com\"\nstatus: changed\n";
    let tagged = "--- !ruby/object:Gem::Requirement\nrequirements: !ruby/object:Gem::Package::TarReader {}\n";
    for (body, kind, words) in [
        ("host: db1.example.com\nstatus: changed\n", "host", "is no VM of this hypervisor"),
        (terminal, "host", "is no VM of this hypervisor"),
        (aliases.as_str(), "unreadable", "it has no `host`"),
        (deep.as_str(), "unreadable", "the report is n"),
        (tagged, "unreadable", "it has no `host`"),
        ("\u{0}\u{1}\u{2}", "unreadable", "a forwarded Puppet report is turned away"),
    ] {
        check_refused(&[], body.len(), body.as_bytes(), 422, kind, words).await;
    }
    // A hundred megabytes are not read to their end, and strangers are not heard.
    check_refused(&[], 100 << 20, &vec![b'a'; REPORT + (1 << 20)], 413, "size", "it is too large").await;
    check_refused(&["192.0.2.1"], 1, b"x", 0, "address", "does not name the address").await;
}

/// A report listener for `spec`; its traffic, and the tasks that serve.
async fn listener(spec: Spec) -> (SocketAddr, Arc<Traffic>, Rig) {
    let rig = testing::rig(spec);
    let listener = crate::serve::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let traffic = Arc::new(Traffic::default());
    tokio::spawn(serve(listener, rig.handle.clone(), Vec::new(), Arc::clone(&traffic)));
    (address, traffic, rig)
}

/// The sample's site with a Puppet server, its VM on another hypervisor that takes reports at `to`.
fn elsewhere(to: Option<SocketAddr>) -> Spec {
    let mut spec = sample::served("/nonexistent".into());
    let hypervisor = sample::hypervisor("h2", to);
    spec.vms.get_mut("web1").unwrap().hypervisor = hypervisor.name.clone();
    spec.hypervisors.insert(hypervisor.name.clone(), hypervisor);
    spec
}

const REPORT_OF_WEB1: &[u8] = b"host: web1.example.com\nstatus: changed\n";

async fn post(to: SocketAddr, marked: bool) -> u16 {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let mark = if marked { format!("{MARK}: 1\r\n") } else { String::new() };
    let length = REPORT_OF_WEB1.len();
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: x\r\n{mark}Connection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(REPORT_OF_WEB1).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Waits until something is counted.
async fn counted(traffic: &Traffic) -> Vec<(&'static str, u64)> {
    let wait = async {
        while counts(traffic).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("nothing is counted");
    counts(traffic)
}

#[tokio::test]
async fn a_report_of_a_vm_of_another_hypervisor_is_passed_on_once() {
    let (second, seconds, _rig) = listener(elsewhere(None)).await;
    let (first, firsts, _rig) = listener(elsewhere(Some(second))).await;
    assert_eq!(post(first, false).await, 202);
    assert_eq!(counted(&firsts).await, [("passed-on", 1)]);
    // The second does not have it either, as its site says the same: it does not send it on to anybody.
    assert_eq!(counted(&seconds).await, [("elsewhere", 1)]);
}

#[tokio::test]
async fn a_report_never_goes_round_between_agents_that_name_each_other() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let itself = nobody.local_addr().unwrap();
    drop(nobody);
    let rig = testing::rig(elsewhere(Some(itself)));
    let traffic = Arc::new(Traffic::default());
    let own = crate::serve::bind(itself).await.unwrap();
    tokio::spawn(serve(own, rig.handle.clone(), Vec::new(), Arc::clone(&traffic)));
    assert_eq!(post(itself, false).await, 202);
    let wait = async {
        while counts(&traffic).len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("both ends have counted");
    assert_eq!(counts(&traffic), [("passed-on", 1), ("elsewhere", 1)]);
    assert_eq!(post(itself, true).await, 422, "marked by whomever");
}

#[tokio::test]
async fn what_cannot_be_passed_on_is_counted_and_holds_up_nobody() {
    let (first, traffic, _rig) = listener(elsewhere(None)).await;
    assert_eq!((post(first, false).await, counts(&traffic)), (422, vec![("elsewhere", 1)]), "nobody knows where to");
    // One that takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (first, traffic, _rig) = listener(elsewhere(Some(silent.local_addr().unwrap()))).await;
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.push(post(first, false).await);
    }
    assert_eq!(answers[..16], [202; 16]);
    assert!(answers.contains(&503), "the queue has an end: {answers:?}");
    let all = async {
        while counts(&traffic).iter().map(|(_, count)| count).sum::<u64>() < 40 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("one deadline, and then none waits for it");
    assert_eq!(counts(&traffic), [("lost", 40)]);
}
