//! Jobs: from a request's plan to the end of its run.
//!
//! | module | content |
//! |---|---|
//! | `check_request`, `plan_request`, `part`, `speakers`, `glossary`, `models` | the meaning of a request, and its refusals |
//! | `receiving`, `upload_turn`, `upload_space` | resumable uploads |
//! | `recording`, `open_downloads` | the recording of a job |
//! | `worker`, `observer`, `running`, `failure` | runs of jobs |
//! | `events`, `listener`, `stored` | a job from its clients' view, while it runs and afterwards |
//! | `glossary_files` | changes of named glossaries |
//! | `pull_model`, `pulls` | downloads of models |
//! | `shares` | links to transcripts for people without a key |
//! | `feed`, `feed_watch` | what happens to all jobs, also by other processes |
//! | `kinds` | the kinds of events and their names |
//! | `waiters`, `disconnect` | requests that wait for a job |
//! | `housekeeping`, `indexing`, `plugin_watch` | periodic work |
//! | `notify` | wake-ups of sleeping threads |

pub(crate) mod check_request;
pub(crate) mod disconnect;
pub(crate) mod events;
pub(crate) mod failure;
pub(crate) mod feed;
pub(crate) mod feed_watch;
pub(crate) mod glossary;
pub(crate) mod glossary_files;
pub(crate) mod housekeeping;
pub(crate) mod indexing;
pub(crate) mod kinds;
pub(crate) mod listener;
pub(crate) mod models;
pub(crate) mod notify;
pub(crate) mod observer;
pub(crate) mod open_downloads;
pub(crate) mod part;
pub(crate) mod plan_request;
pub(crate) mod plugin_watch;
pub(crate) mod pull_model;
pub(crate) mod pulls;
pub(crate) mod receiving;
pub(crate) mod recording;
pub(crate) mod running;
pub(crate) mod script;
pub(crate) mod shares;
pub(crate) mod speakers;
pub(crate) mod stored;
pub(crate) mod upload_space;
pub(crate) mod upload_turn;
pub(crate) mod waiters;
pub(crate) mod worker;
