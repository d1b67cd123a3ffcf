//! Cancelling work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks work to stop; clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    asked: Arc<AtomicBool>,
    /// Of the work that this is a part of.
    whole: Option<Arc<CancelToken>>,
}

impl CancelToken {
    /// Asks the work to stop.
    pub fn cancel(&self) {
        self.asked.store(true, Ordering::Release);
    }

    /// For a part of the work, which can be asked alone and is asked with the whole.
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
