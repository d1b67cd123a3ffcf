//! Waiting for another thread while a cancel is answered.
//!
//! Calls of an engine block for seconds and cannot be interrupted. They run on their own thread, which sends its results; the
//! plugin's thread waits for them here and abandons them after a cancel.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Interval of checks for a cancel.
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The next message, or `None` once all senders are gone.
///
/// # Errors
/// Errors of `check`, which is called before each wait.
pub fn next<T, E>(receiver: &Receiver<T>, mut check: impl FnMut() -> Result<(), E>) -> Result<Option<T>, E> {
    loop {
        check()?;
        match receiver.recv_timeout(POLL_INTERVAL) {
            Ok(message) => return Ok(Some(message)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn messages_arrive_in_order_until_the_sender_is_gone() {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || (0..3).try_for_each(|number| sender.send(number)));
        let next = || super::next(&receiver, || Ok::<_, ()>(()));
        assert_eq!(
            [next(), next(), next(), next()],
            [Ok(Some(0)), Ok(Some(1)), Ok(Some(2)), Ok(None)]
        );
    }

    #[test]
    fn a_cancel_ends_the_wait_for_a_thread_that_sends_nothing() {
        let (_sender, receiver) = mpsc::channel::<()>();
        let mut checks = 0;
        let cancelled = next(&receiver, || {
            checks += 1;
            if checks == 3 { Err("cancelled") } else { Ok(()) }
        });
        assert_eq!(cancelled, Err("cancelled"));
    }
}
