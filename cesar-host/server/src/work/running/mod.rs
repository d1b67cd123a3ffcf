//! Runs of jobs: workers that claim jobs and run the pipeline (`worker`, `observer`, `kept_events`,
//! `failure`), and the cancellation of jobs that no
//! client waits for any more (`disconnect`).

mod disconnect;
mod failure;
pub(crate) mod kept_events;
mod observer;
pub(crate) mod worker;

pub(crate) use disconnect::Waiter;
