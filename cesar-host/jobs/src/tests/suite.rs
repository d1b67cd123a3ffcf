//! What every store must do. Each test runs on each store; a new store is one more line in `shared`.
//!
//! | module | what it is about |
//! |---|---|
//! | `claims` | who works on a job: claims, leases, workers that die |
//! | `failures` | failures: attempts, pauses between them, and what ends a job |
//! | `cancel_and_retry` | what people ask of a job that is there: to cancel it, to try it again |
//! | `queue` | what comes in, what is listed, and what is forgotten |
//! | `webhooks` | notifications of an end: to which address, how often, by which claim |

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
    };
}

mod cancel_and_retry;
mod claims;
mod failures;
mod queue;
mod webhooks;
