//! Writes a graph as an ONNX model, which is a protocol buffer.

use super::graph::{Attribute, Dimension, Graph, Node, Tensor, Type};

/// The version of the format, of ONNX Runtime 1.22 and later.
const FORMAT: u64 = 10;

/// The bytes of a model file.
pub(super) fn model(graph: &Graph<'_>) -> Vec<u8> {
    let weights: usize = graph.constants.values().map(|tensor| tensor.data.len() + 200).sum();
    let mut model = Message(Vec::with_capacity(weights + graph.nodes.len() * 300));
    model.number(1, FORMAT);
    for (domain, version) in &graph.versions {
        let mut set = Message::default();
        set.text(1, domain);
        set.signed(2, *version);
        model.bytes(8, &set.0);
    }
    // The length of the graph stands before it, and its weights are copied once.
    let mut inner = Message::default();
    for node in &graph.nodes {
        inner.bytes(1, &of_node(node));
    }
    for name in &graph.inputs {
        inner.bytes(11, &of_value(name, graph.types.get(name)));
    }
    for name in &graph.outputs {
        inner.bytes(12, &of_value(name, graph.types.get(name)));
    }
    inner.text(2, "g");
    let mut constants: Vec<_> = graph.constants.iter().collect();
    constants.sort_unstable_by(|one, other| one.0.cmp(other.0));
    let heads: Vec<_> = constants.iter().map(|(name, tensor)| head(name, tensor)).collect();
    let size = |(head, (_, tensor)): (&Message, &(_, &Tensor<'_>))| {
        let size = head.0.len() + tensor.data.len();
        size + 1 + Message::length(size)
    };
    let of_constants: usize = heads.iter().zip(&constants).map(size).sum();
    model.key(7, 2);
    model.varint((inner.0.len() + of_constants) as u64);
    model.0.extend_from_slice(&inner.0);
    for (head, (_, tensor)) in heads.iter().zip(&constants) {
        model.key(5, 2);
        model.varint((head.0.len() + tensor.data.len()) as u64);
        model.0.extend_from_slice(&head.0);
        model.0.extend_from_slice(&tensor.data);
    }
    model.0
}

/// A tensor up to its data.
fn head(name: &str, tensor: &Tensor<'_>) -> Message {
    let mut message = Message::default();
    for size in &tensor.shape {
        message.signed(1, *size);
    }
    message.signed(2, tensor.element.into());
    message.text(8, name);
    message.key(9, 2);
    message.varint(tensor.data.len() as u64);
    message
}

fn of_node(node: &Node<'_>) -> Vec<u8> {
    let mut message = Message::default();
    for input in &node.inputs {
        message.text(1, input);
    }
    for output in &node.outputs {
        message.text(2, output);
    }
    message.text(4, node.operator);
    for (name, value) in &node.attributes {
        message.bytes(5, &of_attribute(name, value));
    }
    message.text(7, node.domain);
    message.0
}

fn of_attribute(name: &str, value: &Attribute<'_>) -> Vec<u8> {
    let mut message = Message::default();
    message.text(1, name);
    let kind = match value {
        Attribute::Float(value) => {
            message.key(2, 5);
            message.0.extend_from_slice(&value.to_le_bytes());
            1
        }
        Attribute::Int(value) => {
            message.signed(3, *value);
            2
        }
        Attribute::Text(value) => {
            message.text(4, value);
            3
        }
        Attribute::Tensor(tensor) => {
            let mut inner = head("", tensor);
            inner.0.extend_from_slice(&tensor.data);
            message.bytes(5, &inner.0);
            4
        }
        // Branches are taken apart before a graph is written.
        Attribute::Graph(_) => 5,
        Attribute::Ints(values) => {
            for value in values {
                message.signed(8, *value);
            }
            7
        }
    };
    message.number(20, kind);
    message.0
}

fn of_value(name: &str, known: Option<&Type<'_>>) -> Vec<u8> {
    let mut message = Message::default();
    message.text(1, name);
    if let Some(known) = known {
        let mut shape = Message::default();
        for dimension in &known.shape {
            let mut inner = Message::default();
            match dimension {
                Dimension::Size(size) => inner.signed(1, *size),
                Dimension::Named(name) => inner.text(2, name),
            }
            shape.bytes(1, &inner.0);
        }
        let mut tensor = Message::default();
        tensor.signed(1, known.element.into());
        tensor.bytes(2, &shape.0);
        let mut kind = Message::default();
        kind.bytes(1, &tensor.0);
        message.bytes(2, &kind.0);
    }
    message.0
}

#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    fn number(&mut self, field: u64, value: u64) {
        self.key(field, 0);
        self.varint(value);
    }

    /// Negative numbers are written as their two's complement.
    fn signed(&mut self, field: u64, value: i64) {
        self.number(field, value.cast_unsigned());
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn varint(&mut self, mut value: u64) {
        loop {
            let low = value.to_le_bytes()[0];
            value >>= 7;
            if value == 0 {
                self.0.push(low & 0x7f);
                break;
            }
            self.0.push(low | 0x80);
        }
    }

    /// The bytes of a number.
    fn length(value: usize) -> usize {
        (value.max(1).ilog2() / 7 + 1) as usize
    }
}
