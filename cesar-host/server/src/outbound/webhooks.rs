//! Deliveries of webhooks at the end of a job.
//!
//! The store keeps pending deliveries and the time of their next attempt, across restarts. A delivery is a POST of
//! `{"event": "completed" | "partial" | "error", "job": {…}}` (without the transcript) with a signature ([`super::signature`]) and
//! `X-Cesar-Delivery`, the job's id and attempt. Any 2xx within 10 s is success. 4xx (except 408, 425 and 429) and refused addresses
//! end the delivery; everything else is retried with growing pauses. An address that the settings of this server refuse may be allowed by those of another
//! one that shares the jobs, so that it is retried there. Redirects are not followed: they would bypass the check of the
//! address. Delivery is at least once; a receiver can deduplicate by the job's id.

use std::time::Duration;

use cesar_base::{Clock as _, SystemClock};
use cesar_jobs::{Delivery, Job, Verdict};
use serde_json::json;
use ureq::unversioned::transport::DefaultConnector;

use crate::address::AddressError;
use crate::outbound::signature;
use crate::state::{App, Shared};
use cesar_jobs::JobView;

/// Maximum time of a receiver.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Time a delivery is claimed before another process may take it.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest sleep without deliveries: they may come from other processes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// Delivers until the server stops.
pub(crate) fn run(shared: &App) {
    let agent = agent(shared);
    while !shared.signals.stopping() {
        match shared.jobs.store.claim_webhook(CLAIM_TIMEOUT) {
            Ok(Some(claim)) => {
                let delivery = deliver(
                    &agent,
                    &shared.outbound.webhook_secret,
                    &claim.job,
                    shared.are_jobs_shared(),
                );
                tracing::info!(job = %claim.job.id, trace = %claim.job.trace_id(), "webhook attempt: {:?}", delivery.verdict);
                if let Err(error) = shared.jobs.store.record_delivery(&claim.lease, &delivery) {
                    tracing::warn!(job = %claim.job.id, trace = %claim.job.trace_id(), "cannot store the result of the webhook: {error}");
                }
            }
            Ok(None) => shared.signals.webhooks_ready.wait(until_due(shared)),
            Err(error) => {
                tracing::error!("cannot claim a webhook: {error}");
                shared.signals.webhooks_ready.wait(POLL_INTERVAL);
            }
        }
    }
}

fn until_due(shared: &Shared) -> Duration {
    let due_ms = shared.jobs.store.next_due().ok().and_then(|due| due.webhook_ms);
    let wait = due_ms.map(|due_ms| u64::try_from(due_ms - SystemClock.now_ms()).unwrap_or(1));
    wait.map_or(POLL_INTERVAL, |ms| Duration::from_millis(ms.max(1)).min(POLL_INTERVAL))
}

fn agent(shared: &Shared) -> ureq::Agent {
    let tls = cesar_base::tls_roots::config().unwrap_or_else(|error| {
        tracing::error!("{error}; until then, webhooks trust Mozilla's list of authorities");
        ureq::tls::TlsConfig::default()
    });
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        .proxy(None)
        .tls_config(tls)
        .user_agent(concat!("cesar/", env!("CARGO_PKG_VERSION")))
        .build();
    ureq::Agent::with_parts(config, DefaultConnector::default(), shared.outbound.addresses)
}

fn deliver(agent: &ureq::Agent, secret: &[u8], job: &Job, has_others: bool) -> Delivery {
    let Some(url) = &job.request.parameters.webhook_url else {
        return failed(Verdict::GiveUp, None, "the job names no webhook".to_owned());
    };
    if let Err(error) = cesar_pipeline::check_address(url) {
        return failed(Verdict::GiveUp, None, error.to_string());
    }
    let body = json!({ "event": job.state, "job": JobView::new(job).to_json() }).to_string();
    let seconds = SystemClock.now_ms() / 1000;
    let attempt = job.webhook.as_ref().map_or(0, |webhook| webhook.attempts);
    let answer = agent
        .post(url)
        .header("content-type", "application/json")
        .header("x-cesar-event", job.state.as_str())
        .header("x-cesar-delivery", format!("{}-{attempt}", job.id))
        .header(signature::HEADER, signature::sign(secret, seconds, body.as_bytes()))
        .send(&body);
    match answer {
        Ok(response) => judge(response.status().as_u16()),
        Err(error) => failed(verdict(&error, has_others), None, error.to_string()),
    }
}

/// The verdict of a status.
fn judge(status: u16) -> Delivery {
    let verdict = match status {
        200..300 => {
            return Delivery {
                verdict: Verdict::Delivered,
                status: Some(status),
                error: None,
            };
        }
        408 | 425 | 429 => Verdict::TryAgain,
        300..500 => Verdict::GiveUp,
        _ => Verdict::TryAgain,
    };
    failed(verdict, Some(status), format!("the receiver answered {status}"))
}

/// The verdict of an error; `has_others`: other servers deliver, too.
fn verdict(error: &ureq::Error, has_others: bool) -> Verdict {
    match error {
        ureq::Error::Other(inner) => match inner.downcast_ref::<AddressError>() {
            Some(AddressError::Refused { .. }) if has_others => Verdict::TryAgain,
            Some(_) => Verdict::GiveUp,
            None => Verdict::TryAgain,
        },
        ureq::Error::BadUri(_) => Verdict::GiveUp,
        _ => Verdict::TryAgain,
    }
}

fn failed(verdict: Verdict, status: Option<u16>, error: String) -> Delivery {
    Delivery {
        verdict,
        status,
        error: Some(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_delivered_give_up_or_retry() {
        let verdict = |status| judge(status).verdict;
        assert_eq!([verdict(200), verdict(204)], [Verdict::Delivered; 2]);
        assert_eq!([verdict(301), verdict(400), verdict(410)], [Verdict::GiveUp; 3]);
        assert_eq!(
            [verdict(408), verdict(429), verdict(500), verdict(503)],
            [Verdict::TryAgain; 4]
        );
    }

    #[test]
    fn an_address_that_this_server_refuses_is_retried_where_others_may_send() {
        let refused = || {
            ureq::Error::Other(Box::new(AddressError::Refused {
                host: "receiver".to_owned(),
                address: [10, 0, 0, 1].into(),
            }))
        };
        assert_eq!(verdict(&refused(), false), Verdict::GiveUp);
        assert_eq!(verdict(&refused(), true), Verdict::TryAgain);
        let no_uri = ureq::Error::BadUri("x".to_owned());
        assert_eq!(verdict(&no_uri, true), Verdict::GiveUp);
    }
}
