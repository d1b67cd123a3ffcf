//! Runs of jobs: workers that claim jobs and run the pipeline (`worker`, `observer`, `failure`), and the cancellation of jobs that no
//! client waits for any more (`disconnect`).

mod disconnect;
mod failure;
mod observer;
pub(crate) mod worker;

pub(crate) use disconnect::Waiter;
