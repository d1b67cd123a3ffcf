//! Statements for owners, retention and webhooks.

use std::time::Duration;

use super::events;
use super::pool::Connection;
use super::rows::{COLUMNS, count, job, storable};
use super::store::PostgresJobs;
use super::transitions::pause;
use crate::error::{JobsError, Result};
use crate::id::{JobId, UploadId, WorkerId};
use crate::job::{Job, JobState};
use crate::policy::{FARTHEST_MS, Retention, hold_ms, jitter};
use crate::store::{Delivery, NextDue, Pruned, Verdict, WebhookClaim, WebhookLease};

pub(super) fn owners(store: &PostgresJobs) -> Result<Vec<WorkerId>> {
    store.run("list the owners of jobs", |connection| {
        let rows = connection.query(
            "SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL ORDER BY owner",
            &[],
        )?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    })
}

/// The times of the next work, by the clock of this machine: the caller sleeps by it.
pub(super) fn next_due(store: &PostgresJobs) -> Result<NextDue> {
    let (given_ms, local_ms) = (store.time.parameter(), store.time.local_ms());
    store.run("look for work", |connection| {
        let sql = "SELECT (SELECT min(not_before_ms) FROM jobs WHERE state = 'queued') - now_ms($1) + $2,
                          (SELECT min(webhook_next_ms) FROM jobs WHERE webhook_state = 'pending') - now_ms($1) + $2";
        let row = connection.query_opt(sql, &[&given_ms, &local_ms])?;
        Ok(NextDue {
            job_ms: row.as_ref().map(|row| row.try_get(0)).transpose()?.flatten(),
            webhook_ms: row.as_ref().map(|row| row.try_get(1)).transpose()?.flatten(),
        })
    })
}

pub(super) fn prune(store: &PostgresJobs, retention: &Retention, limit: u32) -> Result<Pruned> {
    let sql = "DELETE FROM jobs WHERE id IN (
            SELECT id FROM jobs
            WHERE finished_ms <= now_ms($1) - CASE WHEN state IN ('error', 'partial') THEN $3::int8 ELSE $2::int8 END
                AND finished_ms IS NOT NULL AND finished_ms <= now_ms($1) - least($2::int8, $3::int8)
                AND (webhook_state IS NULL OR webhook_state <> 'pending')
            ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED)
         RETURNING id, upload";
    // Ages, as the time is the database's.
    let age = |state| retention.threshold_ms(state, 0).saturating_neg().min(i64::MAX / 4);
    let (completed, failed) = (age(JobState::Completed), age(JobState::Error));
    let given_ms = store.time.parameter();
    let mut removed = store.run("remove old jobs", |connection| {
        events::forget(connection, given_ms)?;
        let rows = connection.query(sql, &[&given_ms, &completed, &failed, &i64::from(limit)])?;
        let removed = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        removed.collect::<super::errors::PgResult<Vec<(JobId, Option<UploadId>)>>>()
    })?;
    removed.sort();
    Ok(Pruned {
        jobs: removed.iter().map(|(job, _)| *job).collect(),
        uploads: removed.iter().filter_map(|(_, upload)| *upload).collect(),
    })
}

pub(super) fn claim_webhook(store: &PostgresJobs, hold: Duration) -> Result<Option<WebhookClaim>> {
    let sql = format!(
        "WITH due AS (SELECT jobs.id AS due FROM jobs
             WHERE webhook_state = 'pending' AND (webhook_next_ms <= now_ms($1) OR webhook_next_ms > now_ms($1) + {FARTHEST_MS})
             ORDER BY webhook_next_ms, jobs.id LIMIT 1 FOR UPDATE SKIP LOCKED)
         UPDATE jobs SET webhook_attempts = webhook_attempts + 1, webhook_claims = webhook_claims + 1,
            webhook_next_ms = now_ms($1) + $2
         FROM due WHERE jobs.id = due
         RETURNING {COLUMNS}"
    );
    let (given_ms, hold_ms) = (store.time.parameter(), hold_ms(hold));
    store.run("claim a webhook", |connection| {
        let row = connection.query_opt(&sql, &[&given_ms, &hold_ms])?;
        let claim = row.map(|row| {
            let job = job(&row)?;
            let lease = WebhookLease {
                job: job.id,
                number: count(&row, "webhook_claims")?,
            };
            Ok(WebhookClaim { job, lease })
        });
        claim.transpose()
    })
}

pub(super) fn record_delivery(store: &PostgresJobs, lease: &WebhookLease, delivery: &Delivery) -> Result<Job> {
    let jitter = jitter(store.random.next());
    let retry = "($6::bool AND webhook_attempts < $7)";
    let sql = format!(
        "UPDATE jobs SET
            webhook_state = CASE WHEN $5::bool THEN 'delivered' WHEN {retry} THEN 'pending' ELSE 'failed' END,
            webhook_next_ms = CASE WHEN {retry} THEN now_ms($3) + {pause} END,
            webhook_status = $8, webhook_error = $9
         WHERE id = $1 AND webhook_claims = $2 AND webhook_state = 'pending'
         RETURNING {COLUMNS}",
        pause = pause("webhook_attempts", "$4")
    );
    let number = i32::try_from(lease.number).unwrap_or(-1);
    let given_ms = store.time.parameter();
    let most = i32::try_from(store.policy.webhook_attempts).unwrap_or(i32::MAX);
    let recorded = |connection: &mut Connection| {
        let row = connection.query_opt(
            &sql,
            &[
                &lease.job,
                &number,
                &given_ms,
                &jitter,
                &(delivery.verdict == Verdict::Delivered),
                &(delivery.verdict == Verdict::TryAgain),
                &most,
                &delivery.status.map(i32::from),
                &delivery.error.as_deref().map(storable),
            ],
        )?;
        row.as_ref().map(job).transpose()
    };
    store
        .run("note what became of a webhook", recorded)?
        .ok_or(JobsError::LeaseLost { job: lease.job })
}
