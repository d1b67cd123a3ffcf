//! The meaning of a request: its plan over the server's settings, and its refusals before a job is queued.
//!
//! `check` refuses what `plan` could not run; both read the fields with `part`, `speakers`, `glossary`, `script` and `models`. `resolve` is what a job
//! keeps of the settings, and `resolved` reads it.
//! `glossary_files` changes the named glossaries.

mod check;
mod glossary;
pub(crate) mod glossary_files;
mod models;
mod part;
mod plan;
mod resolve;
mod resolved;
mod script;
mod speakers;

pub(crate) use check::check;
pub(crate) use models::{is_name, lookup};
pub(crate) use part::part;
pub(crate) use plan::{plan, stage_request};
pub(crate) use resolved::needed_label;
pub(crate) use script::is_given;
pub(crate) use speakers::speakers_request;
