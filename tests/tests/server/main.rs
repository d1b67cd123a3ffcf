//! `cesar serve` from its clients' view.

mod align;
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
mod models;
mod openai_client;
mod page;
mod search;
mod shares;
mod speakers;
mod uploads;
mod urls;
