//! Revisions of a recording, what of them is in effect, and the check of a new batch.

use std::collections::BTreeSet;

use cesar_base::rfc3339_seconds;
use plugin_api::document::Document;
use serde::Serialize;
use utoipa::ToSchema;

use crate::apply::{self, Applied, Edit, Fit};
use crate::operation::{Change, Operation};

/// One accepted batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// Its number, from 1.
    pub revision: u64,
    /// The name of the API key, or of the user.
    pub author: String,
    /// Time of acceptance, in ms since 1970.
    pub created_ms: i64,
    /// Its operations.
    pub operations: Vec<Operation>,
}

/// A revision as the API and `cesar edit --history --json` show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Revision)]
pub struct RevisionView {
    /// Its number, from 1.
    pub revision: u64,
    /// The name of the API key, or of the user.
    pub author: String,
    /// Time of acceptance.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Whether a later revision has undone it.
    pub undone: bool,
    /// Its operations.
    pub operations: Vec<Operation>,
}

/// The corrections of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// The current revision; 0 for a recording that was never corrected.
    pub current: u64,
    /// The revision at which all earlier ones were removed; 0 for none.
    pub cleared: u64,
    /// The revisions that are kept, in order.
    pub revisions: Vec<Revision>,
}

impl History {
    /// The history as it was at an earlier revision; `None` for one that is not kept.
    #[must_use]
    pub fn at(&self, revision: u64) -> Option<Self> {
        if revision > self.current || (revision < self.cleared && revision != 0) {
            return None;
        }
        let kept = self.revisions.iter().filter(|kept| kept.revision <= revision);
        Some(Self {
            current: revision,
            cleared: self.cleared.min(revision),
            revisions: kept.cloned().collect(),
        })
    }

    /// The revisions after one.
    pub fn since(&self, revision: u64) -> impl Iterator<Item = &Revision> {
        self.revisions.iter().filter(move |kept| kept.revision > revision)
    }

    /// The numbers of the revisions that are undone. An undo that is undone itself has no effect.
    #[must_use]
    pub fn undone(&self) -> BTreeSet<u64> {
        let mut undone = BTreeSet::new();
        for revision in self.revisions.iter().rev() {
            if !undone.contains(&revision.revision) {
                undone.extend(
                    revision
                        .operations
                        .iter()
                        .filter_map(|operation| match operation.change {
                            Change::Undo { revision: target } if target < revision.revision => Some(target),
                            _ => None,
                        }),
                );
            }
        }
        undone
    }

    /// The operations in effect, in order.
    pub fn edits(&self) -> impl Iterator<Item = Edit<'_>> {
        let undone = self.undone();
        let in_effect = self
            .revisions
            .iter()
            .filter(move |kept| !undone.contains(&kept.revision));
        in_effect.flat_map(|kept| {
            let operations = kept.operations.iter();
            operations
                .filter(|operation| !matches!(operation.change, Change::Undo { .. }))
                .map(|operation| Edit {
                    revision: kept.revision,
                    operation,
                })
        })
    }

    /// Whether nothing is in effect.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edits().next().is_none()
    }

    /// The document with the operations in effect.
    #[must_use]
    pub fn apply(&self, document: Document) -> Applied {
        apply::apply(document, self.edits())
    }

    /// The revisions for users, in order.
    #[must_use]
    pub fn views(&self) -> Vec<RevisionView> {
        let undone = self.undone();
        let view = |kept: &Revision| RevisionView {
            revision: kept.revision,
            author: kept.author.clone(),
            created_at: rfc3339_seconds(kept.created_ms),
            undone: undone.contains(&kept.revision),
            operations: kept.operations.clone(),
        };
        self.revisions.iter().map(view).collect()
    }
}

/// An operation that does not fit the document it was made for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operation {} does not fit: {reason}", index + 1)]
pub struct Refused {
    /// Its number in the batch, from 0.
    pub index: usize,
    /// Reason, as half a sentence.
    pub reason: String,
}

/// Checks a batch for a document, and adds the anchors that it lacks. The operations of `history` that do not fit are no reason to
/// refuse it; the batch's own are. Without a document, only operations are accepted that need none: those with anchors, about speakers
/// by name, and undo.
///
/// # Errors
/// [`Refused`]: the first operation that does not fit.
pub fn check(
    document: Option<&Document>,
    history: &History,
    batch: &[Operation],
) -> Result<(Vec<Operation>, Option<Applied>), Refused> {
    let revision = history.current + 1;
    let mut whole = history.clone();
    whole.revisions.push(Revision {
        revision,
        author: String::new(),
        created_ms: 0,
        operations: Vec::new(),
    });
    let mut state = document.map(|document| history.apply(document.clone()).document);
    for (index, operation) in batch.iter().enumerate() {
        let refused = |reason| Refused { index, reason };
        if let Change::Undo { revision: target } = operation.change {
            check_undo(&whole, target).map_err(refused)?;
        }
        let accepted = match &mut state {
            Some(state) => {
                let accepted = apply::anchored(state, operation).map_err(refused)?;
                match apply::step(state, &accepted).map_err(refused)? {
                    Fit::Elsewhere => return Err(refused("it is about another part of the recording".to_owned())),
                    Fit::Applied | Fit::Satisfied => accepted,
                }
            }
            None => check_alone(operation).map_err(refused)?,
        };
        let undoes = matches!(accepted.change, Change::Undo { .. });
        if let Some(new) = whole.revisions.last_mut() {
            new.operations.push(accepted);
        }
        if let (true, Some(document)) = (undoes, document) {
            state = Some(whole.apply(document.clone()).document);
        }
    }
    whole.current = revision;
    let applied = document.map(|document| whole.apply(document.clone()));
    let accepted = whole.revisions.pop().map(|new| new.operations);
    Ok((accepted.unwrap_or_default(), applied))
}

fn check_undo(history: &History, target: u64) -> Result<(), String> {
    // The last one is the new batch itself.
    let earlier = &history.revisions[..history.revisions.len().saturating_sub(1)];
    if !earlier.iter().any(|kept| kept.revision == target) {
        return Err(match earlier.last() {
            Some(last) => format!(
                "there is no revision {target} to undo; the last one is {}",
                last.revision
            ),
            None => "there is no revision to undo".to_owned(),
        });
    }
    match history.undone().contains(&target) {
        true => Err(format!("revision {target} is undone already")),
        false => Ok(()),
    }
}

/// Refuses what depends on a document.
fn check_alone(operation: &Operation) -> Result<Operation, String> {
    let needs_none = matches!(
        operation.change,
        Change::RenameSpeaker { .. } | Change::MergeSpeakers { .. } | Change::Undo { .. }
    );
    match needs_none || !operation.anchors.is_empty() {
        true => Ok(operation.clone()),
        false => Err("it has no `anchors`, and there is no transcript to find its place in".to_owned()),
    }
}
