//! `cesar serve` from its clients' view.

mod corrections;
mod docs;
mod glossary;
mod hostile;
mod jobs;
mod kill;
mod lifecycle;
mod load;
mod openai_client;
mod page;
mod search;
mod speakers;
mod urls;
