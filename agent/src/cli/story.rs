//! A VM's timeline told: how long each phase of an attempt took, what the guest reported on the way, and which share of the
//! time was ours rather than the guest's. Pure; `status`, `apply` and `rebuild` print it.

use serde::Serialize;

use crate::observed::Phase;
use crate::serve::view::{EventView, PhaseView, VmView};

/// One phase of an attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Leg {
    /// The phase.
    pub(crate) phase: String,
    /// When it began (RFC 3339).
    pub(crate) at: String,
    /// How long it took, or has taken so far.
    pub(crate) seconds: f64,
    /// How much of it was our work or our delay, not the guest's: an upper bound.
    pub(crate) ours_seconds: f64,
    /// It is the present one.
    pub(crate) present: bool,
    /// What the guest told meanwhile.
    pub(crate) marks: Vec<Mark>,
}

/// Something that the guest told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Mark {
    /// Since the begin of the attempt.
    pub(crate) after_seconds: f64,
    /// What.
    pub(crate) what: String,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Story {
    /// Which, from 1.
    pub(crate) attempt: u32,
    /// Its phases, oldest first.
    pub(crate) legs: Vec<Leg>,
    /// From the first phase to `ready` or `failed`, or until now where neither has come.
    pub(crate) seconds: f64,
    /// The part of that which was ours.
    pub(crate) ours_seconds: f64,
    /// The same in percent; none before any time has passed.
    pub(crate) ours_percent: Option<f64>,
}

impl Story {
    /// The story of the present attempt; none before the first.
    pub(crate) fn of(view: &VmView) -> Option<Self> {
        let attempt = Some(view.summary.attempt).filter(|attempt| *attempt > 0)?;
        let phases: Vec<&PhaseView> = view.timeline.iter().filter(|phase| phase.attempt == attempt).collect();
        let began = phases.first()?.at.ms;
        let legs: Vec<Leg> = phases.iter().map(|phase| leg(phase, began, &view.events)).collect();
        let working = || legs.iter().take_while(|leg| !is_end(&leg.phase));
        let seconds: f64 = working().map(|leg| leg.seconds).sum();
        let ours_seconds: f64 = working().map(|leg| leg.ours_seconds).sum();
        let ours_percent = (seconds > 0.0).then(|| ours_seconds * 100.0 / seconds);
        Some(Self { attempt, legs, seconds, ours_seconds, ours_percent })
    }

    /// How long the attempt was in `phase`; none if it never was.
    pub(crate) fn time_in(&self, phase: Phase) -> Option<f64> {
        let legs: Vec<f64> = self.legs.iter().filter(|leg| leg.phase == phase.as_str()).map(|leg| leg.seconds).collect();
        (!legs.is_empty()).then(|| legs.iter().sum())
    }
}

fn is_end(phase: &str) -> bool {
    matches!(Phase::parse(phase), Some(Phase::Ready | Phase::Failed | Phase::Retiring))
}

fn leg(phase: &PhaseView, began: u64, events: &[EventView]) -> Leg {
    let until = phase.at.ms + (phase.seconds * 1000.0).round() as u64;
    let within = |event: &&EventView| event.at.ms >= phase.at.ms && (event.at.ms < until || phase.present);
    let marks = events
        .iter()
        .filter(within)
        .map(|event| Mark { after_seconds: event.at.ms.saturating_sub(began) as f64 / 1000.0, what: what(event) });
    Leg {
        phase: phase.phase.clone(),
        at: phase.at.utc.clone(),
        seconds: phase.seconds,
        ours_seconds: ours(phase, until, events),
        present: phase.present,
        marks: marks.collect(),
    }
}

/// How much of a phase was ours. Upper bounds: preparing, the change to the boot from disk and the checks count in full; where a
/// report of the guest ends the phase, what passed from the report to the next phase.
fn ours(phase: &PhaseView, until: u64, events: &[EventView]) -> f64 {
    let after = |kind: &str| {
        let event = events.iter().find(|event| event.kind == kind);
        event.map_or(0.0, |event| (until.saturating_sub(event.at.ms) as f64 / 1000.0).min(phase.seconds))
    };
    match Phase::parse(&phase.phase) {
        Some(Phase::Preparing | Phase::Installed | Phase::Verifying) => phase.seconds,
        Some(Phase::Booting) if !phase.present => after("first-boot"),
        Some(Phase::Enrolling) if !phase.present => after("handoff"),
        _ => 0.0,
    }
}

