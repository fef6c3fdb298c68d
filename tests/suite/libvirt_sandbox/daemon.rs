//! libvirtd that hangs, goes and comes back; events.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rekindle::observed::DomainState;
use rekindle::spec::Stop;
use rekindle::world::{CallLimits, DomainEvent, Hypervisor, HypervisorError, HypervisorHandle, Libvirt};
use rekindle_tests::sandbox::{URI, within};

use super::{PATIENCE, domain, libvirt, make, observed, run, until};

fn pid() -> String {
    run("cat", &["/run/libvirt/libvirtd.pid"]).trim().to_owned()
}

fn start_libvirtd() {
    run("libvirtd", &["--daemon", "--pid-file", "/run/libvirt/libvirtd.pid"]);
}

fn kill_libvirtd() {
    let pid = pid();
    run("kill", &["-KILL", &pid]);
    until("libvirtd has ended", || (!std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists()).then_some(()));
}

fn listen(libvirt: &Libvirt) -> Receiver<DomainEvent> {
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    libvirt.subscribe(Box::new(move |event| drop(sender.lock().expect("lock").send(event))));
    receiver
}

/// Waits for `event` of `domain`, past others.
#[track_caller]
fn expect_event(events: &Receiver<DomainEvent>, domain: &str, event: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let seen = events.recv_timeout(left).unwrap_or_else(|_| panic!("no `{event}` of `{domain}`"));
        if seen.domain == domain && seen.event == event {
            return;
        }
    }
}

