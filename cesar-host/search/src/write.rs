//! Documents going in and out.

use std::collections::HashSet;

use cesar_base::Digest;
use plugin_api::document::Document;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::date::day_of;
use crate::entry::{Entry, Line, Source, indexed, lines};
use crate::error::Result;
use crate::index::Index;
use crate::tokens::folded;

/// Pages that are given back to the file system at a time.
const FREED_PAGES: u32 = 2_000;

/// Documents of an index that is rewritten at each removal, which takes a fraction of a second.
const SMALL: u64 = 1_000;

/// A row that no document has.
const NO_ENTRY: i64 = i64::MAX;

/// Removals in one transaction.
const BATCH: usize = 200;

impl Index {
    /// Stores a document, or replaces the text that is stored under its key. That makes no later one of it: see [`Entry::given_ms`].
    ///
    /// # Errors
    /// When the file cannot be written; nothing is stored then.
    pub fn store(&self, entry: &Entry<'_>) -> Result<()> {
        self.store_all(std::slice::from_ref(entry))
    }

    /// Stores several documents in one transaction.
    ///
    /// # Errors
    /// When the file cannot be written; nothing is stored then.
    pub fn store_all(&self, entries: &[Entry<'_>]) -> Result<()> {
        let removed = self.write(|transaction| {
            let mut removed = false;
            for entry in entries {
                removed |= store(transaction, entry)?;
            }
            Ok(removed)
        })?;
        if removed {
            self.after_removal();
        }
        Ok(())
    }

    /// Adds or renames a source of a document that is stored already, and returns whether it is.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn add_source(&self, key: &Digest, source: &Source, title: &str) -> Result<bool> {
        self.link_known(key, source, title, None)
    }

