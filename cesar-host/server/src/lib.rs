//! The HTTP server of `cesar serve`: the pipeline as a service, for jobs and for OpenAI's clients.
//!
//! ```text
//! clients ──► admission (connections, keys, forms) ──► api, openai ──► store ◄── work (workers) ──► pipeline
//!                                                          ▲             ▲          │
//!                                                          └── events ◄──┼──────────┘
//!                                                              housekeeping, outbound (webhooks)
//! ```
//! The entry points are [`serve`], and [`work`] for a process that only runs jobs. A request becomes a job in the store ([`cesar_jobs`]) before it is acknowledged. Worker threads run jobs
//! with the same pipeline as the command line.
//!
//! **Threads.** An async runtime with two threads handles requests and never blocks: the store, files, hashing, name resolution and
//! rendering run on blocking threads (`App::block`); decoding and the engines run in workers and their child processes. `/health` reads
//! memory only and is answered before the router (`info::at_once`). Workers, housekeeping (progress, recovery, retention, figures) and
//! webhooks have threads of their own.
//!
//! **Shutdown.** The first SIGTERM (or Ctrl-C) stops accepting and claiming. Running jobs have `server.shutdown_grace_s` to finish; then they
//! are cancelled and handed back, and the server exits with success. The second signal ends the process at once; the store recovers running
//! jobs at the next start.
//!
//! | module | content |
//! |---|---|
//! | `refusal` | refusals of requests, and their form in responses |
//! | `kept_text` | texts in the data folder, or in the database that servers share |
//! | `keys`, `address` | API keys; the addresses that the server may connect to |
//! | `signals` | the phases of the shutdown and wake-ups |
//! | `figures` | metrics and counts |
//! | `traces` | traces of requests and jobs |
//! | `state` | what the parts of a server share, by owner |
//! | `work` | jobs: plan, runs, transcripts, periodic work |
//! | `outbound` | webhooks |
//! | `admission` | connections; from a form to a queued job |
//! | `api` | Cesar's own endpoints |
//! | `openai` | the OpenAI-compatible endpoints |
//! | `compatible` | endpoints of other servers of Whisper |
//! | `description` | the description of the API, and a page that shows it |
//! | `router` | routes and middleware |
//! | `setup`, `lifecycle` | start, threads, signals, shutdown |
//!
//! A module depends only on those above it in this table, and on `error`, `private_file` and `random`; a folder's `mod.rs` has documentation,
//! declarations and what others use of it.

mod address;
mod admission;
mod api;
mod compatible;
mod description;
mod error;
mod figures;
mod kept_text;
mod keys;
mod lifecycle;
mod openai;
mod outbound;
mod private_file;
mod random;
mod refusal;
mod router;
mod setup;
mod signals;
mod state;
#[cfg(test)]
mod testing;
mod traces;
mod work;

pub use description::openapi::text as openapi_text;
pub use error::ServeError;
pub use kept_text::KeptTextError;
pub use keys::{KeyError, Keys, StoredKey};
pub use lifecycle::{Addresses, Ended, serve, work};
pub use setup::Setup;
#[cfg(feature = "otel")]
pub use traces::next_trace;
pub use work::indexing::{Holders, add_given, add_job, cache_holder, corrected, remove_jobs};
