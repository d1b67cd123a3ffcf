//! Jobs: from a request's plan to the end of its run.
//!
//! | module | content |
//! |---|---|
//! | `requests` | the meaning of a request, its plan and its refusals |
//! | `running` | runs of jobs, and their end when clients leave |
//! | `transcripts` | a job from its clients' view: events, transcript, recording |
//! | `sweeping` | periodic work |
//! | `indexing` | the search index |
//! | `pull_model` | downloads of models |
//! | `upload_turn` | one request at a time for a resumable upload |

pub(crate) mod indexing;
pub(crate) mod pull_model;
pub(crate) mod requests;
pub(crate) mod running;
pub(crate) mod sweeping;
pub(crate) mod transcripts;
pub(crate) mod upload_turn;
