//! The options of `measure pairs`.

#[derive(Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct Options {
    /// Length of the audio, in minutes
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) minutes: u32,
    /// Pairs of runs for each case
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) pairs: u32,
    /// Threads of each engine
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) threads: u32,
    /// Model of both engines
    #[arg(long, value_name = "NAME", default_value = "base")]
    pub(super) model: String,
    /// Build the reference of whisper-cpp for this machine's processor, as its users do
    #[arg(long)]
    pub(super) native: bool,
    /// Case to measure: its name, or a part of it such as `ct2`, `int8` or `beam 5`; repeatable
    #[arg(long = "case", value_name = "TEXT")]
    pub(super) wanted: Vec<String>,
}
