//! URLs, web pages and model downloads, against servers of the suite.

mod authorities;
mod downloads;
mod freshness;
mod models_hub;
mod models_index;
mod urls;
mod yt_dlp;
