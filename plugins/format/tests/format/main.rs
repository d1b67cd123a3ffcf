//! The format plugin from the outside: the manifest, the text of every format, the laws that hold for any document, and the schema.

mod documents;
mod exports;
mod kept;
mod laws;
mod manifest;
mod programs;
mod ruled;
mod ruled_laws;
mod ruled_options;
mod schema;
mod snapshots;
mod structure;
