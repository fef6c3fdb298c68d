//! Does what the plan says at the Puppet CA, name by name over one connection, and puts what was seen on the board.

use std::sync::Arc;

use super::{Context, StepFault};
use crate::observed::{CertificateOf, CertificateState};
use crate::spec::PuppetServerSpec;
use crate::world::Change;

/// What is done with each name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Look,
    Revoke,
    Delete,
}

enum Answer {
    Seen(CertificateState),
    Done(Change),
}

/// Ends at the first error that is not about one name alone; what was done until then is done.
pub(super) async fn run(cx: &Context, task: Task, names: Vec<CertificateOf>) -> Result<Change, StepFault> {
    let server = cx.spec.site.puppet.as_ref().and_then(|puppet| puppet.server.clone()).ok_or(StepFault::NoCa)?;
    let cx = cx.clone();
    let done = tokio::task::spawn_blocking(move || one_by_one(&cx, &server, task, names));
    done.await.map_err(|e| StepFault::Aborted(e.to_string()))?
}

fn one_by_one(cx: &Context, server: &PuppetServerSpec, task: Task, names: Vec<CertificateOf>) -> Result<Change, StepFault> {
    let ca = Arc::clone(&cx.world.ca);
    let mut session = ca.open(server)?;
    let mut change = Change::Unchanged;
    for (done, of) in names.into_iter().enumerate() {
        if done > 0 {
            // Each name is an effect of its own; the first is the step's.
            cx.budget.spend()?;
        }
        // The time before the call: what happens while it is under way is not seen by it.
        let asked = cx.world.clock.now();
        let answer = match task {
            Task::Look => session.look(&of.certname).map(Answer::Seen),
            Task::Revoke => session.revoke(&of.certname).map(Answer::Done),
            Task::Delete => session.delete(&of.certname).map(Answer::Done),
        };
        match answer {
            Ok(Answer::Seen(state)) => cx.world.board.certificate_seen(of, state, asked),
            Ok(Answer::Done(done)) => {
                if done == Change::Changed {
                    tracing::info!(vm = %of.vm, certname = %of.certname, ?task, "done at the CA");
                    change = Change::Changed;
                }
                cx.world.board.certificate_served(of);
            }
            Err(error) if error.is_about_the_name() => {
                tracing::warn!(vm = %of.vm, certname = %of.certname, ?task, %error, "the CA refuses");
                cx.world.board.certificate_refused(of, error.to_string(), asked);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(change)
}
