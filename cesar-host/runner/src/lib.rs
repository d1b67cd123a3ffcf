//! Plugins: discovery, and running their stages in warm child processes, so that a plugin can crash, hang or use up memory without
//! affecting the host.
//!
//! [`discovery`] finds plugins and decides which are usable. [`Runners::run`] runs a stage ([`Runners::prepare`] warms up for it).
//!
//! A session is one plugin file (by digest) with one model (by digest) and one set of open options; it stays warm between requests
//! and runs one at a time. Replacing a plugin's file changes the digest and so the session. Each session has its own runner, unless
//! the plugin declares that sessions of one process share their model: then concurrent sessions share a runner. If that ends while
//! several of them work, the error is [`RunnerError::CrashedInCompany`], and from then on each has its own runner: that reveals the
//! cause, and the others are not affected.
//!
//! With [`Runners::in_process`] the same calls load the plugin into the host, for debuggers and for measuring the isolation.
//!
//! | module | content |
//! |---|---|
//! | [`discovery`] | the search path, the gates for a plugin's file, watching for changes |
//! | `verdicts`, `trusted` | probe results and crashes of plugin files, and the trusted ones |
//! | `runners` | warm sessions, and the choice of the one for a call |
//! | `call`, `cancel`, `limits`, `error` | types that callers and runners exchange |
//! | [`protocol`] | frames over a socket |
//! | `pcm` | audio in sealed memory, or on disk |
//! | `session_channel` | the host's side of a session |
//! | `process_tree` | the processes of a runner, and their end |
//! | `supervisor` | the upper half of a runner: ends everything below it, watches memory |
//! | `child` | the lower half: the worker, with the plugin's code |
//! | `entry` | the program's entry into either half |
//! | `arguments`, `environment` | the command line and the environment of a runner |
//! | `output`, `rate_limit` | a plugin's output and log, within limits |
//! | `memory`, `control_group` | memory use and limits of a process |
//! | `orphan_reaper` | ends the processes of a killed supervisor |
//! | `loader` | `dlopen` and mapping: the unsafe part |
//! | `local` | the same without a process |

mod arguments;
mod call;
mod cancel;
mod child;
mod control_group;
pub mod discovery;
mod entry;
mod environment;
mod error;
#[cfg(test)]
mod fuzz;
mod limits;
mod loader;
mod local;
mod memory;
mod orphan_reaper;
mod output;
mod pcm;
mod process_tree;
pub mod protocol;
mod rate_limit;
mod runners;
mod session_channel;
mod supervisor;
mod trusted;
mod verdicts;

pub use arguments::COMMAND;
pub use call::{StageCall, StageEvents};
pub use cancel::CancelToken;
pub use entry::run_child;
pub use error::RunnerError;
pub use limits::Limits;
pub use loader::load;
pub use pcm::{Pcm, PcmError, PcmWriter, Room};
pub use process_tree::Starter;
pub use runners::Runners;
pub use session_channel::SessionChannel;
pub use trusted::{Trusted, TrustedFile};
pub use verdicts::{CRASHES, Crash, Verdict, Verdicts};
