//! Plugins: what authors build, what misbehaves, and what is replaced.

mod authors;
mod evolution;
mod guide;
mod replace;
mod symbols;
mod third_party;
mod zoo;
