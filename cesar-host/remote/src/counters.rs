//! Counters of this process.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What happened since the shared cache was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Results that were found.
    pub hits: u64,
    /// Results that were not found, and computed here.
    pub misses: u64,
    /// Size of the results that were found.
    pub bytes_read: u64,
    /// Results that were stored.
    pub stored: u64,
    /// Size of these results.
    pub bytes_written: u64,
    /// Results that were computed although another machine stored the same result first.
    pub duplicates: u64,
    /// Results that this machine waited for while another computed them.
    pub waited: u64,
    /// Locks of machines that had stopped renewing them.
    pub taken_over: u64,
    /// Results that were damaged, or written without the key, and not used.
    pub rejected: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Results that were not stored because of an error or the end of the program.
    pub unwritten: u64,
}

macro_rules! counters {
    ($($name:ident),*) => {
        /// The counters themselves.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: AtomicU64,)*
        }

        impl Counters {
            pub(crate) fn counts(&self) -> Counts {
                Counts { $($name: self.$name.load(Ordering::Relaxed),)* }
            }

            pub(crate) fn by_name(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

counters!(
    hits,
    misses,
    bytes_read,
    stored,
    bytes_written,
    duplicates,
    waited,
    taken_over,
    rejected,
    errors,
    unwritten
);

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, number: u64) {
    counter.fetch_add(number, Ordering::Relaxed);
}
