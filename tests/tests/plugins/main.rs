//! Plugins: authors' tools, faults, and replacement.

mod authors;
mod evolution;
mod guide;
mod openmp;
mod replace;
mod symbols;
mod third_party;
mod zoo;
