//! The resumable uploads that receive a piece in this process.
//!
//! A client that lost its connection resumes on a new one, while the server may still wait for bytes on the old one. So a new request for
//! an upload ends the old one, whose bytes so far are kept.

use std::collections::HashMap;

use cesar_jobs::UploadId;
use parking_lot::Mutex;
use tokio::sync::watch;

/// The requests that receive, by upload.
#[derive(Debug, Default)]
pub(crate) struct Receiving(Mutex<HashMap<UploadId, watch::Sender<()>>>);

/// The right of a request to receive until another one comes.
#[derive(Debug)]
pub(crate) struct Turn(watch::Receiver<()>);

impl Turn {
    /// Waits until another request for the same upload comes.
    pub(crate) async fn over(&mut self) {
        let _ = self.0.changed().await;
    }
}

impl Receiving {
    /// Ends the turn of an older request, and begins that of this one.
    pub(crate) fn begin(&self, id: UploadId) -> Turn {
        let mut turns = self.0.lock();
        turns.retain(|_, turn| !turn.is_closed());
        let (sender, receiver) = watch::channel(());
        // Dropping the sender of the older request wakes it.
        turns.insert(id, sender);
        Turn(receiver)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_new_request_ends_the_older_one() {
        let receiving = Receiving::default();
        let id = |text: &str| text.parse().unwrap();
        let (one, other) = (
            id("019b77c5-3800-4001-8000-000000000000"),
            id("019b77c5-3800-4001-8000-000000000001"),
        );
        let (mut first, mut beside) = (receiving.begin(one), receiving.begin(other));
        let mut second = receiving.begin(one);
        first.over().await;
        let waiting = Duration::from_millis(10);
        assert!(tokio::time::timeout(waiting, second.over()).await.is_err());
        assert!(tokio::time::timeout(waiting, beside.over()).await.is_err());
        drop((first, second, beside));
        let _ = receiving.begin(one);
        assert_eq!(receiving.0.lock().len(), 1, "ended turns are forgotten");
    }
}
