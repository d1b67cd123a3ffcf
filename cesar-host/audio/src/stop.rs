//! Requests to stop, at any depth of a reader.
//!
//! Opening a recording can take long: a stream without a container is walked to its end, tables and pages are searched. So every read
//! of the file asks first. The request is of the thread that decodes, which opens and reads the files itself; a program that it waits
//! for is killed ([`crate::ffmpeg`]).

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

/// Asks whether to stop; by default never.
#[derive(Clone, Default)]
pub struct Stop(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl Stop {
    /// Never stops.
    pub const NEVER: Self = Self(None);

    /// Stops once `asks` returns `true`. It is called often, and from several threads.
    pub fn when(asks: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(asks)))
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.as_ref().is_some_and(|asks| asks())
    }

    /// Whether it can ever be requested.
    pub(crate) fn is_possible(&self) -> bool {
        self.0.is_some()
    }

    /// Runs `work`, whose reads are refused once the stop is requested.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let _before = Restored(CURRENT.replace(self.clone()));
        work()
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.is_possible() { "Stop" } else { "Stop::NEVER" };
        formatter.write_str(name)
    }
}

/// Options that differ only in this decode the same.
impl PartialEq for Stop {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Stop {}

thread_local! {
    static CURRENT: RefCell<Stop> = const { RefCell::new(Stop::NEVER) };
}

/// Sets back the request of the thread, also after a panic.
struct Restored(Stop);

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(std::mem::take(&mut self.0));
    }
}

/// The request of this thread.
pub(crate) fn current() -> Stop {
    CURRENT.with_borrow(Clone::clone)
}

/// The error of a read that was refused.
#[derive(Debug)]
struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the work was cancelled")
    }
}

impl std::error::Error for Stopped {}

/// An error once the stop is requested.
pub(crate) fn check() -> io::Result<()> {
    match current().is_requested() {
        true => Err(io::Error::other(Stopped)),
        false => Ok(()),
    }
}

/// Whether a read failed because the stop was requested.
pub(crate) fn is_stopped(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Stopped>())
}

/// A file whose reads are refused once the stop is requested.
#[derive(Debug)]
pub(crate) struct Stoppable<T>(pub(crate) T);

impl<T: Read> Read for Stoppable<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        check()?;
        self.0.read(buffer)
    }
}

impl<T: Seek> Seek for Stoppable<T> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_of_the_thread_for_as_long_as_the_work_lasts() {
        assert!(check().is_ok());
        Stop::when(|| true).during(|| {
            assert!(is_stopped(&check().unwrap_err()));
            assert!(is_stopped(&Stoppable(&b"x"[..]).read(&mut [0]).unwrap_err()));
            Stop::NEVER.during(|| assert!(check().is_ok()));
            assert!(check().is_err(), "the request around it is restored");
            std::thread::scope(|scope| scope.spawn(|| assert!(check().is_ok())).join().unwrap());
        });
        assert!(check().is_ok());
    }
}
