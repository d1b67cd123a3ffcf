//! Progress of pulls: events, and sources of models.

/// An event of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A model is being fetched.
    Started {
        /// Its id, or repository.
        id: &'a str,
        /// Its source.
        source: Source,
    },
    /// Another process holds the lock; this one waits.
    Waiting {
        /// A file, or a folder.
        what: &'a str,
    },
    /// Part of a file has arrived.
    Progress {
        /// The file.
        what: &'a str,
        /// Bytes of it.
        done: u64,
        /// All bytes of it.
        total: u64,
    },
    /// A step without a measure has started.
    Doing {
        /// The step.
        what: &'a str,
    },
}

/// Receives the events.
pub type Observer<'a> = dyn Fn(&Event<'_>) + 'a;

/// Whether a pull is to stop. Asked several times a second while bytes arrive.
pub type Stop<'a> = dyn Fn() -> bool + 'a;

/// Source of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Hugging Face, or a compatible server.
    Hub,
    /// A package index.
    Index,
}
