//! Requests to a `download` stage: the recording of a [`Site`](super::site::Site) on a loopback port, and requests it must refuse.
//!
//! A stage may take URLs of one scheme only. The kit offers `http:` and `file:`, and uses the first that the stage fetches. A
//! stage that takes neither is only checked for refusals.

use std::time::{Duration, Instant};

use cesar_runner::{CancelToken, RunnerError, SessionChannel};
use plugin_api::download::Order;

use super::order::{file_of, order};
use super::recording_observer::RecordingObserver;
use super::subject::Subject;
use super::verdict::{Seen, Verdict};

/// The outcome of one order.
enum Ended {
    /// The file that arrived.
    Came(Vec<u8>),
    /// An answer without a recording, or a typed error.
    Refused(String),
}

/// Runs one order in its own folder.
fn ended(
    subject: &Subject<'_>,
    process: &mut SessionChannel,
    url: &str,
    change: impl FnOnce(&mut Order),
) -> Result<Ended, String> {
    let site = subject.site()?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let mut order = order(site, url.to_owned(), folder.path());
    change(&mut order);
    let observer = RecordingObserver::default();
    let answer = subject.fetch(process, &order, &observer, &CancelToken::default());
    observer.progress_rises()?;
    match answer {
        Ok(output) => match file_of(&output, folder.path())? {
            Some(bytes) => Ok(Ended::Came(bytes)),
            None => Ok(Ended::Refused(output)),
        },
        Err(RunnerError::Stage { message, .. }) => Ok(Ended::Refused(message)),
        Err(error) => Err(error.to_string()),
    }
}

/// The recording arrives, byte for byte.
pub(super) fn download(subject: &Subject<'_>) -> Verdict {
    let site = subject.site()?;
    let mut process = subject.session().map_err(|error| error.to_string())?;
    let mut refusals = Vec::new();
    for url in [
        site.address("recording.wav"),
        format!("file://{}", site.file().display()),
    ] {
        match ended(subject, &mut process, &url, |_| {})? {
            Ended::Came(bytes) if bytes == site.recording() => {
                let scheme = url.split(':').next().unwrap_or_default();
                let says = format!("{} bytes by `{scheme}:`", bytes.len());
                subject.takes(url);
                return Ok(Seen::Fine(says));
            }
            Ended::Came(bytes) => {
                return Err(format!(
                    "of the {} bytes that were there, {} came, and not the same",
                    site.recording().len(),
                    bytes.len()
                ));
            }
            Ended::Refused(says) => refusals.push(says),
        }
    }
    Ok(Seen::Skipped(format!(
        "it takes neither `http:` nor `file:` addresses: {}",
        refusals.join("; ")
    )))
}

/// Runs `work` with the URL that the stage takes; skips cases that need HTTP for other schemes.
fn by_http(subject: &Subject<'_>, work: impl FnOnce(&str) -> Verdict) -> Verdict {
    match subject.taken() {
        Some(url) if url.starts_with("http:") => work(&url),
        _ => Ok(Seen::Skipped("it takes no `http:` addresses".to_owned())),
    }
}

/// Missing, too large and private recordings are refused.
pub(super) fn refusals(subject: &Subject<'_>) -> Verdict {
    by_http(subject, |url| {
        let site = subject.site()?;
        let mut process = subject.session().map_err(|error| error.to_string())?;
        let (missing, most) = (site.address("missing.wav"), site.recording().len() as u64 - 1);
        let is_refused = |ended: Ended| matches!(ended, Ended::Refused(_));
        if !is_refused(ended(subject, &mut process, &missing, |_| {})?) {
            return Err("it made a recording of a page with status 404".to_owned());
        }
        let too_large = ended(subject, &mut process, url, |order| order.limits.bytes = Some(most))?;
        if !is_refused(too_large) {
            return Err("it fetched more than `limits.bytes`".to_owned());
        }
        let private = ended(subject, &mut process, url, |order| order.public_only = true)?;
        if !is_refused(private) {
            return Err("it connected to a loopback address although the order says `public_only`".to_owned());
        }
        Ok(Seen::Fine(String::new()))
    })
}

/// A cancel is answered while a server is silent.
pub(super) fn cancel(subject: &Subject<'_>) -> Verdict {
    by_http(subject, |_| {
        let site = subject.site()?;
        let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let order = order(site, site.address("silent.wav"), folder.path());
        let mut process = subject.session().map_err(|error| error.to_string())?;
        cancelled(|token| subject.fetch(&mut process, &order, &RecordingObserver::default(), token))
    })
}

/// Cancels `work` half a second after its start.
pub(super) fn cancelled(work: impl FnOnce(&CancelToken) -> super::subject::Answer) -> Verdict {
    let token = CancelToken::default();
    let timer = token.clone();
    let began = Instant::now();
    let answer = std::thread::scope(|scope| {
        scope.spawn(move || {
            while began.elapsed() < Duration::from_millis(500) && !timer.is_cancelled() {
                std::thread::sleep(Duration::from_millis(5));
            }
            timer.cancel();
        });
        let answer = work(&token);
        token.cancel();
        answer
    });
    match answer {
        Ok(_) => Ok(Seen::Fine("it was done before".to_owned())),
        Err(RunnerError::Cancelled) => Ok(Seen::Fine(format!("answered after {} ms", began.elapsed().as_millis()))),
        Err(RunnerError::Killed) => {
            Err("a cancel was not answered within 2 s; ask `ctx.checkpoint()?` more often".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}
