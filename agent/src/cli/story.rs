//! A VM's timeline told: how long each phase of an attempt took, what the guest reported on the way, and which share of the
//! time was ours rather than the guest's. Pure; `status`, `apply` and `rebuild` print it.

use std::time::Duration;

use crate::observed::{GuestEvent, GuestEventKind, Phase};
use crate::spec::Timestamp;
use crate::world::TimelineEntry;

/// One phase of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leg {
    /// The phase.
    pub(crate) phase: Phase,
    /// When it began.
    pub(crate) at: Timestamp,
    /// How long it took, or has taken so far.
    pub(crate) took: Duration,
    /// It is the present one.
    pub(crate) present: bool,
    /// How much of it was our work or our delay, not the guest's.
    pub(crate) ours: Duration,
    /// What the guest told meanwhile.
    pub(crate) marks: Vec<(Timestamp, String)>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Story {
    /// The attempt.
    pub(crate) attempt: u32,
    /// Its phases, oldest first.
    pub(crate) legs: Vec<Leg>,
}

impl Story {
    /// The story of `attempt`, told at `now`.
    pub(crate) fn of(attempt: u32, timeline: &[TimelineEntry], events: &[GuestEvent], now: Timestamp) -> Self {
        let entries: Vec<&TimelineEntry> = timeline.iter().filter(|entry| entry.attempt == attempt).collect();
        // A later attempt ends this one's last phase.
        let next = timeline.iter().filter(|entry| entry.attempt > attempt).map(|entry| entry.at).min();
        let legs = entries.iter().enumerate().map(|(index, entry)| {
            let end = entries.get(index + 1).map(|entry| entry.at).or(next);
            let until = end.unwrap_or(now);
            let took = until.since(entry.at);
            let marks: Vec<(Timestamp, String)> = events
                .iter()
                .filter(|event| event.attempt == attempt && event.at >= entry.at && (event.at < until || end.is_none()))
                .map(|event| (event.at, mark(&event.kind)))
                .collect();
            let ours = ours(entry.phase, took, until, events.iter().filter(|event| event.attempt == attempt));
            Leg { phase: entry.phase, at: entry.at, took, present: end.is_none(), ours, marks }
        });
        Self { attempt, legs: legs.collect() }
    }

    /// From the first phase to `Ready` or `Failed`, or until now where neither has come.
    pub(crate) fn total(&self) -> Duration {
        self.working().map(|leg| leg.took).sum()
    }

    /// The share of [`Self::total`] that was ours.
    pub(crate) fn ours(&self) -> Duration {
        self.working().map(|leg| leg.ours).sum()
    }

    /// [`Self::ours`] in percent of [`Self::total`]; none before any time has passed.
    pub(crate) fn ours_percent(&self) -> Option<f64> {
        let total = self.total().as_secs_f64();
        (total > 0.0).then(|| self.ours().as_secs_f64() * 100.0 / total)
    }

    /// When the attempt began.
    pub(crate) fn began(&self) -> Option<Timestamp> {
        self.legs.first().map(|leg| leg.at)
    }

    fn working(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().take_while(|leg| !matches!(leg.phase, Phase::Ready | Phase::Failed | Phase::Retiring))
    }
}

/// How much of a phase was ours. Upper bounds: preparing, the change to the boot from disk and the checks count in full; where a
/// report of the guest ends the phase, what passed from the report to the next phase.
fn ours<'a>(phase: Phase, took: Duration, until: Timestamp, mut events: impl Iterator<Item = &'a GuestEvent>) -> Duration {
    let after = |event: Option<&GuestEvent>| event.map_or(Duration::ZERO, |event| until.since(event.at).min(took));
    match phase {
        Phase::Preparing | Phase::Installed | Phase::Verifying => took,
        Phase::Booting => after(events.find(|event| matches!(event.kind, GuestEventKind::FirstBoot { .. }))),
        Phase::Enrolling => after(events.find(|event| matches!(event.kind, GuestEventKind::Handoff(_)))),
        Phase::Installing | Phase::Ready | Phase::Failed | Phase::Retiring => Duration::ZERO,
    }
}

fn mark(kind: &GuestEventKind) -> String {
    match kind {
        GuestEventKind::KickstartFetched => "kickstart fetched".to_owned(),
        GuestEventKind::Stage(stage) => format!("stage {}", stage.as_str()),
        GuestEventKind::Failed { section, .. } => format!("%{section} reported a failure"),
        GuestEventKind::FirstBoot { address } => format!("first boot, from {address}"),
        GuestEventKind::Packages(packages) => format!("{} package(s) reported", packages.len()),
        GuestEventKind::Handoff(result) => {
            format!("Puppet: {} of {} resources changed", result.resources.1, result.resources.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observed::InstallStage;

    fn entry(attempt: u32, phase: Phase, at: u64) -> TimelineEntry {
        TimelineEntry { attempt, phase, at: Timestamp(at), note: None }
    }

    fn timeline() -> Vec<TimelineEntry> {
        vec![
            entry(1, Phase::Preparing, 0),
            entry(1, Phase::Failed, 500),
            entry(2, Phase::Preparing, 1_000),
            entry(2, Phase::Installing, 2_000),
            entry(2, Phase::Installed, 32_000),
            entry(2, Phase::Booting, 32_500),
            entry(2, Phase::Verifying, 40_500),
            entry(2, Phase::Ready, 41_000),
        ]
    }

    fn events() -> Vec<GuestEvent> {
        let event = |at, kind| GuestEvent { at: Timestamp(at), attempt: 2, kind };
        vec![
            event(5_000, GuestEventKind::KickstartFetched),
            event(6_000, GuestEventKind::Stage(InstallStage::Pre)),
            event(40_300, GuestEventKind::FirstBoot { address: [192, 0, 2, 7].into() }),
        ]
    }

    #[test]
    fn an_attempt_tells_its_phases_marks_and_the_share_that_is_ours() {
        let story = Story::of(2, &timeline(), &events(), Timestamp(100_000));
        assert_eq!(story.total(), Duration::from_secs(40));
        // 1 s preparing, 0.5 s installed, 0.2 s from the first-boot report on, 0.5 s verifying.
        assert_eq!(story.ours(), Duration::from_millis(2_200));
        assert!(story.ours_percent().is_some_and(|percent| (percent - 5.5).abs() < 1e-9));
        let installing = &story.legs[1];
        assert_eq!(
            installing.marks.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
            ["kickstart fetched", "stage pre"]
        );
        assert!(story.legs.last().is_some_and(|leg| leg.phase == Phase::Ready && leg.present));
    }

    #[test]
    fn a_past_attempt_ends_where_the_next_begins() {
        let story = Story::of(1, &timeline(), &events(), Timestamp(100_000));
        assert_eq!(story.legs.len(), 2);
        assert_eq!(
            (story.total(), story.legs[1].took, story.legs[1].present),
            (Duration::from_millis(500), Duration::from_millis(500), false)
        );
    }

    #[test]
    fn an_unknown_attempt_has_no_story() {
        let story = Story::of(9, &timeline(), &events(), Timestamp(0));
        assert_eq!((story.legs.len(), story.ours_percent(), story.began()), (0, None, None));
    }
}
