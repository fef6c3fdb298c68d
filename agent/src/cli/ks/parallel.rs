//! Many files at once, answered in the order they were named.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Does `work` with each of `things` on all processors, and gives the results to `take` in order, each as soon as all before
/// it are there. One thing is worked on without a thread. Ends early when `take` fails.
pub(super) fn in_order<T: Sync, R: Send, E>(
    things: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(things.len());
    if workers <= 1 {
        return things.iter().try_for_each(|thing| take(work(thing)));
    }
    let next = AtomicUsize::new(0);
    // Bounded, so that results wait for their printer and not in memory.
    let (sender, receiver) = mpsc::sync_channel(workers * 4);
    thread::scope(|scope| {
        for _ in 0..workers {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((index, thing)) = pick(next, things) {
                    if sender.send((index, work(thing))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut early: Vec<(usize, R)> = Vec::new();
        let mut due = 0;
        for result in receiver {
            early.push(result);
            while let Some(at) = early.iter().position(|(index, _)| *index == due) {
                take(early.swap_remove(at).1)?;
                due += 1;
            }
        }
        Ok(())
    })
}

fn pick<'t, T>(next: &AtomicUsize, things: &'t [T]) -> Option<(usize, &'t T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    things.get(index).map(|thing| (index, thing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_files() {
        let things: Vec<usize> = (0..500).collect();
        let mut got = Vec::new();
        // The first of each ten takes longest.
        let work = |thing: &usize| {
            let rounds = if thing.is_multiple_of(10) { 20_000 } else { 10 };
            (0..rounds).fold(*thing, |sum, _| std::hint::black_box(sum))
        };
        let all = in_order(&things, work, |result| {
            got.push(result);
            Ok::<(), ()>(())
        });
        assert_eq!((all, got), (Ok(()), things));
    }

    #[test]
    fn a_failing_reader_ends_the_run() {
        let things: Vec<usize> = (0..500).collect();
        let end = in_order(&things, |thing| *thing, |result| if result < 3 { Ok(()) } else { Err(result) });
        assert_eq!(end, Err(3));
    }
}
