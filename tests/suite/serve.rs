//! The API in front of the loop: what people see and wish while VMs are made and made again, on the simulator.

use std::convert::Infallible;
use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8PathBuf;
use rekindle::serve::api;
use rekindle::serve::client::{ApiClient, ClientError};
use rekindle::serve::view::{StatusView, VmRow};
use rekindle_tests::simhost::SimHost;
use rekindle_tests::specs::{SpecCase, id};

/// A time that no test needs and no hang outlives.
const SOON: Duration = Duration::from_secs(60);

/// Turns an agent on the simulator as fast as it goes while `talk` speaks to its API.
#[track_caller]
fn check_api<F: Future<Output = ()>>(talk: impl FnOnce(ApiClient) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let host = SimHost::default();
        let mut agent = host.agent(&Arc::new(SpecCase::default().build()), None);
        let directory = tempfile::tempdir().expect("a directory");
        let path = Utf8PathBuf::from_path_buf(directory.path().join("api.sock")).expect("a path in UTF-8");
        let socket = api::open(&path, "no-such-group").expect("a socket");
        let serving = api::serve(socket, agent.handle.clone(), Arc::default());
        let turning = async {
            loop {
                agent.wheel.turn().await;
                host.pass_time(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            never = serving => { let _: Infallible = never; }
            () = turning => {}
            talked = tokio::time::timeout(SOON, talk(ApiClient::new(&path))) => talked.expect("the agent gets nowhere"),
        }
    });
}

fn web1(status: &StatusView) -> Option<&VmRow> {
    status.vms.iter().find(|row| row.vm == "web1")
}

async fn follow_until(client: &ApiClient, reached: impl Fn(&VmRow) -> bool) {
    let followed = client.follow(|status| match web1(&status) {
        Some(row) if reached(row) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    followed.await.expect("the events go on");
}

#[test]
fn a_vm_is_followed_to_ready_rebuilt_by_consent_and_its_recovery_measured() {
    check_api(async |client| {
        follow_until(&client, |row| row.phase.as_deref() == Some("ready")).await;
        let view = client.vm(&id("web1")).await.expect("a view");
        let kinds: Vec<&str> = view.events.iter().map(|event| event.kind.as_str()).collect();
        assert!(kinds.contains(&"kickstart-fetched") && kinds.contains(&"first-boot"), "{kinds:?}");
        assert!(view.summary.recovery_seconds.is_some_and(|seconds| seconds > 0.0), "{:?}", view.summary);
        assert!(view.timeline.last().is_some_and(|phase| phase.present && phase.phase == "ready"), "{:?}", view.timeline);

        client.rebuild(&[id("web1")]).await.expect("consent is taken");
        follow_until(&client, |row| row.attempt == 2 && row.phase.as_deref() == Some("ready")).await;
        let view = client.vm(&id("web1")).await.expect("a view");
        let attempts: Vec<u32> = view.timeline.iter().map(|phase| phase.attempt).collect();
        assert!(attempts.contains(&1) && attempts.contains(&2) && attempts.is_sorted(), "{attempts:?}");
        assert_eq!(view.rebuild, None, "the consent is used up");
    });
}

#[test]
fn wishes_that_make_no_sense_are_refused_with_the_reason() {
    check_api(async |client| {
        follow_until(&client, |row| row.phase.as_deref() == Some("ready")).await;
        let refused = client.destroy(&[id("web1")]).await.expect_err("it is in the site");
        assert!(matches!(refused, ClientError::Refused(_)) && refused.to_string().contains("still in the site"), "{refused}");
        let refused = client.retry(&id("web1")).await.expect_err("it has not failed");
        assert!(matches!(refused, ClientError::Refused(_)) && refused.to_string().contains("web1"), "{refused}");
        let unknown = client.rebuild(&[id("wbe1")]).await.expect_err("there is none");
        assert!(matches!(unknown, ClientError::NotFound(_)) && unknown.to_string().contains("did you mean `web1`?"), "{unknown}");
        client.reconcile().await.expect("looking again is always possible");
        let status = client.status().await.expect("a status");
        assert_eq!(web1(&status).map(|row| row.attempt), Some(1), "nothing was begun");
    });
}
