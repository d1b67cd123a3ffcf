//! Tests of the corrections.

mod documents;
mod faults;
mod history;
mod laws;
mod operations;
mod processes;
mod refit;
mod store;
