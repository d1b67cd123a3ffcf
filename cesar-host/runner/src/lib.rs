//! Plugins: finding them, and running their stages in warm child processes, so that a plugin can crash, hang or eat memory without
//! taking the host along.
//!
//! [`discovery`] finds plugins and decides which may be used. [`Runners::run`] runs a stage ([`Runners::prepare`] warms up for it).
//!
//! A session is one plugin file (by digest) with one model (by digest) and one set of open options; it stays warm between requests and
//! is used by one at a time. Replacing a plugin's file gives another digest and so another session. Each session has a runner of its
//! own, unless the plugin says that sessions of one process share their model: then those that are used at the same time have one
//! runner. Should that end while several of them work, [`RunnerError::CrashedInCompany`] says so, and from then on each has a runner of
//! its own again: whose doing it was shows then, and the others do not suffer.
//!
//! With [`Runners::in_process`] the same calls load the plugin into the host, for debuggers and for measuring what the isolation costs.
//!
//! | module | what |
//! |---|---|
//! | [`discovery`] | the search path, the gates that a plugin's file passes, watching for changes |
//! | `verdicts`, `trusted` | which plugin files passed their probe or crashed, and which the user trusts |
//! | `runners` | warm sessions, and which of them does a call |
//! | `call`, `cancel`, `limits`, `error` | what callers and runners exchange |
//! | [`protocol`] | frames over a socket |
//! | `pcm` | audio in sealed memory, or on disk |
//! | `session_channel` | the host's side of a session |
//! | `process_tree` | the processes of a runner, and how they ended |
//! | `supervisor` | the upper half of a runner: ends everything below it, watches memory |
//! | `child` | the lower half: the worker, with the plugin's code |
//! | `entry` | the program's way into either half |
//! | `arguments`, `environment` | the command line of a runner, and what it sees of the host |
//! | `output`, `rate_limit` | what a plugin prints and logs, within bounds |
//! | `memory`, `control_group` | how much a process has, and may have |
//! | `orphan_reaper` | finds what is left when a supervisor was killed |
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
