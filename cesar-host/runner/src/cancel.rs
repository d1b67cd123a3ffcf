//! Cancellation of work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Requests work to stop; clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    asked: Arc<AtomicBool>,
    /// The token of the whole work that this is a part of.
    whole: Option<Arc<CancelToken>>,
}

impl CancelToken {
    /// Requests the work to stop.
    pub fn cancel(&self) {
        self.asked.store(true, Ordering::Release);
    }

    /// The token of a part of the work, which can be cancelled alone and is cancelled with the whole.
    #[must_use]
    pub fn part(&self) -> Self {
        Self {
            asked: Arc::default(),
            whole: Some(Arc::new(self.clone())),
        }
    }

    /// Whether the work should stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.asked.load(Ordering::Acquire) || self.whole.as_ref().is_some_and(|whole| whole.is_cancelled())
    }
}
