//! The real CA fails in every way that it can: rebuilds wait for it and finish, each in one attempt, and a VM that does not need it
//! does not notice.

use std::time::{Duration, Instant};

use rekindle::observed::{CertificateState, ObservedCertificate, Phase};
use rekindle::spec::{PuppetServerSpec, Spec};
use rekindle::world::puppet::PuppetCa;
use rekindle_tests::puppetserver::PuppetServer;
use rekindle_tests::say::say;
use rekindle_tests::site::name;

use super::load::{RealCaLab, RealGuests, runtime};

/// A CA that does not answer is given up after this long.
const DEADLINE: Duration = Duration::from_secs(2);
/// How long the CA may take to be back, and everything to be done.
const PATIENCE: Duration = Duration::from_secs(240);
const VMS: [&str; 4] = ["fault-0", "fault-1", "fault-2", "plain"];

struct Trial {
    lab: RealCaLab,
    attempt: u32,
}

impl Trial {
    fn phase(&self, vm: &str) -> Option<Phase> {
        self.lab.host.phase(&name(vm))
    }

    fn note(&self) -> String {
        let snapshot = self.lab.agent.handle.snapshot().expect("a snapshot");
        snapshot.vms[&name::<rekindle::spec::VmName>("fault-2")].note.clone()
    }

    /// Turns until `wanted` holds.
    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !wanted(self) {
            assert!(begin.elapsed() < PATIENCE, "{what}: it never came: {}", self.note());
            self.lab.turn().await;
        }
    }

    /// All are rebuilt; the one without Puppet is ready while the others wait and say why.
    async fn rebuild_and_wait(&mut self, fault: &str, words: &str) {
        self.attempt += 1;
        self.lab.rebuild_all().await;
        let attempt = self.attempt;
        self.until(fault, |trial| {
            let plain = trial.lab.host.store.record(&name("plain")).expect("the store").expect("a record");
            let waits = VMS[..3].iter().all(|vm| trial.phase(vm) == Some(Phase::Installed));
            let note = trial.note();
            plain.phase == Phase::Ready
                && plain.attempt == attempt
                && waits
                && note.starts_with("waiting for the CA, 2 ahead")
                && note.contains(words)
        })
        .await;
        say(format_args!("  {fault}: {}", self.note()));
    }

    /// The fault is over: all get ready, none with a lost attempt.
    async fn finish(&mut self, fault: &str) {
        self.until(fault, |trial| VMS.iter().all(|vm| trial.phase(vm) == Some(Phase::Ready))).await;
        let records = self.lab.host.store.records().expect("the store");
        assert!(records.values().all(|record| record.attempt == self.attempt), "{fault}: an attempt was lost: {records:?}");
    }

    /// Another agent takes over, with a site that says something else about the server.
    fn restart(&mut self, change: impl Fn(&mut PuppetServerSpec)) {
        let mut spec = Spec::clone(&self.lab.spec);
        change(spec.site.puppet.as_mut().and_then(|puppet| puppet.server.as_mut()).expect("a server"));
        self.lab.agent = self.lab.host.agent(&spec.into(), None);
    }
}

pub(super) fn rebuilds_wait_for_a_ca_that_fails_and_finish(server: &mut PuppetServer) {
    let guests = RealGuests::new(server);
    let names = VMS.map(str::to_owned);
    let lab = RealCaLab::new(server, &guests, PuppetCa::with_deadline(DEADLINE), &names);
    let mut trial = Trial { lab, attempt: 1 };
    runtime().block_on(async {
        trial.lab.settle().await;

        // 403: a certificate that the CA knows and does not let clean.
        let plain = server.path.join("plain");
        trial.restart(|puppet| {
            puppet.client_certificate = plain.join("cert.pem");
            puppet.client_key = plain.join("key.pem");
        });
        trial.rebuild_and_wait("403", "does not let this agent").await;
        trial.restart(|_| {});
        trial.finish("403").await;

        server.freeze();
        trial.rebuild_and_wait("stopped in its tracks", "did not answer within 2 s").await;
        server.thaw();
        trial.finish("stopped in its tracks").await;

        // Between revocation and deletion the CA is killed, and the agent with it.
        trial.attempt += 1;
        trial.lab.rebuild_all().await;
        trial
            .until("restarted in the middle", |trial| {
                let snapshot = trial.lab.agent.handle.snapshot().expect("a snapshot");
                let states = snapshot.observed.vms.values().flat_map(|vm| vm.certificates.iter().map(ObservedCertificate::state));
                states.filter(|state| *state == Some(CertificateState::Revoked)).count() > 0
            })
            .await;
        server.kill();
        trial.restart(|_| {});
        trial
            .until("down", |trial| {
                let waits = VMS[..3].iter().all(|vm| trial.phase(vm) == Some(Phase::Installed));
                waits && trial.phase("plain") == Some(Phase::Ready) && trial.note().contains("cannot be reached")
            })
            .await;
        say(format_args!("  down, after the revocation: {}", trial.note()));
        let begin = server.start_again();
        server.wait_ready(begin);
        trial.finish("restarted in the middle").await;
    });
    let list = server.list();
    let revoked = server.revoked_serials();
    for vm in &VMS[..3] {
        let listed = &list[&format!("{vm}.example.com")];
        assert_eq!(listed.state, "signed", "{vm}");
        assert!(!revoked.contains(&listed.serial.expect("a serial number")));
    }
    assert!(revoked.len() >= 9, "three VMs were rebuilt three times: {revoked:?}");
    say("  403, stopped, killed between revocation and deletion, restarted: all finished, each in one attempt");
}
