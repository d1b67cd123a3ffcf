//! The query for results similar to a missing one.

use cesar_base::Digest;
use rusqlite::{Row, named_params};

use super::database::Index;
use crate::error::Result;
use crate::key::Key;

/// Newest first, limited to a number that helps a user.
const SAME_INPUTS: &str = "
    SELECT r.key, r.created_ms, r.label, r.details, p.json FROM results r JOIN parts p ON p.result_id = r.id
    WHERE r.inputs_digest = :inputs AND r.stage = :stage AND r.key <> :key ORDER BY r.created_ms DESC LIMIT 100";

/// Reads the whole table, which is acceptable for a single request of a user.
const SAME_LABEL: &str = "
    SELECT r.key, r.created_ms, r.label, r.details, p.json FROM results r JOIN parts p ON p.result_id = r.id
    WHERE r.inputs_digest <> :inputs AND r.label = :label AND r.stage = :stage AND r.key <> :key
    ORDER BY r.created_ms DESC LIMIT 100";

/// Reads the whole stage: asked by a person, once.
const WITH_INPUT: &str = "
    SELECT r.key, r.created_ms, r.label, r.details, p.json FROM results r JOIN parts p ON p.result_id = r.id
    WHERE r.stage = :stage AND instr(p.json, :input) > 0 ORDER BY r.created_ms DESC, r.id DESC LIMIT 100";

/// A result's row, limited to its inputs.
#[derive(Debug)]
pub(crate) struct NeighbourRow {
    pub(crate) key: Key,
    pub(crate) created_ms: i64,
    pub(crate) label: Option<String>,
    pub(crate) details: Option<String>,
    pub(crate) parts: String,
}

impl Index {
    /// Results of a stage from the same inputs, or from an input with the same label.
    pub(crate) fn neighbours(
        &self,
        stage: &str,
        key: &Key,
        inputs: &Digest,
        label: Option<&str>,
    ) -> Result<Vec<NeighbourRow>> {
        self.read("read", |connection| {
            let (inputs, key) = (inputs.as_bytes(), key.as_bytes());
            let mut statement = connection.prepare_cached(SAME_INPUTS)?;
            let values = named_params! { ":inputs": inputs, ":stage": stage, ":key": key };
            let mut found: Vec<_> = statement
                .query_map(values, neighbour)?
                .collect::<rusqlite::Result<_>>()?;
            if let Some(label) = label {
                let mut statement = connection.prepare_cached(SAME_LABEL)?;
                let values = named_params! { ":inputs": inputs, ":stage": stage, ":key": key, ":label": label };
                for row in statement.query_map(values, neighbour)? {
                    found.push(row?);
                }
            }
            Ok(found)
        })
    }
}

impl Index {
    /// Results of a stage that have a digest among the parts of their keys, the newest first.
    pub(crate) fn with_input(&self, stage: &str, input: &Digest) -> Result<Vec<NeighbourRow>> {
        self.read("read", |connection| {
            let mut statement = connection.prepare_cached(WITH_INPUT)?;
            let values = named_params! { ":stage": stage, ":input": input.to_string() };
            statement.query_map(values, neighbour)?.collect()
        })
    }
}

fn neighbour(row: &Row<'_>) -> rusqlite::Result<NeighbourRow> {
    Ok(NeighbourRow {
        key: Key::from_bytes(row.get(0)?),
        created_ms: row.get(1)?,
        label: row.get(2)?,
        details: row.get(3)?,
        parts: row.get(4)?,
    })
}
