//! Requirements of every store. Each test runs on each store; a new store is one more line in `shared`.
//!
//! | module | content |
//! |---|---|
//! | `claims` | ownership: claims, leases, workers that die |
//! | `failures` | attempts, pauses between them, the end of a job |
//! | `cancel_and_retry` | requests about an existing job |
//! | `queue` | submission, listing and removal |
//! | `events` | events of runs, for other processes |
//! | `webhooks` | notifications of an end: addresses, attempts, claims |

use super::*;

type Make = fn(Policy) -> Fixture;

macro_rules! shared {
    ($($test:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $test() { super::$test(super::Fixture::memory); })*
        }
        mod sqlite {
            $(#[test] fn $test() { super::$test(super::Fixture::sqlite); })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            $(#[test] fn $test() { super::$test(super::Fixture::postgres); })*
        }
    };
}

mod cancel_and_retry;
mod claims;
mod events;
mod failures;
pub(super) mod queue;
mod webhooks;
