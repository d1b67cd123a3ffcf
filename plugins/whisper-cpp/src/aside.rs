//! whisper.cpp's work on a thread of its own, so that a cancel is answered while it computes.
//!
//! A pass of the encoder takes up to some seconds, the voice activity detection of a long recording longer, and neither can be
//! stopped. So a thread does the work, owns all it works with, and tells what comes of it through a channel; whoever waits looks at the
//! host's cancel flag meanwhile. After a cancel the work is let go of: nobody hears it any more, [`Relay::stop`] ends it the
//! next time that whisper.cpp asks, and what it holds is freed then. A process that ends does not wait for it.

use std::ffi::c_int;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use crate::ffi::{EngineSegment, Listener, RunError};

/// How often the cancel flag is looked at while nothing is told.
const PATIENCE: Duration = Duration::from_millis(50);

/// What a run tells.
enum Told {
    Window(Vec<EngineSegment>, u32),
    Progress(c_int),
}

/// The listener of a run on another thread.
pub(crate) struct Relay {
    told: Sender<Told>,
    let_go: Arc<AtomicBool>,
}

impl Listener for Relay {
    fn window(&mut self, segments: Vec<EngineSegment>, attempt: u32) {
        // Nobody listens any more after a cancel.
        let _ = self.told.send(Told::Window(segments, attempt));
    }

    fn progress(&mut self, percent: c_int) {
        let _ = self.told.send(Told::Progress(percent));
    }

    fn stop(&self) -> bool {
        self.let_go.load(Ordering::Relaxed)
    }
}

/// Lets go of the work when it is dropped, be it by a panic of the listener.
struct LetGo(Arc<AtomicBool>);

impl Drop for LetGo {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What `work` gives, done on a thread of its own; what it tells goes to `listener`, on this one.
///
/// # Errors
/// [`RunError::Stopped`] as soon as the listener asks to stop, [`RunError::OutOfMemory`] when the system gives no thread.
///
/// # Panics
/// When `work` does.
pub(crate) fn telling<T, F>(listener: &mut dyn Listener, work: F) -> Result<T, RunError>
where
    T: Send + 'static,
    F: FnOnce(&mut Relay) -> T + Send + 'static,
{
    let (sender, told) = mpsc::channel();
    let let_go = LetGo(Arc::default());
    let mut relay = Relay {
        told: sender,
        let_go: Arc::clone(&let_go.0),
    };
    let body = move || work(&mut relay);
    let thread = thread::Builder::new().name("whisper.cpp".into()).spawn(body);
    let thread = thread.map_err(|_| RunError::OutOfMemory)?;
    loop {
        if listener.stop() {
            return Err(RunError::Stopped);
        }
        match told.recv_timeout(PATIENCE) {
            Ok(Told::Window(segments, attempt)) => listener.window(segments, attempt),
            Ok(Told::Progress(percent)) => listener.progress(percent),
            Err(RecvTimeoutError::Timeout) => {}
            // The relay went with the work.
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    thread.join().map_err(|payload| resume_unwind(payload))
}

/// As [`telling`], for work that tells nothing.
///
/// # Errors
/// Those of [`telling`].
///
/// # Panics
/// When `work` does.
pub(crate) fn quietly<T, F>(cancelled: &dyn Fn() -> bool, work: F) -> Result<T, RunError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    struct Quiet<'a>(&'a dyn Fn() -> bool);
    impl Listener for Quiet<'_> {
        fn window(&mut self, _: Vec<EngineSegment>, _: u32) {}
        fn progress(&mut self, _: c_int) {}
        fn stop(&self) -> bool {
            (self.0)()
        }
    }
    telling(&mut Quiet(cancelled), |_| work())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[derive(Default)]
    struct Heard {
        percents: Vec<c_int>,
        asked: Cell<u32>,
        stop_after: Option<u32>,
    }

    impl Listener for Heard {
        fn window(&mut self, _: Vec<EngineSegment>, _: u32) {}
        fn progress(&mut self, percent: c_int) {
            self.percents.push(percent);
        }
        fn stop(&self) -> bool {
            self.asked.set(self.asked.get() + 1);
            self.stop_after.is_some_and(|times| self.asked.get() > times)
        }
    }

    #[test]
    fn everything_that_is_told_is_heard_in_order() {
        let mut heard = Heard::default();
        let count = telling(&mut heard, |relay| (0..1000).map(|n| relay.progress(n)).count());
        assert_eq!(count, Ok(1000));
        assert!(heard.percents.into_iter().eq(0..1000));
    }

    #[test]
    fn work_that_cannot_be_stopped_is_let_go_of_and_then_stops() {
        let (go_on, stands) = mpsc::channel::<()>();
        let (sender, ended) = mpsc::channel();
        let mut impatient = Heard {
            stop_after: Some(3),
            ..Heard::default()
        };
        let work = move |relay: &mut Relay| {
            // As a pass of the encoder: deaf until it is over.
            stands.recv().expect("the test lets it go on");
            sender.send(relay.stop()).expect("the test waits");
        };
        assert_eq!(telling(&mut impatient, work), Err(RunError::Stopped));
        go_on.send(()).expect("it stands");
        assert_eq!(ended.recv(), Ok(true), "the next time it asks it is told to stop");
    }

    #[test]
    #[should_panic(expected = "out of order")]
    fn a_panic_of_the_work_comes_out_here() {
        let _ = quietly(&|| false, || panic!("out of order"));
    }
}
