//! Cesar's own endpoints.
//!
//! | module | content |
//! |---|---|
//! | `jobs`, `transcript`, `events` | jobs, their transcripts and events |
//! | `corrections`, `etag` | corrections of a transcript; revisions in headers |
//! | `page`, `session`, `feed` | the page, the key of its user, and the events of all jobs |
//! | `recording`, `range` | the recording of a job and its outline |
//! | `uploads`, `tus` | resumable uploads |
//! | `removal` | renaming and removing jobs |
//! | `search` | words in the transcripts of jobs |
//! | `gauges`, `health` | the gauges of `/metrics`, and `/health` |
//! | `info`, `plugins`, `model_catalog` | the server, its cache, its plugins and their models |
//! | `glossaries` | named glossaries |
//! | `job_cache` | what the cache has of a job, and clearing it |
//! | `shares` | links to transcripts for people without a key |
//! | `id`, `json_body` | the parts of a request |

pub(crate) mod corrections;
mod etag;
pub(crate) mod events;
pub(crate) mod feed;
mod gauges;
pub(crate) mod glossaries;
mod health;
mod id;
pub(crate) mod info;
pub(crate) mod job_cache;
pub(crate) mod jobs;
pub(crate) mod json_body;
pub(crate) mod model_catalog;
pub(crate) mod page;
pub(crate) mod plugins;
pub(crate) mod range;
pub(crate) mod recording;
pub(crate) mod removal;
mod rendered;
pub(crate) mod search;
pub(crate) mod session;
pub(crate) mod shares;
pub(crate) mod transcript;
mod tus;
pub(crate) mod uploads;
