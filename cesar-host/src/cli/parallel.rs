//! Parallel transcription of several recordings.
//!
//! Additional cores speed up one recording less and less, additional recordings use them fully; and parallel recordings share one
//! model, if the engine supports that. So as many recordings run as there are cores, in order, and each has its share of the cores.
//! The text does not depend on their number.
//!
//! Files are written when finished. Standard output is one text after the other, in the order of the recordings: [`OutputOrder`].

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use cesar_base::GivenValue;
use cesar_pipeline::{Pipeline, StageRequest};
use parking_lot::{Condvar, Mutex};
use serde_json::json;

use super::report::Failure;

/// Maximum, because each takes memory besides the model.
const MOST: usize = 4;

/// The option of an engine for its number of threads.
const THREADS: &str = "threads";

fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The number of parallel recordings. 0 in `asked` derives it from the cores: one core each, or the given number of `threads`.
pub(super) fn at_a_time(asked: usize, recordings: usize, threads: Option<usize>) -> usize {
    let most = match asked {
        0 => (cores() / threads.unwrap_or(1)).clamp(1, MOST),
        asked => asked,
    };
    most.min(recordings).max(1)
}

/// The requested number of threads; 0 means none.
pub(super) fn threads(asr: &StageRequest) -> Option<usize> {
    let said = match asr.options.get(THREADS)? {
        GivenValue::Text(text) => text.parse().ok(),
        GivenValue::Typed(value) => value.as_u64().and_then(|number| number.try_into().ok()),
    };
    said.filter(|threads| *threads > 0)
}

/// Assigns each of the recordings its share of the cores, unless the number of threads was given.
pub(super) fn share_cores(pipeline: &Pipeline, asr: &mut StageRequest, at_a_time: usize) {
    let has_threads = || {
        let engine = pipeline.engine(asr);
        engine.is_ok_and(|engine| engine.manifest.options.contains_key(THREADS))
    };
    if at_a_time > 1 && threads(asr).is_none() && has_threads() {
        let threads = (cores() / at_a_time).max(1);
        asr.options
            .insert(THREADS.to_owned(), GivenValue::Typed(json!(threads)));
    }
}

/// Processes the items in order, up to `at_a_time` in parallel. After a break no new item starts.
pub(super) fn each<T: Sync>(items: &[T], at_a_time: usize, work: impl Fn(usize, &T) -> ControlFlow<()> + Sync) {
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let worker = || {
        while !is_over.load(Ordering::Acquire) {
            let index = next.fetch_add(1, Ordering::AcqRel);
            let Some(item) = items.get(index) else { return };
            if work(index, item).is_break() {
                is_over.store(true, Ordering::Release);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..at_a_time {
            scope.spawn(worker);
        }
        worker();
    });
}

/// The result of `work`, of which a panic is the failure of the recording with this label and of no other.
pub(super) fn contained<T>(label: &str, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let result = catch_unwind(AssertUnwindSafe(work));
    result.unwrap_or_else(|_| {
        let text = format!("{label}: a defect of Cesar, described above, ended its processing: please report it");
        Err(Failure::failed(text))
    })
}

/// Order of access to standard output: the first unfinished item may write.
#[derive(Debug, Default)]
pub(super) struct OutputOrder {
    done: Mutex<Done>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Done {
    /// All items before this one are finished.
    first: usize,
    /// Further finished items.
    others: BTreeSet<usize>,
}

/// One item's turn; the item is finished when this is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    order: &'a OutputOrder,
    index: usize,
}

impl OutputOrder {
    /// The turn of a started item. Items are started in order.
    pub(super) fn turn(&self, index: usize) -> Turn<'_> {
        Turn { order: self, index }
    }
}

impl Turn<'_> {
    /// Waits until all earlier items are finished.
    pub(super) fn wait(&self) {
        let mut done = self.order.done.lock();
        while done.first < self.index {
            self.order.changed.wait(&mut done);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut done = self.order.done.lock();
        done.others.insert(self.index);
        while done.others.first() == Some(&done.first) {
            done.others.pop_first();
            done.first += 1;
        }
        self.order.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_panic_is_the_failure_of_its_recording() {
        let failed = |failure: Failure| failure.text;
        let sound = contained("a.wav", || Ok(1)).map_err(failed);
        let panicked = contained("b.wav", || -> Result<i32, _> { panic!("of the test") }).map_err(failed);
        assert_eq!(sound, Ok(1));
        assert!(panicked.is_err_and(|text| text.starts_with("b.wav: a defect of Cesar")));
    }

    #[test]
    fn parallelism_is_limited_by_recordings() {
        let asked = |recordings| at_a_time(3, recordings, None);
        assert_eq!((asked(2), asked(9), asked(0)), (2, 3, 1));
        assert!((1..=MOST).contains(&at_a_time(0, 100, None)));
    }

    #[test]
    fn given_threads_reduce_parallelism() {
        assert_eq!(at_a_time(0, 100, Some(1)), at_a_time(0, 100, None));
        assert_eq!(at_a_time(0, 100, Some(cores())), 1);
        assert_eq!(at_a_time(0, 100, Some(10 * cores())), 1);
        assert_eq!(at_a_time(2, 100, Some(cores())), 2, "both were said");
    }

    #[test]
    fn threads_are_read_from_text_or_numbers() {
        let said = |value: Option<GivenValue>| {
            let options = value.map(|value| (THREADS.to_owned(), value)).into_iter().collect();
            threads(&StageRequest {
                options,
                ..StageRequest::default()
            })
        };
        assert_eq!(said(None), None);
        assert_eq!(said(Some(GivenValue::Text("2".into()))), Some(2));
        assert_eq!(said(Some(GivenValue::Typed(json!(3)))), Some(3));
        for nothing in [
            GivenValue::Text("0".into()),
            GivenValue::Text("many".into()),
            GivenValue::Typed(json!(0)),
        ] {
            assert_eq!(said(Some(nothing)), None);
        }
    }

    #[test]
    fn a_break_starts_no_further_item() {
        let begun = AtomicUsize::new(0);
        each(&[(); 9], 1, |index, ()| {
            begun.fetch_add(1, Ordering::Relaxed);
            if index == 3 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert_eq!(begun.into_inner(), 4);
    }

    proptest! {
        /// For any order of finishing, turns come in order.
        #[test]
        fn turns_come_in_order(items in 1_usize..40, at_a_time in 1_usize..6) {
            let (order, written) = (OutputOrder::default(), Mutex::new(Vec::new()));
            each(&vec![(); items], at_a_time, |index, ()| {
                let turn = order.turn(index);
                // Every third fails and writes nothing.
                if index % 3 != 2 {
                    turn.wait();
                    written.lock().push(index);
                }
                ControlFlow::Continue(())
            });
            let expected: Vec<_> = (0..items).filter(|index| index % 3 != 2).collect();
            prop_assert_eq!(written.into_inner(), expected);
        }
    }
}
