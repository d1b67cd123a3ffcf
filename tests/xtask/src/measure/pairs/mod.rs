//! `measure pairs`: Cesar's engines against their reference engines, in alternation on the same recording.
//!
//! A pair is one run of `cesar transcribe --no-cache` and one of the reference, whole processes, one after the other; the order
//! changes from pair to pair, so that neither always has the warm machine. Both get the same model, audio, threads, compute type
//! and beam. The table has the medians, and the median of the ratios of each pair (below 1 is better than the reference), of the
//! wall time and of the peak memory; for the wall times also the minimum and maximum ratio. The reference also reports the time of
//! its transcription alone, without starting an interpreter and loading the model: the second ratio compares Cesar's *whole*
//! process with that.
//!
//! Memory is the sum of the proportional set sizes (PSS) of a process and all its descendants, sampled; host and runners are
//! counted together, with shared memory once. For a reference in Python, the memory of its idle interpreter and modules is measured
//! separately, and subtracted in the last two columns.

mod cases;
mod options;
mod proportional;

use crate::{
    failure::{Failure, Outcome},
    measure::bench::{audio, machine},
    models,
    output::announce,
};
use cases::{Case, Contender};
pub(crate) use options::Options;
use proportional::Run;
use std::path::Path;

/// The figures of one case.
struct Figures {
    case: String,
    cesar: Vec<Run>,
    reference: Vec<Run>,
    /// Memory of the reference's idle interpreter and modules, if it has any.
    idle_kib: Option<u64>,
}

/// The command.
pub(crate) fn run(options: &Options) -> Outcome {
    let cases = cases::wanted(options)?;
    models::fetch(&[options.model.as_str(), "vad"])?;
    cases::prepare(&cases, options)?;
    let folder = tempfile::tempdir().map_err(|error| Failure::new(format!("no temporary folder: {error}")))?;
    let recording = folder.path().join("audio.wav");
    audio::write_repeated(&recording, &audio::BUNDLED_ENGLISH, options.minutes)?;
    heading(options);
    for case in &cases {
        announce(&format!("{case}, {} pairs", options.pairs));
        print(&measure(case, &recording, options)?);
    }
    Ok(())
}

fn measure(case: &Case, recording: &Path, options: &Options) -> Outcome<Figures> {
    let idle = cases::idle(case)?.map(|mut command| proportional::watch(&mut command, ""));
    let mut figures = Figures {
        case: case.to_string(),
        cesar: Vec::new(),
        reference: Vec::new(),
        idle_kib: idle.transpose()?.map(|run| run.peak_kib),
    };
    for pair in 0..options.pairs {
        let order = if pair % 2 == 0 {
            [Contender::Cesar, Contender::Reference]
        } else {
            [Contender::Reference, Contender::Cesar]
        };
        for contender in order {
            let (mut command, input) = match contender {
                Contender::Cesar => (case.cesar(recording, options)?, String::new()),
                Contender::Reference => cases::reference(case, recording, options)?,
            };
            let run = proportional::watch(&mut command, &input)?;
            match contender {
                Contender::Cesar => figures.cesar.push(run),
                Contender::Reference => figures.reference.push(run),
            }
        }
    }
    Ok(figures)
}

fn heading(options: &Options) {
    println!(
        "{} min of audio (the bundled English recordings, repeated), model {}, {} threads; {}; medians of {} pairs.\n",
        options.minutes,
        options.model,
        options.threads,
        machine(),
        options.pairs
    );
    println!(
        "| engine and setting | Cesar | reference | ratio | its transcription alone | ratio | Cesar's memory | reference's | ratio | without its \
         interpreter | ratio |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
}

fn print(figures: &Figures) {
    let wall = |run: &Run| run.wall.as_secs_f64();
    let alone = |run: &Run| run.alone.unwrap_or(run.wall).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "KiB of memory are far below 2^52")]
    let mebibytes = |kib: u64| kib as f64 / 1024.0;
    let memory = |run: &Run| mebibytes(run.peak_kib);
    let of = |runs: &[Run], figure: &dyn Fn(&Run) -> f64| median(runs.iter().map(figure).collect());
    let ratios = |mine: &dyn Fn(&Run) -> f64, theirs: &dyn Fn(&Run) -> f64| -> Vec<f64> {
        let pairs = figures.cesar.iter().zip(&figures.reference);
        pairs
            .map(|(cesar, reference)| mine(cesar) / theirs(reference))
            .collect()
    };
    let ratio = |mine, theirs| median(ratios(mine, theirs));
    let of_walls = ratios(&wall, &wall);
    let least = of_walls.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = of_walls.iter().copied().fold(0.0, f64::max);
    let beyond = |run: &Run| memory(run) - mebibytes(figures.idle_kib.unwrap_or(0));
    println!(
        "| {} | {:.1} s | {:.1} s | {:.2} ({least:.2} to {greatest:.2}) | {:.1} s | {:.2} | {:.0} MiB | {:.0} MiB | {:.2} | {:.0} MiB | {:.2} |",
        figures.case,
        of(&figures.cesar, &wall),
        of(&figures.reference, &wall),
        median(of_walls),
        of(&figures.reference, &alone),
        ratio(&wall, &alone),
        of(&figures.cesar, &memory),
        of(&figures.reference, &memory),
        ratio(&memory, &memory),
        of(&figures.reference, &beyond),
        ratio(&memory, &beyond),
    );
}

/// The median: the middle of an odd number of figures, the upper middle of an even one.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_outliers() {
        assert!((median(vec![9.0, 1.0, 2.0, 300.0, 3.0]) - 3.0).abs() < f64::EPSILON);
    }
}
