//! Recordings of every kind: words, speakers and formats.

mod recordings;
mod scoring;
mod speakers;
mod words;
