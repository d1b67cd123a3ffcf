//! Admission: from a connection to a queued job.
//!
//! | module | content |
//! |---|---|
//! | `listen` | connections |
//! | `middleware`, `origin` | request ids, origins |
//! | `auth`, `cookie` | API keys, in headers and in the session of a browser |
//! | `code`, `refusal`, `problem` | refusals, and their form in Cesar's own endpoints |
//! | `upload`, `multipart`, `form`, `field_values` | forms with a recording, and their fields |
//! | `submit`, `idempotency` | submission of jobs |

pub(crate) mod auth;
pub(crate) mod code;
pub(crate) mod cookie;
mod field_values;
pub(crate) mod form;
mod idempotency;
pub(crate) mod listen;
pub(crate) mod middleware;
mod multipart;
mod origin;
pub(crate) mod problem;
pub(crate) mod refusal;
pub(crate) mod submit;
pub(crate) mod upload;
