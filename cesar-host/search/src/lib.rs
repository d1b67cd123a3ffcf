//! Full-text index of transcripts: which recording contains these words, and when they were said.
//!
//! One SQLite file, `search.db`, shared by the command line and the server. It is derived from documents that the cache or the jobs hold,
//! and can be deleted: `cesar search --reindex` fills it again.
//!
//! - An entry is one document. It lives as long as a [`Source`] holds the document; with its last source its words are overwritten in the
//!   file.
//! - Of several documents of one recording (the same bytes, samples and task), the one last given to a user is searched
//!   ([`Index::give`]); of those of one holder, its last one.
//! - All terms of a [`Query`] must occur in one document. Documents are ranked by BM25, then by the nearness of the terms and by age.
//!
//! | module | content |
//! |---|---|
//! | `index`, `schema` | the file: opening, damage, tables |
//! | `entry`, `write` | documents going in and out |
//! | `tokens`, `query` | words of texts and of queries |
//! | `find`, `passages` | candidates, ranks, and the passages that are shown |

mod date;
mod entry;
mod error;
mod find;
mod index;
mod passages;
mod query;
mod schema;
mod tokens;
mod write;

#[cfg(test)]
mod tests;

pub use date::{Day, ParseDayError};
pub use entry::{Entry, Source};
pub use error::{Result, SearchError};
pub use find::{Cursor, Filter, Hit, MAX_LIMIT, Page, ParseCursorError, Presence, Search};
pub use index::Index;
pub use passages::Passage;
pub use query::{MAX_QUERY_CHARS, MAX_TERMS, Query, QueryError};
