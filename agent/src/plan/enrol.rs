//! The handoff to Puppet: what is awaited, and why it failed.
//!
//! The report is the proof, whichever way it comes. In mode `server` the CA says how far the VM has come until then; that it holds
//! a good certificate is a reason to wait, never a success.

use super::PlanInput;
use super::install::failed;
use super::puppetdb;
use super::report::{Action, VmPlan};
use super::run::{keep_running, late};
use super::vm::VmView;
use crate::observed::{Cause, CertificateOf, CertificateState, Failure, HandoffStatus, ObservedVm, Phase};
use crate::spec::{PuppetMode, Timestamp, VmSpec};

/// Words of Puppet's agent in mode `server`, and what they mean. The first that is found names the cause.
const SIGNS: &[(&str, Cause)] = &[
    ("does not match its private key", Cause::CertificateRefused),
    ("does not match the CA certificate", Cause::CertificateRefused),
    ("already has a signed certificate", Cause::CertificateRefused),
    ("already has a revoked certificate", Cause::CertificateRefused),
    ("already has a requested certificate", Cause::CertificatePending),
    ("which is disallowed", Cause::CertificateRefused),
    ("alert certificate unknown", Cause::CertificateRefused),
    ("alert certificate revoked", Cause::CertificateRefused),
    ("you might still need to sign", Cause::CertificatePending),
    ("maxwaitforcert", Cause::CertificatePending),
    ("has not been signed yet", Cause::CertificatePending),
    ("certificate verify failed", Cause::PuppetUnreachable),
    ("Failed to open TCP connection", Cause::PuppetUnreachable),
    ("Connection refused", Cause::PuppetUnreachable),
    ("getaddrinfo", Cause::PuppetUnreachable),
    ("No route to host", Cause::PuppetUnreachable),
    ("Network is unreachable", Cause::PuppetUnreachable),
    ("execution expired", Cause::PuppetUnreachable),
    ("Could not retrieve catalog", Cause::CatalogFailed),
    ("Error 500 on SERVER", Cause::CatalogFailed),
    ("Error 400 on SERVER", Cause::CatalogFailed),
    ("Failed to compile catalog", Cause::CatalogFailed),
];

/// Puppet runs; its report is awaited.
pub(super) fn plan_enrolling(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm) -> VmPlan {
    let record = &observed.record;
    let certificate = certificate_state(vm, observed);
    let mut plan = view.plan(Some(observed), Action::Continue, doing(certificate));
    plan.deadline = Some(view.deadline(record, vm.deadlines.handoff));
    match observed.handoff() {
        Some((_, result, _)) if result.status != HandoffStatus::Failed => {
            plan.steps = vec![view.moved(record, Phase::Verifying)];
            return plan;
        }
        Some((_, result, _)) => {
            let said = sign(vm, result.failures.iter().map(String::as_str));
            let failure = Failure {
                at: view.input.now,
                phase: record.phase,
                cause: said.map_or(Cause::HandoffFailed, |(cause, _)| cause),
                detail: result.failures.first().cloned().unwrap_or_else(|| "Puppet reports `failed`".to_owned()),
                evidence: result.failures.clone(),
            };
            return failed(view, observed, plan, failure, false);
        }
        None => {}
    }
    if let Some((_, output)) = observed.failure_told() {
        return failed(view, observed, plan, told(view, vm, observed, output), false);
    }
    let (cause, detail) = silence(certificate);
    let detail = [Some(detail.to_owned()), puppetdb::silence(view.input, vm, observed)].into_iter().flatten().collect::<Vec<_>>();
    if let Some(late) = late(view, observed, plan.deadline, cause, &detail.join("; ")) {
        return failed(view, observed, plan, late, false);
    }
    keep_running(view, vm, observed, plan)
}

/// The first-boot unit said that it has failed, with the end of its output.
pub(super) fn told(view: &VmView<'_>, vm: &VmSpec, observed: &ObservedVm, output: &str) -> Failure {
    let evidence: Vec<String> = output.lines().map(crate::observed::clean_line).filter(|line| !line.is_empty()).collect();
    let said = sign(vm, evidence.iter().map(String::as_str));
    let words = said.map(|(_, line)| line).or_else(|| evidence.last().map(String::as_str));
    let begin = "the first-boot unit failed";
    let detail = words.map_or_else(|| begin.to_owned(), |words| format!("{begin}: {words}"));
    let cause = said.map_or(Cause::HandoffFailed, |(cause, _)| cause);
    Failure { at: view.input.now, phase: observed.record.phase, cause, detail, evidence }
}

