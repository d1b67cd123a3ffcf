//! Admission: from a connection to a queued job.
//!
//! | module | content |
//! |---|---|
//! | `listen` | connections |
//! | `middleware`, `auth` | request ids, origins and API keys |
//! | `code`, `refusal`, `problem` | refusals, and their form in Cesar's own endpoints |
//! | `upload`, `multipart`, `form`, `field_values` | forms with a recording, and their fields |
//! | `submit`, `idempotency` | submission of jobs |

pub(crate) mod auth;
pub(crate) mod code;
mod field_values;
pub(crate) mod form;
mod idempotency;
pub(crate) mod listen;
pub(crate) mod middleware;
mod multipart;
pub(crate) mod problem;
pub(crate) mod refusal;
pub(crate) mod submit;
pub(crate) mod upload;
