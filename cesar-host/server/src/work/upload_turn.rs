//! One request at a time for a resumable upload: the newest one.

use std::time::Duration;

use cesar_jobs::{Opened, UploadId};

use crate::refusal::Refusal;
use crate::state::uploads::Turn;
use crate::state::{App, Shared};

/// Time for an older request to end.
const OLDER_REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Between two tries.
const RETRY: Duration = Duration::from_millis(20);

/// Uses an upload once no older request does.
pub(crate) async fn take_turn<T: Send + 'static>(
    app: &App,
    id: UploadId,
    open: impl Fn(&Shared) -> cesar_jobs::Result<Opened<T>> + Clone + Send + 'static,
) -> Result<(Opened<T>, Turn), Refusal> {
    let turn = app.uploads.receiving.begin(id);
    let until = tokio::time::Instant::now() + OLDER_REQUEST_TIMEOUT;
    loop {
        let open = open.clone();
        let opened = app.block(move |shared| open(shared)).await??;
        if !matches!(opened, Opened::Locked) || tokio::time::Instant::now() >= until {
            return Ok((opened, turn));
        }
        tokio::time::sleep(RETRY).await;
    }
}
