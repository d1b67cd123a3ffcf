//! Object storage that many machines share: results, as the second level of their cache folders, and uploads.
//!
//! [`RemoteCache`] implements [`SecondLevel`](cesar_cache::SecondLevel) over a bucket of an S3 service, or a folder that the
//! machines share. `docs/internals/shared-cache.md` has the protocol and its guarantees.
//!
//! # Promises
//! - A result is read only if its manifest and its bytes are those that were written; with a key, by a writer that has it.
//! - The first result of a key wins: manifests are created, never replaced, except damaged ones and on request.
//! - Nothing is written before the answer, and no error fails a job. Each request has a time limit, and a store that fails is
//!   left alone for a while (`breaker.rs`).
//! - Machines that compute the same result at the same time wait for one of them (`lock.rs`). That is best effort: a race costs
//!   double work, which is counted.
//!
//! # Parts
//! `location` and `credentials` read settings; `transport` and `runtime` carry requests; `store` has the operations on objects;
//! `layout`, `manifest` and `seal` say what the objects are; `lookup`, `lock` and `write` are the protocol, over `shared`;
//! `open` checks everything at the start; `maintenance` is `cesar cache … --remote`. `files` is the storage of uploads.

mod breaker;
mod counters;
mod credentials;
mod error;
mod failure;
mod files;
mod layout;
mod location;
mod lock;
mod lookup;
mod maintenance;
mod manifest;
mod open;
mod pending;
mod remote_cache;
mod runtime;
mod seal;
mod server_clock;
mod shared;
mod store;
mod survey;
mod transport;
mod write;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use counters::Counts;
pub use error::{RemoteError, Result};
pub use files::{Entry, FilesError, RemoteFiles};
pub use maintenance::{RemoteInfo, RemotePrune, RemoteVerification};
pub use open::{Options, Variables, uses_network};
pub use remote_cache::RemoteCache;
pub use seal::SealKey;