/// Until when a token for the Puppet CA that is made now is good; none: the VM is not handed to a server.
pub(super) fn token_until(input: &PlanInput<'_>, vm: &VmSpec) -> Option<Timestamp> {
    let server = input.spec.site.puppet.as_ref()?.server.as_ref()?;
    puppetdb::is_served(vm).then(|| input.now.plus(server.token_lifetime))
}

/// The first sign in the words of an agent that has a server, with its line.
fn sign<'a>(vm: &VmSpec, lines: impl Iterator<Item = &'a str> + Clone) -> Option<(Cause, &'a str)> {
    vm.puppet.as_ref().filter(|puppet| puppet.mode == PuppetMode::Server)?;
    SIGNS.iter().find_map(|(words, cause)| lines.clone().find(|line| line.contains(words)).map(|line| (*cause, line)))
}

/// What the CA was last seen to hold; none: it was not asked yet, or there is none.
fn certificate_state(vm: &VmSpec, observed: &ObservedVm) -> Option<CertificateState> {
    let of = CertificateOf::all(&observed.record).find(|of| of.certname == vm.fqdn)?;
    observed.certificate_state(&of)
}

fn doing(certificate: Option<CertificateState>) -> String {
    match certificate {
        None => "Puppet runs; its report is awaited",
        Some(CertificateState::Absent) => "Puppet starts; the CA has had no request of it yet",
        Some(CertificateState::Requested) => "its certificate request is with the CA and not signed",
        Some(CertificateState::Signed) => "its certificate is signed; Puppet runs, and its report is awaited",
        Some(CertificateState::Revoked) => "its certificate is revoked",
    }
    .to_owned()
}

/// What it means that no report came in time.
fn silence(certificate: Option<CertificateState>) -> (Cause, &'static str) {
    match certificate {
        None => (Cause::HandoffFailed, "no Puppet report came"),
        Some(CertificateState::Absent) => {
            (Cause::PuppetUnreachable, "the CA has had no request of it: it has no way there, or Puppet did not start")
        }
        Some(CertificateState::Requested) => {
            (Cause::CertificatePending, "the CA has its request and has not signed it: the policy's log there says why")
        }
        Some(CertificateState::Signed) => (Cause::HandoffFailed, "its certificate is signed, but no Puppet report came"),
        Some(CertificateState::Revoked) => (Cause::CertificateRefused, "somebody revoked its certificate"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::sample;

    /// What the agent says, and the cause that it names; none: only that the handoff failed.
    #[track_caller]
    fn check_sign(mode: PuppetMode, line: &str, cause: Option<Cause>) {
        let mut vm = sample::spec("/nonexistent".into()).vms.into_values().next().unwrap();
        vm.puppet = Some(sample::puppet(mode));
        assert_eq!(sign(&vm, [line, "ended with 1"].into_iter()).map(|(cause, _)| cause), cause, "{line}");
    }

    #[test]
    fn the_agents_words_name_the_cause() {
        use PuppetMode::Server;
        let table = [
            ("Error: The certificate for 'CN=web01.lab.test' does not match its private key", Some(Cause::CertificateRefused)),
            (
                "Couldn't fetch certificate from CA server; you might still need to sign this agent's certificate (web01).",
                Some(Cause::CertificatePending),
            ),
            (
                "Error: Could not retrieve catalog from remote server: Error 500 on SERVER: Server Error: Evaluation Error",
                Some(Cause::CatalogFailed),
            ),
            (
                "Error: Failed to open TCP connection to 10.44.0.1:8140 (Connection refused - connect(2))",
                Some(Cause::PuppetUnreachable),
            ),
            ("Error: /Stage[main]/Main/File[/x]/ensure: change failed", None),
        ];
        for (line, cause) in table {
            check_sign(Server, line, cause);
            // Without a server these words are somebody else's.
            check_sign(PuppetMode::Apply, line, None);
        }
    }

    #[test]
    fn silence_is_named_after_what_the_ca_holds() {
        let states = [CertificateState::Absent, CertificateState::Requested, CertificateState::Signed, CertificateState::Revoked];
        let causes = states.map(|state| silence(Some(state)).0);
        let expected = [Cause::PuppetUnreachable, Cause::CertificatePending, Cause::HandoffFailed, Cause::CertificateRefused];
        assert_eq!(causes, expected);
    }
}
