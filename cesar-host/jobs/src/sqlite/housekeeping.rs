//! Statements for owners, retention and webhooks.

use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::database::SqliteJobs;
use super::events;
use super::rows::{COLUMNS, job};
use super::transitions::pause;
use crate::error::{JobsError, Result};
use crate::id::{JobId, UploadId, WorkerId};
use crate::job::{Job, JobState};
use crate::policy::{FARTHEST_MS, Retention, hold_ms, jitter};
use crate::store::{Delivery, NextDue, Pruned, Verdict, WebhookClaim, WebhookLease};

/// Maximum number of pages returned to the file system each time, which limits the duration.
const FREED_PAGES: u32 = 1_000;

pub(super) fn owners(store: &SqliteJobs) -> Result<Vec<WorkerId>> {
    store.read("list the owners of jobs", |connection| {
        let mut statement =
            connection.prepare_cached("SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL ORDER BY owner")?;
        statement.query_map([], |row| row.get(0))?.collect()
    })
}

pub(super) fn next_due(store: &SqliteJobs) -> Result<NextDue> {
    store.read("look for work", |connection| {
        let sql = "SELECT (SELECT min(not_before_ms) FROM jobs WHERE state = 'queued'),
                          (SELECT min(webhook_next_ms) FROM jobs WHERE webhook_state = 'pending')";
        connection.prepare_cached(sql)?.query_row([], |row| {
            Ok(NextDue {
                job_ms: row.get(0)?,
                webhook_ms: row.get(1)?,
            })
        })
    })
}

pub(super) fn prune(store: &SqliteJobs, retention: &Retention, limit: u32) -> Result<Pruned> {
    let now_ms = store.now_ms();
    let sql = "DELETE FROM jobs WHERE id IN (
            SELECT id FROM jobs
            WHERE finished_ms IS NOT NULL AND finished_ms <= iif(state IN ('error', 'partial'), :failed, :completed)
                AND (webhook_state IS NULL OR webhook_state <> 'pending')
            ORDER BY id LIMIT :limit)
         RETURNING id, upload";
    let mut removed = store.write("remove old jobs", |transaction| {
        let parameters = named_params! {
            ":completed": retention.threshold_ms(JobState::Completed, now_ms),
            ":failed": retention.threshold_ms(JobState::Error, now_ms),
            ":limit": limit,
        };
        events::forget(transaction, now_ms)?;
        let mut statement = transaction.prepare_cached(sql)?;
        let removed = statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let removed = removed.collect::<rusqlite::Result<Vec<(JobId, Option<UploadId>)>>>()?;
        if !removed.is_empty() {
            free_pages(transaction)?;
        }
        Ok(removed)
    })?;
    if !removed.is_empty() {
        store.forget_log();
    }
    removed.sort();
    Ok(Pruned {
        jobs: removed.iter().map(|(job, _)| *job).collect(),
        uploads: removed.iter().filter_map(|(_, upload)| *upload).collect(),
    })
}

/// Returns unused pages to the file system. SQLite frees one at each step.
fn free_pages(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare(&format!("PRAGMA incremental_vacuum({FREED_PAGES})"))?;
    let mut steps = statement.query([])?;
    while steps.next()?.is_some() {}
    Ok(())
}

pub(super) fn claim_webhook(store: &SqliteJobs, hold: Duration) -> Result<Option<WebhookClaim>> {
    let now_ms = store.now_ms();
    let hold_ms = hold_ms(hold);
    let sql = format!(
        "UPDATE jobs SET webhook_attempts = webhook_attempts + 1, webhook_claims = webhook_claims + 1, webhook_next_ms = :until
         WHERE id = (SELECT id FROM jobs
             WHERE webhook_state = 'pending' AND (webhook_next_ms <= :now OR webhook_next_ms > :now + {FARTHEST_MS})
             ORDER BY webhook_next_ms, id LIMIT 1)
         RETURNING {COLUMNS}"
    );
    store.write("claim a webhook", |transaction| {
        let parameters = named_params! { ":now": now_ms, ":until": now_ms + hold_ms };
        transaction
            .prepare_cached(&sql)?
            .query_row(parameters, |row| {
                let job = job(row)?;
                let lease = WebhookLease {
                    job: job.id,
                    number: row.get("webhook_claims")?,
                };
                Ok(WebhookClaim { job, lease })
            })
            .optional()
    })
}

pub(super) fn record_delivery(store: &SqliteJobs, lease: &WebhookLease, delivery: &Delivery) -> Result<Job> {
    let jitter = jitter(store.options.random.next());
    let retry = "(:retry AND webhook_attempts < :max_attempts)";
    let sql = format!(
        "UPDATE jobs SET
            webhook_state = CASE WHEN :delivered THEN 'delivered' WHEN {retry} THEN 'pending' ELSE 'failed' END,
            webhook_next_ms = iif({retry}, :now + {pause}, NULL),
            webhook_status = :status, webhook_error = :error
         WHERE id = :id AND webhook_claims = :number AND webhook_state = 'pending'
         RETURNING {COLUMNS}",
        pause = pause("webhook_attempts")
    );
    let now_ms = store.now_ms();
    let parameters = named_params! {
        ":id": lease.job,
        ":number": lease.number,
        ":now": now_ms,
        ":jitter": jitter,
        ":delivered": delivery.verdict == Verdict::Delivered,
        ":retry": delivery.verdict == Verdict::TryAgain,
        ":max_attempts": store.options.policy.webhook_attempts,
        ":status": delivery.status,
        ":error": delivery.error,
    };
    store
        .write("note what became of a webhook", |transaction| {
            transaction.prepare_cached(&sql)?.query_row(parameters, job).optional()
        })?
        .ok_or(JobsError::LeaseLost { job: lease.job })
}
