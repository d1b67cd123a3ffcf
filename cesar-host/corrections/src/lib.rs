//! Corrections of transcripts: an overlay beside the document, never in the stored one.
//!
//! ```text
//! document (artifact, as recognised) ─┐
//! history (revisions of operations) ──┴─► apply ─► corrected document ─► formats
//! ```
//! A user corrects words, segments and speakers by [`Operation`]s. Each accepted batch is a revision of the **recording**, named by its
//! SHA-256, so that the command line and the server share it. The stored document is never changed: [`apply()`] is a pure function of the
//! document and the operations in effect, and a text is corrected each time it is read.
//!
//! Laws, each with a property test in `tests/laws.rs`:
//!
//! - Corrections that are undone give the bytes of before.
//! - An operation changes no time of a word that it does not name.
//! - No document and no operations cause a panic.
//!
//! An operation carries an [`Anchor`] (time on the recording's clock, and the old text), with which it is refitted to another document of
//! the recording: of another model, or of another part. An operation that does not fit is a [`Conflict`] and has no effect.
//!
//! | module | content |
//! |---|---|
//! | `operation`, `shape` | operations, anchors and their bounds; mistakes in their fields |
//! | [`apply`](mod@apply) | operations on a document |
//! | `words`, `segments`, `speakers` | the changes of each kind |
//! | `locate` | the place of an anchor in a document |
//! | `text` | words of segments with and without word times |
//! | `history` | revisions, undo, and the check of a new batch |
//! | `overlay` | documents as JSON |
//! | `store` | histories of recordings in SQLite |

pub mod apply;
mod error;
mod history;
mod locate;
mod operation;
mod overlay;
mod segments;
mod shape;
mod speakers;
mod store;
mod text;
mod words;

#[cfg(test)]
mod tests;

pub use apply::{Applied, Conflict, Edit, apply};
pub use error::{CorrectionsError, Result};
pub use history::{History, Refused, Revision, RevisionView, check};
pub use operation::{
    Anchor, Change, MAX_BATCH, MAX_LABEL, MAX_OPERATIONS, MAX_TEXT, Operation, check_size, operations_from_json,
};
pub use overlay::{Corrected, DocumentError, correct, media_of, media_of_json, parse};
pub use store::{Corrections, MAX_BYTES, StoreOptions};