    /// Records that a source gave a document to a user now, so that it is the one of its recording that is searched, and returns whether
    /// it is stored. Writes nothing where it is that one.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn give(&self, key: &Digest, source: &Source, title: &str, now_ms: i64) -> Result<bool> {
        self.link_known(key, source, title, Some(now_ms))
    }

    fn link_known(&self, key: &Digest, source: &Source, title: &str, given_ms: Option<i64>) -> Result<bool> {
        let known = self.read(|connection| {
            let sql = "SELECT e.current, EXISTS (SELECT 1 FROM sources s WHERE s.entry = e.id AND s.holder = ?2 AND s.id = ?3 AND s.title = ?4)
                       FROM entries e WHERE e.key = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let row = statement.query_row(params![key.as_bytes(), source.holder, source.id, title], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
            });
            row.optional()
        })?;
        match known {
            None => Ok(false),
            Some((current, true)) if given_ms.is_none() || current == 1 => Ok(true),
            Some(_) => self.write(|transaction| {
                // It may be gone by now.
                let entry = entry_of(transaction, key)?;
                if let Some(entry) = entry {
                    link(transaction, entry, source, title)?;
                    if let Some(given_ms) = given_ms {
                        make_last(transaction, entry, given_ms)?;
                    }
                    choose_current_of_entry(transaction, entry)?;
                }
                Ok(entry.is_some())
            }),
        }
    }

    /// Removes sources, and the words of documents that no other source holds.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remove(&self, sources: &[Source]) -> Result<()> {
        if sources.len() as u64 > self.count()? / 2 {
            self.remove_most(sources)?;
            self.after_removal();
            return Ok(());
        }
        let mut removed = false;
        for batch in sources.chunks(BATCH) {
            removed |= self.write(|transaction| {
                let mut removed = false;
                for source in batch {
                    removed |= unlink(transaction, source, None)?;
                }
                Ok(removed)
            })?;
        }
        if removed {
            self.after_removal();
        }
        Ok(())
    }

    /// Removes sources of most entries: the words of the others are indexed again, which takes less time than removing so many.
    fn remove_most(&self, sources: &[Source]) -> Result<()> {
        self.write(|transaction| {
            transaction.execute_batch(
                "INSERT INTO words (words) VALUES ('delete-all'); UPDATE entries SET current = 0 WHERE current <> 0",
            )?;
            for source in sources {
                unlink(transaction, source, None)?;
            }
            let sql = "SELECT DISTINCT media, pcm, task FROM entries";
            let mut statement = transaction.prepare(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            for (media, pcm, task) in rows.collect::<rusqlite::Result<Vec<(String, String, String)>>>()? {
                choose_current_of(transaction, &media, &pcm, &task)?;
            }
            Ok(())
        })
    }

    /// The ids of a holder's sources.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn sources(&self, holder: &str) -> Result<HashSet<String>> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT id FROM sources WHERE holder = ?1")?;
            let ids = statement.query_map([holder], |row| row.get::<_, String>(0))?;
            ids.collect()
        })
    }

    /// Removes the sources of a holder that are not among `present`, and returns how many.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn retain(&self, holder: &str, present: &HashSet<String>) -> Result<usize> {
        let gone = self.sources(holder)?.into_iter().filter(|id| !present.contains(id));
        let gone: Vec<Source> = gone
            .map(|id| Source {
                holder: holder.to_owned(),
                id,
            })
            .collect();
        self.remove(&gone)?;
        Ok(gone.len())
    }

    /// Removes what is left of removed words, if any were removed from a large index since the last time. Rewrites the inverted index.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn maintain(&self) -> Result<()> {
        if self.state("dirty")? != 0 {
            self.rewrite()?;
            self.set_state("dirty", 0)?;
            self.forget_log();
        }
        Ok(())
    }

    /// Overwrites what is left of removed words, gives free pages back, and empties the log.
    fn after_removal(&self) {
        let cleaned = match self.count() {
            Ok(0) => {
                self.write(|transaction| transaction.execute_batch("INSERT INTO words (words) VALUES ('delete-all')"))
            }
            Ok(1..=SMALL) => self.rewrite(),
            Ok(_) => self.set_state("dirty", 1),
            Err(error) => Err(error),
        };
        let freed = cleaned.and_then(|()| self.free_pages());
        if let Err(error) = freed {
            tracing::debug!("cannot shrink the search index: {error}");
        }
        self.forget_log();
    }

    /// Rewrites the inverted index. SQLite removes a word from it at once, but not from the keys between its pages, which are beginnings
    /// of words. It rewrites the index only when there are two parts of it.
    fn rewrite(&self) -> Result<()> {
        self.write(|transaction| {
            transaction.execute("INSERT INTO words (rowid, text) VALUES (?1, 'x')", [NO_ENTRY])?;
            transaction.execute_batch("INSERT INTO words (words) VALUES ('optimize')")?;
            let delete = "INSERT INTO words (words, rowid, text) VALUES ('delete', ?1, 'x')";
            transaction.execute(delete, [NO_ENTRY]).map(drop)
        })
    }

    fn free_pages(&self) -> Result<()> {
        self.write(|transaction| {
            let mut statement = transaction.prepare(&format!("PRAGMA incremental_vacuum({FREED_PAGES})"))?;
            let mut steps = statement.query([])?;
            while steps.next()?.is_some() {}
            Ok(())
        })
    }
}

/// Stores one document, and returns whether any words were removed.
fn store(connection: &Connection, entry: &Entry<'_>) -> rusqlite::Result<bool> {
    let document = entry.document;
    let lines = lines(document);
    let segments = serde_json::to_string(&lines).unwrap_or_default();
    let content = Digest::of(segments.as_bytes());
    let known = connection
        .prepare_cached("SELECT id, content, current FROM entries WHERE key = ?1")?
        .query_row([entry.key.as_bytes()], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, [u8; 32]>(1)?,
                row.get::<_, bool>(2)?,
            ))
        })
        .optional()?;
    let mut removed = false;
    let id = match known {
        Some((id, old, _)) if old == *content.as_bytes() => id,
        Some((id, _, current)) => {
            if current {
                unindex(connection, id)?;
            }
            removed = true;
            connection
                .prepare_cached("UPDATE entries SET content = ?2, language = ?3, current = 0 WHERE id = ?1")?
                .execute(params![id, content.as_bytes(), document.language])?;
            fill(connection, id, &segments, &lines)?;
            id
        }
        None => {
            insert(connection, entry, &content)?;
            let id = connection.last_insert_rowid();
            fill(connection, id, &segments, &lines)?;
            id
        }
    };
    connection
        .prepare_cached("UPDATE entries SET given_ms = ?2 WHERE id = ?1 AND given_ms < ?2")?
        .execute(params![id, entry.given_ms])?;
    removed |= link(connection, id, entry.source, entry.title)?;
    removed |= choose_current(connection, document)?;
    Ok(removed)
}

