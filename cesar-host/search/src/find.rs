//! Candidates, their ranks, and a page of hits.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use cesar_base::Digest;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::date::Day;
use crate::entry::Source;
use crate::error::Result;
use crate::index::Index;
use crate::passages::{Passage, matches};
use crate::query::Query;
use crate::tokens::folded;
use crate::write::with_lines;

/// Hits on a page at most.
pub const MAX_LIMIT: u32 = 100;

/// Candidates that are ranked: of a query that more documents match, the most recently stored ones.
const CANDIDATES: i64 = 2_000;

/// Candidates of one page that are read. A page may have fewer hits than asked for, and a next page.
const EXAMINED: usize = 1_000;

/// Bonus on the rank for nearness of all terms.
const NEAR_BONUS: f64 = 5.0;

/// Documents up to which phrases are ranked by BM25: SQLite counts all places of a phrase for it, which takes longer than finding the
/// newest ones.
const RANKED_PHRASES: i64 = 20_000;

/// Days of age that cost as much as one point of BM25.
const DAYS_PER_POINT: f64 = 180.0;

/// Conditions beside the words.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Every term must be said by this speaker, whatever the case.
    pub speaker: Option<String>,
    /// Made on this day or later.
    pub from: Option<Day>,
    /// Made on this day or earlier.
    pub to: Option<Day>,
    /// The code of the language.
    pub language: Option<String>,
    /// Only documents that this holder has.
    pub holder: Option<String>,
}

/// One page to be found.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    /// The words.
    pub query: &'a Query,
    /// The conditions.
    pub filter: &'a Filter,
    /// Hits at most; 1 to [`MAX_LIMIT`].
    pub limit: u32,
    /// Behind this hit; none: from the best one.
    pub after: Option<Cursor>,
}

/// Whether a source still holds its document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It does.
    Present,
    /// It does not: its words are removed.
    Gone,
    /// It cannot be known here, such as for another cache: the document is not shown.
    Unknown,
}

/// A place in the order of hits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cursor {
    rank: f64,
    id: i64,
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor; use the value of `next` of the page before")]
pub struct ParseCursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}{:016x}", self.rank.to_bits(), self.id)
    }
}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseCursorError);
        }
        let number = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| ParseCursorError);
        let rank = f64::from_bits(number(&text[..16])?);
        let id = i64::try_from(number(&text[16..])?).map_err(|_| ParseCursorError)?;
        Ok(Self { rank, id })
    }
}

/// A document with the terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The key of the document.
    pub key: Digest,
    /// SHA-256 of the recording.
    pub media: String,
    /// The name of the recording, for the source that is named first.
    pub title: String,
    /// Its sources that are present.
    pub sources: Vec<Source>,
    /// The code of the language.
    pub language: Option<String>,
    /// Creation time of the text (RFC 3339).
    pub created: String,
    /// Length of the transcribed audio.
    pub duration_ms: u64,
    /// Start of the transcribed audio in the recording.
    pub offset_ms: u64,
    /// The number of segments with a match.
    pub matches: usize,
    /// The best of them, in order of time.
    pub passages: Vec<Passage>,
}

/// Hits, best first.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// At most as many as were asked for.
    pub hits: Vec<Hit>,
    /// The start of the next page; none: this was the last.
    pub next: Option<Cursor>,
}

/// A document that may be a hit.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    rank: f64,
    id: i64,
}

impl Candidate {
    /// The best first, then the newest.
    fn order(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then(other.id.cmp(&self.id))
    }
}

impl Index {
    /// Finds a page of hits. `presence` is called for each source of a possible hit; those that are gone are removed from the index.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(&self, search: &Search<'_>, presence: &dyn Fn(&Source) -> Presence) -> Result<Page> {
        let mut gone = Vec::new();
        let page = self.read(|connection| {
            let candidates = candidates(connection, search)?;
            let speaker = search.filter.speaker.as_deref().map(folded);
            let mut page = Page::default();
            let count = candidates.len();
            for (index, candidate) in candidates.into_iter().enumerate() {
                let full = page.hits.len() >= search.limit.clamp(1, MAX_LIMIT) as usize;
                if full || index == EXAMINED {
                    break;
                }
                page.next = (index + 1 < count).then_some(Cursor {
                    rank: candidate.rank,
                    id: candidate.id,
                });
                page.hits.extend(hit(
                    connection,
                    candidate.id,
                    search,
                    speaker.as_deref(),
                    presence,
                    &mut gone,
                )?);
            }
            Ok(page)
        })?;
        if !gone.is_empty()
            && let Err(error) = self.remove(&gone)
        {
            tracing::debug!("cannot remove what is gone from the search index: {error}");
        }
        Ok(page)
    }
}

