//! A network in ONNX form: the graph, which is part of this program, and its weights out of a PyTorch checkpoint.
//!
//! An ONNX file is a protobuf message. Two concatenated messages are their merge, so the graph is followed by a second `ModelProto`
//! with only the initialisers: `graph` (field 7) with `initializer` (5), each a `TensorProto` of `dims` (1), `data_type` FLOAT (2),
//! `name` (8) and `raw_data` (9).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use serde::Deserialize;
use std::io::Read as _;

use super::ConvertError;
use super::torch::Checkpoint;
use crate::catalog::Network;

/// A stored graph without its weights.
#[derive(Deserialize)]
struct Graph {
    /// The serialised `ModelProto`, deflated, in base64.
    graph: String,
    /// The names of the tensors, in the order of the file.
    initializers: Vec<String>,
}

impl Graph {
    fn of(network: Network) -> Self {
        let text = match network {
            Network::Segmentation => include_str!("graphs/segmentation-3.0.graph.json"),
            Network::Campplus => include_str!("graphs/campplus.graph.json"),
        };
        serde_json::from_str(text).expect("a test reads each of the graphs that are part of the program")
    }

    fn message(&self) -> Vec<u8> {
        let deflated = STANDARD.decode(&self.graph).expect("a test reads each of the graphs");
        let mut message = Vec::new();
        let read = ZlibDecoder::new(&*deflated).read_to_end(&mut message);
        read.expect("a test reads each of the graphs");
        message
    }
}

/// The ONNX file of a network with the weights of a checkpoint; `what` names the checkpoint in messages.
///
/// # Errors
/// [`ConvertError::Malformed`] when the checkpoint is not that network's.
pub(crate) fn onnx(network: Network, what: &str, checkpoint: &[u8]) -> Result<Vec<u8>, ConvertError> {
    let graph = Graph::of(network);
    let mut checkpoint = Checkpoint::open(what, checkpoint)?;
    let mut initializers = Vec::new();
    for name in &graph.initializers {
        let (shape, numbers) = checkpoint.tensor(name)?;
        put_bytes(&mut initializers, 5, &tensor(name, &shape, numbers.as_flattened()));
    }
    let mut file = graph.message();
    put_bytes(&mut file, 7, &initializers);
    Ok(file)
}

fn tensor(name: &str, shape: &[usize], content: &[u8]) -> Vec<u8> {
    const FLOAT: u64 = 1;
    let mut message = Vec::with_capacity(content.len() + name.len() + 40);
    for size in shape {
        put_number(&mut message, 1, *size as u64);
    }
    put_number(&mut message, 2, FLOAT);
    put_bytes(&mut message, 8, name.as_bytes());
    put_bytes(&mut message, 9, content);
    message
}

fn put_number(message: &mut Vec<u8>, field: u64, number: u64) {
    put_varint(message, field << 3);
    put_varint(message, number);
}

fn put_bytes(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(message, field << 3 | 2);
    put_varint(message, bytes.len() as u64);
    message.extend(bytes);
}

/// Seven bits a byte, least significant first; all but the last have the eighth set.
#[expect(clippy::cast_possible_truncation, reason = "seven bits are taken")]
fn put_varint(message: &mut Vec<u8>, mut number: u64) {
    while number > 127 {
        message.push((number & 127 | 128) as u8);
        number >>= 7;
    }
    message.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphs_are_parsed() {
        for (network, tensors) in [(Network::Segmentation, 54), (Network::Campplus, 813)] {
            let graph = Graph::of(network);
            assert_eq!(graph.initializers.len(), tensors);
            // `ir_version`, the first field of a model.
            assert_eq!(graph.message()[0], 0x08);
        }
    }

    #[test]
    fn varints_use_seven_bits_per_byte() {
        let mut message = Vec::new();
        put_bytes(&mut message, 7, &[9; 300]);
        assert_eq!(message[..3], [0x3a, 0xac, 0x02]);
        assert_eq!(message.len(), 303);
    }
}
