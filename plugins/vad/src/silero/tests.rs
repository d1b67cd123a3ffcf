use std::path::PathBuf;

use proptest::prelude::*;

use super::graph::GRAPH;
use super::*;
use crate::network::tests::meeting;

mod file;

fn refusal(file: &[u8]) -> String {
    Silero::parse(file).err().expect("refused").to_string()
}

/// The file that `cargo xtask models` brings.
fn model() -> PathBuf {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let data = || variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
    let models = variable("CESAR_MODELS_DIR").or_else(|| Some(data()?.join("cesar/models")));
    let file = models.expect("HOME is set").join("silero_vad_v6.onnx");
    assert!(
        file.is_file(),
        "`{}` is absent: run `cargo xtask models`",
        file.display()
    );
    file
}

/// Pseudo-random weights between -0.1 and 0.1.
fn noise(count: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).expect("16 bits")) / 327_680.0 - 0.1
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn probabilities_equal_those_of_an_onnx_runtime() {
    // Written by tract 0.22.5: every eighth window of 10 s, and the last one.
    let golden = include_str!("golden.txt")
        .split_whitespace()
        .map(|value| value.parse().expect("a number"));
    let golden: Vec<f32> = golden.collect();
    let network = Silero::open(&model()).expect("the file is usable");
    let samples = &meeting()[..160_000];
    let probabilities = network.probabilities(samples, &|| false).expect("not cancelled");
    let compared: Vec<f32> = probabilities
        .iter()
        .step_by(8)
        .chain(probabilities.last())
        .copied()
        .collect();
    assert_eq!(compared.len(), golden.len());
    for (ours, theirs) in compared.iter().zip(&golden) {
        assert!((ours - theirs).abs() < 1e-5, "{ours}, not {theirs}");
    }
}

#[test]
fn the_graph_is_compared_line_by_line() {
    assert!(Silero::parse(&file::write(&GRAPH, noise)).is_ok());
    for index in 0..GRAPH.len() {
        let mut other = GRAPH.to_vec();
        let at = GRAPH[index]
            .rfind(|c: char| c.is_ascii_digit())
            .expect("each line has a digit");
        let (before, after) = GRAPH[index].split_at(at);
        let digit = if after.starts_with('1') { '3' } else { '1' };
        let line = format!("{before}{digit}{}", &after[1..]);
        other[index] = &line;
        let message = refusal(&file::write(&other, |_| Vec::new()));
        assert!(message.starts_with("it holds another network: `"), "{line}: {message}");
        other.remove(index);
        let message = refusal(&file::write(&other, |_| Vec::new()));
        assert!(
            message.starts_with("it holds another network: `"),
            "without line {index}: {message}"
        );
    }
}

#[test]
fn files_are_refused_with_the_reason() {
    let written = |weights: fn(usize) -> Vec<f32>| file::write(&GRAPH, weights);
    let table: [(&[u8], &str); 7] = [
        (
            b"",
            "it holds another network: `= inputs` instead of `%0 %1 %2 = inputs`",
        ),
        (
            b"RIFF",
            "it is damaged or not an ONNX file: a field is longer than the file",
        ),
        (
            b"\x0b\x00",
            "it is damaged or not an ONNX file: a field has an unknown type",
        ),
        (b"\x08\xff", "it is damaged or not an ONNX file: a number is cut off"),
        (&[0xff; 11], "it is damaged or not an ONNX file: a number is too long"),
        (
            &written(|count| vec![f32::NAN; count]),
            "not all of its weights are finite numbers",
        ),
        (
            &written(|count| vec![0.0; count / 2]),
            "its weights [258 1 256] have 132096 bytes",
        ),
    ];
    for (file, reason) in table {
        assert_eq!(refusal(file), reason);
    }
    let nodes = [&GRAPH[..1], &["%3 = Relu %0"; 70]].concat();
    assert_eq!(refusal(&file::write(&nodes, noise)), "it has more than 64 nodes");
    let long = format!("%3 = {} %0", "z".repeat(1000));
    let message = refusal(&file::write(&[GRAPH[0], &long], noise));
    assert!(message.len() < 200 && message.contains("zzz"), "{message}");
}