/// The candidates behind the cursor, in order.
fn candidates(connection: &Connection, search: &Search<'_>) -> rusqlite::Result<Vec<Candidate>> {
    let mut values: Vec<Value> = vec![search.query.to_fts().into(), CANDIDATES.into()];
    let mut conditions = String::new();
    let mut add = |condition: &str, value: Value| {
        values.push(value);
        conditions += &condition.replace('?', &format!("?{}", values.len()));
    };
    let Filter {
        speaker,
        from,
        to,
        language,
        holder,
    } = search.filter;
    if from.is_some() || to.is_some() {
        let (from, to) = (from.map_or(i64::MIN, Day::number), to.map_or(i64::MAX, Day::number));
        add(" AND e.day >= ?", from.into());
        add(" AND e.day <= ?", to.into());
        // Documents are mostly stored in the order of their days, so that a bound on the ids spares the reading of most others.
        let ids = "SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM entries WHERE day BETWEEN ?1 AND ?2";
        let mut statement = connection.prepare_cached(ids)?;
        let (first, last): (i64, i64) = statement.query_row([from, to], |row| Ok((row.get(0)?, row.get(1)?)))?;
        add(" AND words.rowid >= ?", first.into());
        add(" AND words.rowid <= ?", last.into());
    }
    if let Some(language) = language {
        add(" AND e.language = ?", language.to_lowercase().into());
    }
    if let Some(speaker) = speaker {
        add(
            " AND EXISTS (SELECT 1 FROM speakers s WHERE s.entry = e.id AND s.name = ?)",
            folded(speaker).into(),
        );
    }
    if let Some(holder) = holder {
        add(
            " AND EXISTS (SELECT 1 FROM sources s WHERE s.entry = e.id AND s.holder = ?)",
            holder.clone().into(),
        );
    } else {
        conditions += " AND e.current = 1";
    }
    // The newest matches come first out of the inverted index, so the limit ends the work.
    let bm25 = match search.query.has_phrase() && largest_id(connection)? > RANKED_PHRASES {
        true => "0.0",
        false => "bm25(words)",
    };
    let sql = format!(
        "SELECT words.rowid, {bm25}, e.day FROM words CROSS JOIN entries e ON e.id = words.rowid
         WHERE words MATCH ?1 {conditions} ORDER BY words.rowid DESC LIMIT ?2"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        let (bm25, day): (f64, i64) = (row.get(1)?, row.get(2)?);
        #[expect(clippy::cast_precision_loss, reason = "a number of days")]
        let rank = bm25 - day as f64 / DAYS_PER_POINT;
        Ok(Candidate { rank, id: row.get(0)? })
    })?;
    let mut found = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    if found.len() > 1 {
        let near = near(connection, search.query)?;
        for candidate in &mut found {
            if near.contains(&candidate.id) {
                candidate.rank -= NEAR_BONUS;
            }
        }
    }
    found.sort_by(Candidate::order);
    if let Some(after) = search.after {
        let after = Candidate {
            rank: after.rank,
            id: after.id,
        };
        found.retain(|candidate| candidate.order(&after) == Ordering::Greater);
    }
    Ok(found)
}

/// About the number of documents that were stored, found at once.
fn largest_id(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(id), 0) FROM entries")?;
    statement.query_row([], |row| row.get(0))
}

/// The newest documents in which all terms are near each other.
fn near(connection: &Connection, query: &Query) -> rusqlite::Result<HashSet<i64>> {
    let Some(near) = query.to_fts_near() else {
        return Ok(HashSet::new());
    };
    let sql = "SELECT rowid FROM words WHERE words MATCH ?1 ORDER BY rowid DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((near, CANDIDATES), |row| row.get(0))?;
    rows.collect()
}

/// The hit of a candidate, if its terms are said by the speaker and a source holds it.
fn hit(
    connection: &Connection,
    id: i64,
    search: &Search<'_>,
    speaker: Option<&str>,
    presence: &dyn Fn(&Source) -> Presence,
    gone: &mut Vec<Source>,
) -> rusqlite::Result<Option<Hit>> {
    let found = with_lines(connection, id, |lines| matches(lines, search.query, speaker))?;
    let Some(found) = found else {
        return Ok(None);
    };
    let (mut sources, mut titles) = (Vec::new(), Vec::new());
    for (source, title) in sources_of(connection, id)? {
        match presence(&source) {
            Presence::Present => {
                sources.push(source);
                titles.push(title);
            }
            Presence::Gone => gone.push(source),
            Presence::Unknown => {}
        }
    }
    let wanted = search.filter.holder.as_deref();
    if !sources
        .iter()
        .any(|source| wanted.is_none_or(|holder| source.holder == holder))
    {
        return Ok(None);
    }
    let sql = "SELECT key, media, language, created, duration_ms, offset_ms FROM entries WHERE id = ?1";
    connection.prepare_cached(sql)?.query_row([id], |row| {
        Ok(Some(Hit {
            key: Digest::from_bytes(row.get(0)?),
            media: row.get(1)?,
            title: titles.swap_remove(0),
            sources,
            language: row.get(2)?,
            created: row.get(3)?,
            duration_ms: row.get(4)?,
            offset_ms: row.get(5)?,
            matches: found.segments,
            passages: found.passages,
        }))
    })
}

/// The sources of an entry, jobs first, of which the newest first: their ids are in the order of time.
fn sources_of(connection: &Connection, id: i64) -> rusqlite::Result<Vec<(Source, String)>> {
    let sql = "SELECT holder, id, title FROM sources WHERE entry = ?1 ORDER BY holder DESC, id DESC";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([id], |row| {
        let source = Source {
            holder: row.get(0)?,
            id: row.get(1)?,
        };
        Ok((source, row.get(2)?))
    })?;
    rows.collect()
}