fn insert(connection: &Connection, entry: &Entry<'_>, content: &Digest) -> rusqlite::Result<usize> {
    let document = entry.document;
    let audio = &document.provenance.audio;
    let ms = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT INTO entries (key, content, media, pcm, task, language, created, day, duration_ms, offset_ms, given_ms, current)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0)",
        )?
        .execute(params![
            entry.key.as_bytes(),
            content.as_bytes(),
            audio.media_sha256,
            audio.pcm_sha256,
            document.task,
            document.language,
            document.created,
            day_of(&document.created),
            ms(document.duration.milliseconds()),
            ms(audio.offset.milliseconds()),
            entry.given_ms,
        ])
}

/// Makes an entry the one of its recording that was given last, also where the clock was set back.
fn make_last(connection: &Connection, entry: i64, now_ms: i64) -> rusqlite::Result<usize> {
    connection
        .prepare_cached(
            "UPDATE entries SET given_ms = max(?2, 1 + (
                 SELECT max(o.given_ms) FROM entries o WHERE o.media = entries.media AND o.pcm = entries.pcm AND o.task = entries.task))
             WHERE id = ?1",
        )?
        .execute(params![entry, now_ms])
}

/// Writes segments and speakers of an entry.
fn fill(connection: &Connection, id: i64, segments: &str, lines: &[Line<'_>]) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO texts VALUES (?1, ?2) ON CONFLICT DO UPDATE SET segments = excluded.segments")?
        .execute(params![id, segments])?;
    connection
        .prepare_cached("DELETE FROM speakers WHERE entry = ?1")?
        .execute([id])?;
    let speakers: HashSet<String> = lines
        .iter()
        .filter_map(|line| line.speaker.as_ref())
        .map(|name| folded(&name.0))
        .collect();
    let mut insert = connection.prepare_cached("INSERT INTO speakers VALUES (?1, ?2)")?;
    speakers
        .iter()
        .try_for_each(|name| insert.execute(params![id, name]).map(drop))
}

fn choose_current_of_entry(connection: &Connection, entry: i64) -> rusqlite::Result<bool> {
    let (media, pcm, task): (String, String, String) = connection
        .prepare_cached("SELECT media, pcm, task FROM entries WHERE id = ?1")?
        .query_row([entry], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    choose_current_of(connection, &media, &pcm, &task)
}

/// Chooses the documents of a recording that are searched: the one last given to a user, and the last one of each holder that does not hold
/// it. Of those given at the same time, the last one stored. Returns whether words were removed.
fn choose_current(connection: &Connection, document: &Document) -> rusqlite::Result<bool> {
    let audio = &document.provenance.audio;
    choose_current_of(connection, &audio.media_sha256, &audio.pcm_sha256, &document.task)
}

fn choose_current_of(connection: &Connection, media: &str, pcm: &str, task: &str) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT id, current FROM entries WHERE media = ?1 AND pcm = ?2 AND task = ?3 ORDER BY given_ms DESC, id DESC",
    )?;
    let rows = statement.query_map(params![media, pcm, task], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
    let mut removed = false;
    let mut covered = HashSet::new();
    for (place, (id, current)) in rows.into_iter().enumerate() {
        let holders = holders_of(connection, id)?;
        let chosen = match place {
            0 => 1,
            _ if holders.is_subset(&covered) => 0,
            _ => 2,
        };
        covered.extend(holders);
        if chosen == current {
            continue;
        }
        match (chosen, current) {
            (0, _) => {
                unindex(connection, id)?;
                removed = true;
            }
            (_, 0) => index(connection, id)?,
            _ => {}
        }
        connection
            .prepare_cached("UPDATE entries SET current = ?2 WHERE id = ?1")?
            .execute(params![id, chosen])?;
    }
    Ok(removed)
}

fn holders_of(connection: &Connection, entry: i64) -> rusqlite::Result<HashSet<String>> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT holder FROM sources WHERE entry = ?1")?;
    let holders = statement.query_map([entry], |row| row.get(0))?;
    holders.collect()
}

