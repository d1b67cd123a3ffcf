//! Admission: from a connection to a queued job.
//!
//! | module | content |
//! |---|---|
//! | `listen` | connections |
//! | `middleware`, `origin` | request ids, origins |
//! | `cookie` | the API key of a request, in a header or in the session of a browser |
//! | `upload`, `multipart`, `form`, `field_values` | forms with a recording, and their fields |
//! | `query` | the query of a request, and its fields beside those of a body |
//! | `submit`, `idempotency` | submission of jobs |

pub(crate) mod cookie;
mod field_values;
pub(crate) mod form;
mod idempotency;
pub(crate) mod listen;
pub(crate) mod middleware;
mod multipart;
mod origin;
pub(crate) mod query;
pub(crate) mod submit;
pub(crate) mod upload;