#[test]
fn a_hung_libvirtd_is_unreachable_at_the_deadline_and_works_again_afterwards() {
    within(|| {
        let limits = CallLimits { quick: Duration::from_secs(2), slow: Duration::from_secs(2), ..CallLimits::default() };
        let handle = HypervisorHandle::with_limits(Arc::new(libvirt()), URI, limits);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
        runtime.block_on(async {
            handle.observe().await.expect("observed");
            let pid = pid();
            run("kill", &["-STOP", &pid]);
            let began = Instant::now();
            // More than there are slots: some hang, some are answered at once.
            let calls: Vec<_> = (0..6)
                .map(|_| {
                    tokio::spawn({
                        let handle = handle.clone();
                        async move { handle.observe().await }
                    })
                })
                .collect();
            for call in calls {
                let answer = call.await.expect("task");
                assert!(matches!(answer, Err(HypervisorError::Unreachable { .. })), "{answer:?}");
            }
            // One that never had a connection hangs in making it, and is told apart from others no less.
            let late = HypervisorHandle::with_limits(Arc::new(Libvirt::new(URI)), URI, limits);
            let answer = late.observe().await;
            assert!(matches!(answer, Err(HypervisorError::Unreachable { .. })), "{answer:?}");
            assert!(began.elapsed() < Duration::from_secs(20), "took {:?}", began.elapsed());
            run("kill", &["-CONT", &pid]);
            let deadline = Instant::now() + PATIENCE;
            for handle in [&handle, &late] {
                while let Err(error) = handle.observe().await {
                    assert!(Instant::now() < deadline, "not back: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        });
    });
}

#[test]
fn a_qemu_that_hangs_holds_up_nothing_but_itself() {
    within(|| {
        let libvirt = Arc::new(libvirt());
        let (web, db) = (domain("web1"), domain("db1"));
        for domain in [&web, &db] {
            make(&libvirt, domain);
            libvirt.start_domain(&domain.name, domain.uuid).expect("started");
        }
        run("kill", &["-STOP", run("cat", &["/run/libvirt/qemu/web1.pid"]).trim()]);
        // Asking it to shut down goes through its monitor and hangs there.
        let asking = std::thread::spawn({
            let (libvirt, web) = (libvirt.clone(), web.clone());
            move || libvirt.stop_domain(&web.name, web.uuid, Stop::Ask)
        });
        // The second one finds the first in its way, in about 30 s.
        until("the first is on its way", || {
            let jobs = run("virsh", &["domcontrol", "web1"]);
            jobs.contains("occupied").then_some(())
        });
        let began = Instant::now();
        let seen = libvirt.observe().expect("observed").domains;
        assert_eq!((seen["web1"].state, seen["db1"].state), (DomainState::Running, DomainState::Running));
        libvirt.stop_domain(&db.name, db.uuid, Stop::Now).expect("stopped");
        assert!(began.elapsed() < Duration::from_secs(20), "took {:?}", began.elapsed());

        let second = libvirt.stop_domain(&web.name, web.uuid, Stop::Ask);
        assert!(matches!(second, Err(HypervisorError::Busy { .. })), "{second:?}");
        libvirt.stop_domain(&web.name, web.uuid, Stop::Now).expect("killed");
        assert!(asking.join().expect("thread").is_err(), "it was killed before it answered");
        assert_ne!(observed(&libvirt, "web1").state, DomainState::Running);
    });
}

#[test]
fn a_libvirtd_that_stays_hung_is_given_up_by_keep_alive() {
    within(|| {
        let libvirt = libvirt();
        libvirt.observe().expect("observed");
        let pid = pid();
        run("kill", &["-STOP", &pid]);
        let began = Instant::now();
        // No handle and so no deadline: the call itself has to end.
        let answer = libvirt.observe();
        assert!(matches!(answer, Err(HypervisorError::Unreachable { .. })), "{answer:?}");
        assert!(began.elapsed() < PATIENCE, "took {:?}", began.elapsed());
        run("kill", &["-CONT", &pid]);
        until("it answers again", || libvirt.observe().ok());
    });
}

#[test]
fn a_restart_of_libvirtd_costs_one_call_at_most_and_guests_live_on() {
    within(|| {
        let libvirt = libvirt();
        let web = domain("web1");
        make(&libvirt, &web);
        libvirt.start_domain(&web.name, web.uuid).expect("started");
        let guest = run("cat", &["/run/libvirt/qemu/web1.pid"]);
        kill_libvirtd();
        let answer = libvirt.observe();
        assert!(matches!(answer, Err(HypervisorError::Unreachable { .. })), "{answer:?}");
        start_libvirtd();
        until("it answers again", || libvirt.observe().ok());
        let seen = observed(&libvirt, "web1");
        assert_eq!((seen.state, seen.owner), (DomainState::Running, Some(web.owner)));
        assert_eq!(run("cat", &["/run/libvirt/qemu/web1.pid"]), guest);
    });
}

#[test]
fn events_come_and_go_on_coming_after_a_restart_of_libvirtd() {
    within(|| {
        let libvirt = libvirt();
        let events = listen(&libvirt);
        let second = listen(&libvirt);
        let web = domain("web1");
        // Subscribing does not wait for the connection: define until it is heard.
        make(&libvirt, &web);
        let heard = |attempt: u32| {
            let mut again = web.clone();
            again.owner.attempt = attempt;
            super::define(&libvirt, &again);
            events.recv_timeout(Duration::from_millis(200)).is_ok()
        };
        let mut attempt = 1;
        until("the first event", || {
            attempt += 1;
            heard(attempt).then_some(())
        });
        libvirt.start_domain(&web.name, web.uuid).expect("started");
        expect_event(&events, "web1", "started");
        expect_event(&second, "web1", "started");
        libvirt.stop_domain(&web.name, web.uuid, Stop::Now).expect("stopped");
        expect_event(&events, "web1", "stopped");

        kill_libvirtd();
        start_libvirtd();
        expect_event(&events, "", "reconnected");
        until("it answers again", || libvirt.observe().ok());
        libvirt.start_domain(&web.name, web.uuid).expect("started");
        expect_event(&events, "web1", "started");
        expect_event(&second, "web1", "started");
    });
}

#[test]
fn without_libvirtd_every_call_says_so_at_once() {
    within(|| {
        kill_libvirtd();
        let libvirt = libvirt();
        let began = Instant::now();
        let answer = libvirt.observe();
        let Err(HypervisorError::Unreachable { uri, reason }) = answer else { panic!("{answer:?}") };
        assert_eq!(uri, URI);
        assert!(reason.contains("libvirt-sock"), "{reason}");
        assert!(began.elapsed() < Duration::from_secs(15));
    });
}