/// Puts the words of an entry into the inverted index.
fn index(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let text = with_lines(connection, id, indexed)?;
    let mut statement = connection.prepare_cached("INSERT INTO words (rowid, text) VALUES (?1, ?2)")?;
    statement.execute(params![id, text]).map(drop)
}

/// Takes them out, which needs the same words.
fn unindex(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    let text = with_lines(connection, id, indexed)?;
    let mut statement =
        connection.prepare_cached("INSERT INTO words (words, rowid, text) VALUES ('delete', ?1, ?2)")?;
    statement.execute(params![id, text]).map(drop)
}

/// What `use_of` makes of the segments of an entry.
pub(crate) fn with_lines<T>(
    connection: &Connection,
    id: i64,
    use_of: impl FnOnce(&[Line<'_>]) -> T,
) -> rusqlite::Result<T> {
    let mut statement = connection.prepare_cached("SELECT segments FROM texts WHERE entry = ?1")?;
    statement.query_row([id], |row| {
        let segments = row.get_ref(0)?.as_str()?;
        serde_json::from_str::<Vec<Line<'_>>>(segments)
            .map(|lines| use_of(&lines))
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into()))
    })
}

fn entry_of(connection: &Connection, key: &Digest) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM entries WHERE key = ?1")?;
    statement.query_row([key.as_bytes()], |row| row.get(0)).optional()
}

/// Makes a source one of this entry's, and no longer of another. Returns whether that removed words.
fn link(connection: &Connection, entry: i64, source: &Source, title: &str) -> rusqlite::Result<bool> {
    let removed = unlink(connection, source, Some(entry))?;
    connection
        .prepare_cached(
            "INSERT INTO sources VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET entry = excluded.entry, title = excluded.title",
        )?
        .execute(params![source.holder, source.id, entry, title])?;
    Ok(removed)
}

/// Removes a source, unless it is one of the entry `keep`, and the entry that has no other. Returns whether that removed words.
fn unlink(connection: &Connection, source: &Source, keep: Option<i64>) -> rusqlite::Result<bool> {
    let entry: Option<i64> = connection
        .prepare_cached("DELETE FROM sources WHERE holder = ?1 AND id = ?2 AND entry IS NOT ?3 RETURNING entry")?
        .query_row(params![source.holder, source.id, keep], |row| row.get(0))
        .optional()?;
    let Some(entry) = entry else { return Ok(false) };
    let others: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sources WHERE entry = ?1)")?
        .query_row([entry], |row| row.get(0))?;
    if others {
        return choose_current_of_entry(connection, entry);
    }
    let recording = connection
        .prepare_cached("SELECT current, media, pcm, task FROM entries WHERE id = ?1")?
        .query_row([entry], |row| {
            let recording: (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
            Ok((row.get::<_, bool>(0)?, recording))
        })
        .optional()?;
    let Some((current, (media, pcm, task))) = recording else {
        return Ok(false);
    };
    if current {
        unindex(connection, entry)?;
    }
    for sql in [
        "DELETE FROM texts WHERE entry = ?1",
        "DELETE FROM speakers WHERE entry = ?1",
        "DELETE FROM entries WHERE id = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([entry])?;
    }
    choose_current_of(connection, &media, &pcm, &task)?;
    Ok(true)
}
