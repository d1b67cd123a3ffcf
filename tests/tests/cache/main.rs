//! The cache: hits, waits, resumed work and killed processes.

mod commands;
mod durable;
mod explain;
mod kill;
mod resume;
mod shared;
mod together;
mod twice;
