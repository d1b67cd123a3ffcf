//! `cesar serve` from its clients' view.

mod align;
mod cluster;
mod compatible;
mod corrections;
mod docs;
mod glossary;
mod hostile;
mod jobs;
mod keys;
mod kill;
mod library;
mod lifecycle;
mod load;
mod machines;
mod models;
mod openai_client;
mod page;
mod roles;
mod search;
mod shares;
mod speakers;
mod traces;
mod uploads;
mod urls;
