//! `measure`: accuracy, speed and memory of the engines, as markdown tables.

mod align;
pub(crate) mod bench;
mod cluster;
mod compared;
mod der;
mod isolation;
mod micro;
mod named;
mod pairs;
mod parity;
mod reference;
mod throughput;
mod wer;

use crate::{cargo, failure::Outcome, page};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Measurement {
    /// Word error rates of both engines on every recording whose text is known
    Wer(wer::Options),
    /// Errors of the word times of `cesar align`, on the bundled recordings
    Align(align::Options),
    /// Diarization error rates beside sherpa-onnx and senko, on every recording whose speaker turns are known
    Der(der::Options),
    /// Time and peak memory of one hour of audio, and of the same command again
    Bench(bench::Options),
    /// Time and peak memory of both engines against faster-whisper and whisper.cpp, in alternation
    Pairs(pairs::Options),
    /// Differences between an engine's transcripts and those of faster-whisper or whisper.cpp, word by word
    Parity(parity::Options),
    /// Cost of running plugins in processes of their own, and the time until they stop
    Isolation(isolation::Options),
    /// Times of single parts (cache, search index, answers of the server): list or run the benchmarks of the crates
    #[command(override_usage = "cargo xtask measure micro [NAME [-- ARGUMENTS…]]")]
    Micro(micro::Options),
    /// Many jobs on many machines that fail in every way: what happened to the jobs
    Cluster(cluster::Options),
    /// Jobs a second through a server and its workers on this machine, with PostgreSQL
    Throughput(throughput::Options),
    /// Bytes, start, frames and memory of the server's page in Chromium
    Page(page::Measured),
}

pub(crate) fn run(measurement: Measurement) -> Outcome {
    // The program as for users, because the suite may have left one with its checks; speaker turns are measured without it, a list needs none, and
    // the machines of a cluster are a test.
    if !matches!(
        measurement,
        Measurement::Der(_) | Measurement::Micro(_) | Measurement::Cluster(_)
    ) {
        cargo::build()?;
    }
    match measurement {
        Measurement::Wer(options) => wer::run(options),
        Measurement::Align(options) => align::run(&options),
        Measurement::Der(options) => der::run(&options),
        Measurement::Bench(options) => bench::run(&options),
        Measurement::Pairs(options) => pairs::run(&options),
        Measurement::Parity(options) => parity::run(&options),
        Measurement::Isolation(options) => isolation::run(&options),
        Measurement::Micro(options) => micro::run(&options),
        Measurement::Cluster(options) => cluster::run(&options),
        Measurement::Throughput(options) => throughput::run(&options),
        Measurement::Page(options) => page::measure(&options),
    }
}