fn what(event: &EventView) -> String {
    match event.kind.as_str() {
        "kickstart-fetched" => "kickstart fetched".to_owned(),
        "stage" => format!("stage {}", event.detail),
        "failed" => format!("a failure in %{}", event.detail),
        "first-boot" => format!("first boot, from {}", event.detail),
        "packages" => format!("{} package(s) reported", event.detail),
        "updated" => format!("packages changed in place: {}", event.detail),
        "handoff" => format!("Puppet: {}", event.detail),
        other => format!("{other} {}", event.detail),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::serve::view::{TimeView, VmRow};
    use crate::spec::Timestamp;

    fn time(ms: u64) -> TimeView {
        Timestamp(ms).into()
    }

    /// A VM whose second attempt took 40 s to be ready.
    pub(crate) fn view() -> VmView {
        let starts = [
            (1, "preparing", 0),
            (1, "failed", 500),
            (2, "preparing", 1_000),
            (2, "installing", 2_000),
            (2, "installed", 32_000),
            (2, "booting", 32_500),
            (2, "verifying", 40_500),
            (2, "ready", 41_000),
        ];
        let ends = starts.iter().skip(1).map(|(_, _, at)| *at).chain([100_000]);
        let timeline = starts.iter().zip(ends).map(|((attempt, phase, at), end)| PhaseView {
            attempt: *attempt,
            phase: (*phase).to_owned(),
            at: time(*at),
            seconds: (end - at) as f64 / 1000.0,
            present: *phase == "ready",
            note: None,
        });
        let event = |ms, kind: &str, detail: &str| EventView { at: time(ms), kind: kind.to_owned(), detail: detail.to_owned() };
        VmView {
            puppet: None,
            summary: VmRow {
                vm: "web1".to_owned(),
                phase: Some("ready".to_owned()),
                note: "it is ready".to_owned(),
                since: Some(time(41_000)),
                deadline: None,
                settled: true,
                attempt: 2,
                recovery_seconds: Some(40.0),
                cause: None,
                fqdn: Some("web1.example".to_owned()),
                role: Some("shop-web".to_owned()),
                stage: Some("dev".to_owned()),
                team: None,
                address: Some("192.0.2.7".to_owned()),
                domain: Some("running".to_owned()),
                installer: None,
            },
            at: time(100_000),
            timeline: timeline.collect(),
            events: vec![
                event(5_000, "kickstart-fetched", ""),
                event(6_000, "stage", "pre"),
                event(40_300, "first-boot", "192.0.2.7"),
            ],
            packages: Vec::new(),
            handoff: None,
            checks: Vec::new(),
            failure: None,
            rebuild: None,
        }
    }

    #[test]
    fn an_attempt_tells_its_phases_marks_and_the_share_that_is_ours() {
        let story = Story::of(&view()).expect("a story");
        // 1 s preparing, 0.5 s installed, 0.2 s from the first-boot report on, 0.5 s verifying.
        assert!((story.seconds - 40.0).abs() < 1e-9 && (story.ours_seconds - 2.2).abs() < 1e-9, "{story:?}");
        assert!(story.ours_percent.is_some_and(|percent| (percent - 5.5).abs() < 1e-9));
        let marks: Vec<&str> = story.legs[1].marks.iter().map(|mark| mark.what.as_str()).collect();
        assert_eq!(marks, ["kickstart fetched", "stage pre"]);
        assert_eq!(story.time_in(Phase::Booting), Some(8.0));
        assert_eq!(story.time_in(Phase::Enrolling), None);
    }

    #[test]
    fn before_the_first_attempt_there_is_no_story() {
        let mut view = view();
        view.summary.attempt = 0;
        assert_eq!(Story::of(&view), None);
    }
}
