//! The HTTP server of `cesar serve`: the pipeline as a service, for jobs and for OpenAI's clients.
//!
//! ```text
//! clients ──► admission (connections, keys, forms) ──► api, openai ──► store ◄── work (workers) ──► pipeline
//!                                                          ▲             ▲          │
//!                                                          └── events ◄──┼──────────┘
//!                                                              housekeeping, outbound (webhooks)
//! ```
//! The one entry point is [`serve`]. A request becomes a job in the store ([`cesar_jobs`]) before it is acknowledged. Worker threads run jobs
//! with the same pipeline as the command line.
//!
//! **Threads.** An async runtime with two threads handles requests and never blocks: the store, files, hashing, name resolution and
//! rendering run on blocking threads (`Shared::block`); decoding and the engines run in workers and their child processes. `/health` reads
//! memory only and is answered before the router (`info::at_once`). Workers, housekeeping (progress, recovery, retention, figures) and
//! webhooks have threads of their own.
//!
//! **Shutdown.** The first SIGTERM (or Ctrl-C) stops accepting and claiming. Running jobs have `server.shutdown_grace_s` to finish; then they
//! are cancelled and handed back, and the server exits with success. The second signal ends the process at once; the store recovers running
//! jobs at the next start.
//!
//! | module | content |
//! |---|---|
//! | `admission` | connections, API keys, refusals; from a form to a queued job |
//! | `api` | Cesar's own endpoints and their description |
//! | `openai` | the OpenAI-compatible endpoints |
//! | `compatible` | endpoints of other servers of Whisper |
//! | `work` | jobs: plan, workers, events, housekeeping |
//! | `outbound` | webhooks, and the addresses that the server may connect to |
//! | `figures` | metrics and health |
//! | `router` | routes and middleware |
//! | `state`, `signals` | the shared state; the phases of the shutdown and wake-ups |
//! | `setup`, `lifecycle` | start, threads, signals, shutdown |
//!
//! No module depends on a module that depends on it; a folder's `mod.rs` has documentation and declarations only.

mod admission;
mod api;
mod compatible;
mod error;
mod figures;
mod lifecycle;
mod openai;
mod outbound;
mod private_file;
mod random;
mod router;
mod setup;
mod signals;
mod state;
#[cfg(test)]
mod testing;
mod work;

pub use admission::auth::{KeyError, KeyFile, StoredKey};
pub use api::openapi::text as openapi_text;
pub use error::ServeError;
pub use lifecycle::{Ended, serve};
pub use setup::Setup;
pub use work::indexing::{Holders, add_given, add_job, cache_holder, corrected, remove_jobs};
