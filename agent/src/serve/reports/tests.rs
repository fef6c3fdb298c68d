use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::reconcile::testing;

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

#[tokio::test]
async fn what_is_turned_away_is_counted_by_its_reason() {
    let report = b"host: db1.example.com\nstatus: changed\n";
    let (status, traffic) = post_body(Vec::new(), report.len(), report).await;
    assert_eq!((status, counts(&traffic)), (422, vec![("host", 1)]));
    let bomb: String = (0..30).fold("a0: &a0 x\n".to_owned(), |text, n| {
        format!("{text}a{next}: &a{next} [*a{n}, *a{n}, *a{n}, *a{n}]\n", next = n + 1)
    });
    let (status, traffic) = post_body(Vec::new(), bomb.len(), bomb.as_bytes()).await;
    assert_eq!((status, counts(&traffic)), (422, vec![("unreadable", 1)]));
}

#[tokio::test]
async fn a_report_of_a_hundred_megabytes_is_not_read_to_its_end() {
    let (status, traffic) = post_body(Vec::new(), 100 << 20, &vec![b'a'; REPORT + (1 << 20)]).await;
    assert_eq!((status, counts(&traffic)), (413, vec![("size", 1)]));
}

#[tokio::test]
async fn only_named_addresses_are_let_in() {
    let (status, traffic) = post_body(vec!["192.0.2.1".parse().unwrap()], 1, b"x").await;
    assert_eq!((status, counts(&traffic), traffic.foreign.get()), (0, Vec::new(), 1));
}
