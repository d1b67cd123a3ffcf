//! Recordings of every kind: words, speakers and formats.

mod channels;
mod folders;
mod recordings;
mod scoring;
mod speakers;
mod words;
