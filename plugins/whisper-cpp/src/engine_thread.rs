//! A run of whisper.cpp on its own thread, so that a cancel is answered while it computes.
//!
//! A pass of the encoder takes up to some seconds, the voice activity detection of a long recording longer, and neither can be
//! stopped. So a thread does the work, owns all its data, and sends messages through a channel; the caller checks the host's cancel
//! flag while it waits for them. After a cancel the work is abandoned: its messages are dropped, [`Relay::stop`] ends it at
//! whisper.cpp's next check, and its memory is freed then. The end of the process does not wait for it.

use std::ffi::c_int;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use cesar_plugin_common::wait;

use crate::ffi::{EngineSegment, Listener, RunError};

/// A message of a run.
enum Message {
    Window(Vec<EngineSegment>, u32),
    Progress(c_int),
}

/// The listener of a run on another thread.
pub(crate) struct Relay {
    messages: Sender<Message>,
    abandoned: Arc<AtomicBool>,
}

impl Listener for Relay {
    fn window(&mut self, segments: Vec<EngineSegment>, attempt: u32) {
        // After a cancel there is no receiver.
        let _ = self.messages.send(Message::Window(segments, attempt));
    }

    fn progress(&mut self, percent: c_int) {
        let _ = self.messages.send(Message::Progress(percent));
    }

    fn stop(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }
}

/// Abandons the work when dropped, also by a panic of the listener.
struct Abandon(Arc<AtomicBool>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on its own thread and returns its result; `listener` gets its messages on this thread.
///
/// # Errors
/// [`RunError::Stopped`] as soon as the listener requests a stop, [`RunError::OutOfMemory`] if the thread cannot be started.
///
/// # Panics
/// When `work` does.
pub(crate) fn run<T, F>(listener: &mut dyn Listener, work: F) -> Result<T, RunError>
where
    T: Send + 'static,
    F: FnOnce(&mut Relay) -> T + Send + 'static,
{
    let (sender, messages) = mpsc::channel();
    let abandon = Abandon(Arc::default());
    let mut relay = Relay {
        messages: sender,
        abandoned: Arc::clone(&abandon.0),
    };
    let body = move || work(&mut relay);
    let thread = thread::Builder::new().name("whisper.cpp".into()).spawn(body);
    let thread = thread.map_err(|_| RunError::OutOfMemory)?;
    let next = |listener: &dyn Listener| {
        wait::next(&messages, || {
            if listener.stop() {
                Err(RunError::Stopped)
            } else {
                Ok(())
            }
        })
    };
    // The relay is dropped with the work.
    while let Some(message) = next(listener)? {
        match message {
            Message::Window(segments, attempt) => listener.window(segments, attempt),
            Message::Progress(percent) => listener.progress(percent),
        }
    }
    thread.join().map_err(|payload| resume_unwind(payload))
}

/// As [`run`], for work without messages.
///
/// # Errors
/// Errors of [`run`].
///
/// # Panics
/// When `work` does.
pub(crate) fn run_silently<T, F>(cancelled: &dyn Fn() -> bool, work: F) -> Result<T, RunError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    struct Silent<'a>(&'a dyn Fn() -> bool);
    impl Listener for Silent<'_> {
        fn window(&mut self, _: Vec<EngineSegment>, _: u32) {}
        fn progress(&mut self, _: c_int) {}
        fn stop(&self) -> bool {
            (self.0)()
        }
    }
    run(&mut Silent(cancelled), |_| work())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[derive(Default)]
    struct Recorder {
        percents: Vec<c_int>,
        asked: Cell<u32>,
        stop_after: Option<u32>,
    }

    impl Listener for Recorder {
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
    fn messages_arrive_in_order() {
        let mut recorder = Recorder::default();
        let count = run(&mut recorder, |relay| (0..1000).map(|n| relay.progress(n)).count());
        assert_eq!(count, Ok(1000));
        assert!(recorder.percents.into_iter().eq(0..1000));
    }

    #[test]
    fn a_cancel_abandons_work_that_then_stops() {
        let (resume, blocked) = mpsc::channel::<()>();
        let (sender, ended) = mpsc::channel();
        let mut impatient = Recorder {
            stop_after: Some(3),
            ..Recorder::default()
        };
        let work = move |relay: &mut Relay| {
            // Like a pass of the encoder, which cannot be stopped.
            blocked.recv().expect("the test resumes it");
            sender.send(relay.stop()).expect("the test waits");
        };
        assert_eq!(run(&mut impatient, work), Err(RunError::Stopped));
        resume.send(()).expect("it is blocked");
        assert_eq!(ended.recv(), Ok(true), "the next check stops it");
    }

    #[test]
    #[should_panic(expected = "out of order")]
    fn a_panic_of_the_work_reaches_the_caller() {
        let _ = run_silently(&|| false, || panic!("out of order"));
    }
}
