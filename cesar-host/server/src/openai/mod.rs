//! The OpenAI-compatible endpoints, which answer the official clients as OpenAI does.
//!
//! A request becomes a job like every other and joins equal work that has not ended: a client that retries after a time-out waits for the
//! same job. The response names the job (`X-Cesar-Job`), how much of it came from the cache (`X-Cesar-Cache`), and why it is partial
//! (`X-Cesar-Partial`).
//!
//! | module | content |
//! |---|---|
//! | `speech` | transcriptions and translations |
//! | `request` | the form that clients send |
//! | `wait`, `stream`, `response` | the answer: whole, as events, and its JSON |
//! | `models`, `languages` | models and languages by OpenAI's names |

mod languages;
pub(crate) mod models;
pub(crate) mod request;
mod response;
pub(crate) mod speech;
mod stream;
mod wait;
