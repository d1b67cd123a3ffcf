//! The foundation of the host's crates. It depends on no other crate of this workspace.
//!
//! | module | content |
//! |---|---|
//! | `clock` | the time of day, replaceable in tests |
//! | `digest` | SHA-256 values |
//! | `io` | disk access that tests can make fail |
//! | `file_stamp` | stamps that detect changes of a file without reading it |
//! | [`names`] | file names as text |
//! | `folders` | the user's folders, by the XDG Base Directory Specification |
//! | `given` | the value of a plugin's option as the user wrote it |
//! | `http_address` | addresses of HTTP servers |
//! | `replace` | small files that are replaced as a whole |
//! | `leases` | leases on names, for processes that share a database |
//! | `records` | small texts under names, which several machines share |
//! | `side_file` | files that a user names beside the recording |
//! | `nearest` | suggestions for mistyped names |
//! | `trace` | traces of requests across processes |
//! | `units` | sizes and durations as users write them |
//! | [`tls_roots`] | root certificates for the host's clients |

mod clock;
mod digest;
mod file_stamp;
mod folders;
mod given;
mod http_address;
mod io;
mod leases;
pub mod names;
mod nearest;
mod records;
mod replace;
mod side_file;
pub mod tls_roots;
mod trace;
mod units;

pub use clock::{Clock, ManualClock, SystemClock, rfc3339, rfc3339_seconds};
pub use digest::{Digest, Hasher, ParseDigestError};
pub use file_stamp::FileStamp;
pub use folders::Folders;
pub use given::GivenValue;
pub use http_address::is_http_address;
pub use io::{Fault, FaultKind, Io, is_disk_full};
pub use leases::{SharedLease, SharedLeases};
pub use nearest::nearest;
pub use records::{MemoryRecords, Record, Records, RecordsError, change_record};
pub use replace::{replace, replace_durably};
pub use side_file::{open_file, open_input, read_file};
pub use trace::{TraceId, TraceParent, TraceParentError};
pub use units::{OFF, parse_duration, parse_size, parse_time};