#[test]
fn folders_and_large_files_are_refused() {
    assert!(matches!(Silero::open(&std::env::temp_dir()), Err(Refusal::Read(_))));
    assert!(matches!(Silero::open(Path::new("/dev/zero")), Err(Refusal::TooLarge)));
}

proptest! {
    #[test]
    fn arbitrary_files_are_refused(file in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Silero::parse(&file).is_err());
    }

    #[test]
    fn damaged_files_cause_no_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 1..20),
    ) {
        // Without values, so that each edit meets the structure.
        let mut file = file::write(&GRAPH, |_| Vec::new());
        for (place, byte, edit) in edits {
            let place = place.index(file.len());
            match edit {
                0 => file[place] = byte,
                1 => file.insert(place, byte),
                _ => drop(file.remove(place)),
            }
        }
        prop_assert!(Silero::parse(&file).is_err());
    }
}

#[test]
fn layers_are_sums_of_products() {
    let (inputs, outputs) = (7, 21);
    let (weights, rows, biases) = (noise(inputs * outputs), noise(inputs * 4), noise(outputs));
    let layer = Layer::<8>::new(
        (inputs, outputs),
        |output, input| weights[output * inputs + input],
        |output| biases[output],
    );
    let mut found = vec![[f32::NAN; 24]; 4];
    layer.apply(frames::<4>(&rows, inputs), |row, output, sums| {
        found[row][output..][..8].copy_from_slice(&sums)
    });
    for (row, found) in found.iter().enumerate() {
        for output in 0..outputs {
            let products = (0..inputs).map(|input| weights[output * inputs + input] * rows[row * inputs + input]);
            let expected = biases[output] + products.sum::<f32>();
            assert!(
                (found[output] - expected).abs() < 1e-6,
                "{}, not {expected}",
                found[output]
            );
        }
    }
}

#[test]
fn windows_follow_each_other_and_the_last_one_is_cleared_at_its_end() {
    let samples: Vec<f32> = (1..=1000_u16).map(f32::from).collect();
    let window = |index| {
        let mut padded = [f32::NAN; CONTEXT + WINDOW + CONTEXT];
        fill(&mut padded, &samples, index, 2);
        padded
    };
    let (first, second, after) = (window(0), window(1), window(3));
    assert!(first[..CONTEXT].iter().all(|value| *value == 0.0));
    assert_eq!((first[CONTEXT], first[CONTEXT + WINDOW - 1]), (1.0, 512.0));
    assert_eq!(
        (first[CONTEXT + WINDOW], first[CONTEXT + WINDOW + CONTEXT - 1]),
        (511.0, 448.0)
    );
    // The second window repeats the last 64 samples, holds 448, and 40 of its last 64 would have been samples.
    assert_eq!((second[0], second[CONTEXT]), (449.0, 513.0));
    assert_eq!((second[WINDOW - 1], second[WINDOW]), (960.0, 0.0));
    assert!(after.iter().all(|value| *value == 0.0));
}

#[test]
fn a_cancel_ends_the_network() {
    let network = Silero::parse(&file::write(&GRAPH, noise)).expect("the graph is the expected one");
    assert_eq!(network.probabilities(&[0.0; 16_000], &|| true), Err(Failure::Cancelled));
    let asked = std::cell::Cell::new(0);
    let later = || asked.replace(asked.get() + 1) == 1;
    assert_eq!(
        network.probabilities(&vec![0.0; 300 * WINDOW], &later),
        Err(Failure::Cancelled)
    );
    for (samples, windows) in [(0, 1), (511, 1), (512, 2), (5 * WINDOW, 6)] {
        let probabilities = network.probabilities(&vec![0.0; samples], &|| false);
        assert_eq!(probabilities.map(|probabilities| probabilities.len()), Ok(windows));
    }
}
