//! `multipart/form-data` as real clients send it.
//!
//! `multer`, which axum brings, refuses line ends of a bare LF and a missing last boundary, misreads a `filename*` before `filename`, and
//! buffers heads of any length. `multiparty`, `form-data` and `mpart-async` accept CRLF only. `httparse` refuses control
//! characters in names of files, and headers that are continued on a second line. Tests compare the parts with multer's.

mod head;
mod parser;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;

pub(crate) use head::{Head, boundary, is_form};
pub(crate) use parser::{Event, Malformed, Parser};
