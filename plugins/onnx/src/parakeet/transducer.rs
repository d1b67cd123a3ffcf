//! Greedy decoding with a transducer: at each frame the joint network gives a token or a blank, and with TDT how many frames to go on.

use std::path::Path;

use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor, TensorRef};
use plugin_api::{ErrorKind, StageError};

use super::ctc::time;
use super::vocabulary::Vocabulary;
use crate::family::Token;
use crate::network::{Network, Stop, failure};
use crate::score::{best, greatest};

/// The shape of the joint network's state.
#[derive(Debug)]
pub(super) struct Joint {
    states: [[usize; 3]; 2],
}

/// The constants of a model's decoding.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    /// Most tokens of one frame.
    pub(super) most_a_frame: usize,
}

/// The encoder's answer: features, frame after frame.
pub(super) struct Encoded {
    width: usize,
    frames: Vec<f32>,
}

impl Encoded {
    /// Of an answer with the features in rows.
    pub(super) fn new(shape: &[i64], values: &[f32], lengths: &[i64]) -> Result<Self, StageError> {
        let size = |size: i64| usize::try_from(size).unwrap_or(0);
        let (&[1, width, frames], &[length]) = (shape, lengths) else {
            return Err(failure(&format!("the encoder answers a tensor of shape {shape:?}")));
        };
        let (width, frames, length) = (size(width), size(frames), size(length));
        if width == 0 || length > frames || values.len() < width * frames {
            return Err(failure(&format!("the encoder answers {length} of {frames} frames")));
        }
        let mut transposed = Vec::with_capacity(width * length);
        for frame in 0..length {
            transposed.extend((0..width).map(|row| values[row * frames + frame]));
        }
        Ok(Self {
            width,
            frames: transposed,
        })
    }

    fn len(&self) -> usize {
        self.frames.len() / self.width
    }

    fn frame(&self, index: usize) -> &[f32] {
        &self.frames[index * self.width..][..self.width]
    }
}

/// What the joint network says at a frame.
struct Said {
    token: usize,
    probability: f64,
    /// Frames to go on, where it predicts that.
    duration: Option<usize>,
    states: [DynValue; 2],
}

impl Joint {
    /// Opens the joint network.
    pub(super) fn open(path: &Path) -> Result<(Network, Self), StageError> {
        const INPUTS: [&str; 5] = [
            "encoder_outputs",
            "targets",
            "target_length",
            "input_states_1",
            "input_states_2",
        ];
        const OUTPUTS: [&str; 3] = ["outputs", "output_states_1", "output_states_2"];
        let network = Network::open(path, &INPUTS, &OUTPUTS)?;
        let shape = |input: &str| {
            let shape = network.shape(input)?;
            let size = |at: usize| usize::try_from(*shape.get(at)?).ok();
            Some([size(0)?, 1, size(2)?])
        };
        let (Some(first), Some(second)) = (shape(INPUTS[3]), shape(INPUTS[4])) else {
            let message = format!(
                "`{}` holds another network: the size of its state is not fixed",
                path.display()
            );
            return Err(StageError::new(ErrorKind::ModelMissing, message));
        };
        let states = [first, second];
        Ok((network, Self { states }))
    }

    /// The tokens of a part.
    pub(super) fn decode(
        &self,
        network: &Network,
        encoded: &Encoded,
        rules: Rules<'_>,
        stop: &Stop,
    ) -> Result<Vec<Token>, StageError> {
        let blank = rules.vocabulary.blank();
        let mut states = self.first_states()?;
        let mut tokens: Vec<Token> = Vec::new();
        let (mut frame, mut emitted, mut previous) = (0, 0, blank);
        while frame < encoded.len() {
            let said = ask(network, encoded.frame(frame), previous, &states, rules, stop)?;
            let step = said.duration.unwrap_or(0);
            if said.token != blank {
                tokens.push(Token {
                    id: u32::try_from(said.token).unwrap_or_default(),
                    bytes: rules.vocabulary.bytes(said.token).to_vec(),
                    probability: said.probability,
                    span: Some((time(frame), time((frame + step.max(1)).min(encoded.len())))),
                });
                (states, previous) = (said.states, said.token);
                emitted += 1;
            }
            if step > 0 {
                (frame, emitted) = (frame + step, 0);
            } else if said.token == blank || emitted == rules.most_a_frame {
                (frame, emitted) = (frame + 1, 0);
            }
        }
        Ok(tokens)
    }

    fn first_states(&self) -> Result<[DynValue; 2], StageError> {
        let zeros = |shape: [usize; 3]| {
            let tensor = Tensor::from_array((shape, vec![0.0_f32; shape.iter().product()])).map_err(failed)?;
            Ok::<_, StageError>(tensor.into_dyn())
        };
        Ok([zeros(self.states[0])?, zeros(self.states[1])?])
    }
}

fn ask(
    network: &Network,
    frame: &[f32],
    previous: usize,
    states: &[DynValue; 2],
    rules: Rules<'_>,
    stop: &Stop,
) -> Result<Said, StageError> {
    let encoded = TensorRef::from_array_view(([1, frame.len(), 1], frame)).map_err(failed)?;
    let target = [i32::try_from(previous).unwrap_or_default()];
    let target = TensorRef::from_array_view(([1_usize, 1], target.as_slice())).map_err(failed)?;
    let one = TensorRef::from_array_view(([1_usize], [1_i32].as_slice())).map_err(failed)?;
    let inputs = vec![
        ("encoder_outputs", encoded.into()),
        ("targets", target.into()),
        ("target_length", one.into()),
        ("input_states_1", SessionInputValue::from(&states[0])),
        ("input_states_2", SessionInputValue::from(&states[1])),
    ];
    let mut outputs = stop.run(network, &inputs)?;
    let states = [outputs.take("output_states_1")?, outputs.take("output_states_2")?];
    let scores = outputs.take("outputs")?;
    let (_, scores) = scores.try_extract_tensor::<f32>().map_err(failed)?;
    let (tokens, durations) = scores.split_at_checked(rules.vocabulary.len()).unwrap_or((scores, &[]));
    let (token, probability) = best(tokens);
    Ok(Said {
        token,
        probability,
        duration: (!durations.is_empty()).then(|| greatest(durations).0),
        states,
    })
}

fn failed(error: ort::Error) -> StageError {
    failure(&error.to_string())
}
