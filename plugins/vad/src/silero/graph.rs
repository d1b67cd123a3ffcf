//! The graph of an ONNX file, compared line by line with the one that the network computes.
//!
//! A line is a node: its results, its operation, its inputs and its attributes. Values are numbered in order, so names do not count. Small
//! constants are written out; the weights are written as their shape.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::refusal::Refusal;
use super::wire::{Fields, Value, number};

/// The greatest number of nodes and of tensors in a file.
const MAX_ITEMS: usize = 64;
/// The greatest number of inputs, results, attributes, dimensions or small constants in a line.
const MAX_IN_LINE: usize = 8;
/// The greatest number of bytes of a name in a line.
const MAX_NAME: usize = 40;

/// The graph of Silero VAD 6.
pub(super) const GRAPH: [&str; 27] = [
    "%0 %1 %2 = inputs",
    "%3 = Pad %0 [0 128 0 128] mode=reflect",
    "%4 = Unsqueeze %3 [1]",
    "%5 = Conv %4 f32[258 1 256] dilations=[1] group=1 kernel_shape=[256] pads=[0 0] strides=[128]",
    "%6 = Slice %5 [0 1] [129 9223372036854775807] [1 2] [1 1]",
    "%7 = Slice %5 [129 1] [9223372036854775807 9223372036854775807] [1 2] [1 1]",
    "%8 = Pow %6 2",
    "%9 = Pow %7 2",
    "%10 = Add %8 %9",
    "%11 = Sqrt %10",
    "%12 = Conv %11 f32[128 129 3] f32[128] dilations=[1] group=1 kernel_shape=[3] pads=[1 1] strides=[1]",
    "%13 = Relu %12",
    "%14 = Conv %13 f32[64 128 3] f32[64] dilations=[1] group=1 kernel_shape=[3] pads=[1 1] strides=[2]",
    "%15 = Relu %14",
    "%16 = Conv %15 f32[64 64 3] f32[64] dilations=[1] group=1 kernel_shape=[3] pads=[1 1] strides=[2]",
    "%17 = Relu %16",
    "%18 = Conv %17 f32[128 64 3] f32[128] dilations=[1] group=1 kernel_shape=[3] pads=[1 1] strides=[1]",
    "%19 = Relu %18",
    "%20 = Transpose %19 perm=[0 2 1]",
    "%21 %22 %23 = LSTM %20 f32[1 512 128] f32[1 512 128] f32[1 1024] - %1 %2 hidden_size=128",
    "%24 = Squeeze %21 [1]",
    "%25 = Relu %24",
    "%26 = Transpose %25 perm=[1 2 0]",
    "%27 = Conv %26 f32[1 128 1] f32[1] dilations=[1] group=1 kernel_shape=[1] pads=[0 0] strides=[1]",
    "%28 = Sigmoid %27",
    "%29 = Reshape %28 [-1] allowzero=0",
    "outputs %29 %22 %23",
];

/// A tensor of the file.
#[derive(Default, Clone)]
struct Tensor<'a> {
    kind: u64,
    shape: Vec<u64>,
    data: &'a [u8],
}

/// Meaning of a name in the file.
enum Known<'a> {
    /// The number of an input, or of a node's result.
    Result(usize),
    Constant(Tensor<'a>),
}

/// The weights in the order of their use, from a file whose graph is [`GRAPH`].
pub(super) fn weights(file: &[u8]) -> Result<Vec<Vec<f32>>, Refusal> {
    let graph = last(file, 7)?;
    let mut known = HashMap::new();
    for tensor in all(graph, 5, MAX_ITEMS, "tensors")? {
        let (name, tensor) = parse_tensor(tensor)?;
        known.insert(name, Known::Constant(tensor));
    }
    let mut lines = GRAPH.iter();
    let mut check = |found: String| match lines.next() {
        Some(expected) if *expected == found => Ok(()),
        expected => Err(Refusal::Graph {
            found,
            expected: expected.copied().unwrap_or("its end"),
        }),
    };
    let inputs = all(graph, 11, MAX_IN_LINE, "inputs")?;
    let inputs = inputs.into_iter().map(name_of).collect::<Result<Vec<_>, _>>()?;
    let mut results = 0;
    check(format!("{}inputs", define(&inputs, &mut known, &mut results)))?;
    let mut weights = Vec::new();
    for node in all(graph, 1, MAX_ITEMS, "nodes")? {
        let node_inputs = all(node, 1, MAX_IN_LINE, "inputs of a node")?;
        let node_results = all(node, 2, MAX_IN_LINE, "results of a node")?;
        let operation = shorten(last(node, 4)?);
        let mut text = operation;
        for name in node_inputs {
            text.push(' ');
            text.push_str(&refer(name, &known, &mut weights));
        }
        text.push_str(&attributes(node)?);
        let defined = define(&node_results, &mut known, &mut results);
        check(defined + &text)?;
    }
    let outputs = all(graph, 12, MAX_IN_LINE, "outputs")?;
    let mut text = "outputs".to_owned();
    for output in outputs {
        text.push(' ');
        text.push_str(&refer(name_of(output)?, &known, &mut weights));
    }
    check(text)?;
    weights.into_iter().map(values).collect()
}

/// The texts or messages with this number in a message, of which there may be so many.
fn all<'a>(message: &'a [u8], wanted: u64, most: usize, what: &'static str) -> Result<Vec<&'a [u8]>, Refusal> {
    let mut found = Vec::new();
    for field in Fields::new(message) {
        if let (field, Value::Bytes(bytes)) = field?
            && field == wanted
        {
            if found.len() == most {
                return Err(Refusal::TooMany { most, what });
            }
            found.push(bytes);
        }
    }
    Ok(found)
}

/// The last text or message with this number, or an empty one.
fn last(message: &[u8], wanted: u64) -> Result<&[u8], Refusal> {
    let mut found = &[][..];
    for field in Fields::new(message) {
        if let (field, Value::Bytes(bytes)) = field?
            && field == wanted
        {
            found = bytes;
        }
    }
    Ok(found)
}

/// The name of an input or output of the graph.
fn name_of(value: &[u8]) -> Result<&[u8], Refusal> {
    last(value, 1)
}

/// Gives names the next numbers; the left side of a line.
fn define<'a>(names: &[&'a [u8]], known: &mut HashMap<&'a [u8], Known<'a>>, results: &mut usize) -> String {
    let mut text = String::new();
    for &name in names {
        known.insert(name, Known::Result(*results));
        let _ = write!(text, "%{results} ");
        *results += 1;
    }
    text + "= "
}

/// The name in a line of an input; its weights, if it has some, are kept.
fn refer<'a>(name: &[u8], known: &HashMap<&[u8], Known<'a>>, weights: &mut Vec<Tensor<'a>>) -> String {
    match known.get(name) {
        _ if name.is_empty() => "-".into(),
        None => "?".into(),
        Some(Known::Result(number)) => format!("%{number}"),
        Some(Known::Constant(tensor)) => match (tensor.kind, tensor.data.len()) {
            (1, 4) if tensor.shape.is_empty() => tensor
                .data
                .first_chunk()
                .map_or(0.0, |bytes| f32::from_le_bytes(*bytes))
                .to_string(),
            (1, _) => {
                weights.push(tensor.clone());
                format!("f32{}", list(&tensor.shape))
            }
            (7, length) if length.is_multiple_of(8) && length <= 8 * MAX_IN_LINE => {
                let (chunks, _) = tensor.data.as_chunks();
                list(
                    &chunks
                        .iter()
                        .map(|bytes| i64::from_le_bytes(*bytes))
                        .collect::<Vec<_>>(),
                )
            }
            (kind, _) => format!("type{kind}{}", list(&tensor.shape)),
        },
    }
}

fn list<T: ToString>(values: &[T]) -> String {
    let values: Vec<String> = values.iter().map(T::to_string).collect();
    format!("[{}]", values.join(" "))
}

fn shorten(name: &[u8]) -> String {
    name[..name.len().min(MAX_NAME)].escape_ascii().to_string()
}

fn parse_tensor(message: &[u8]) -> Result<(&[u8], Tensor<'_>), Refusal> {
    let (mut name, mut tensor) = (&[][..], Tensor::default());
    for field in Fields::new(message) {
        match field? {
            (1, value) => tensor.shape.extend(numbers(value)?),
            (2, Value::Number(kind)) => tensor.kind = kind,
            (8, Value::Bytes(bytes)) => name = bytes,
            (9, Value::Bytes(bytes)) => tensor.data = bytes,
            _ => {}
        }
        if tensor.shape.len() > MAX_IN_LINE {
            return Err(Refusal::TooMany {
                most: MAX_IN_LINE,
                what: "dimensions of a tensor",
            });
        }
    }
    Ok((name, tensor))
}

/// Numbers of a field, packed or not; one more than a line may have is enough to see that there are too many.
fn numbers(value: Value<'_>) -> Result<Vec<u64>, Refusal> {
    let mut rest = match value {
        Value::Number(number) => return Ok(vec![number]),
        Value::Bytes(bytes) => bytes,
        Value::Fixed(_) => return Err(Refusal::Damaged("a list of numbers has an unknown type")),
    };
    let mut numbers = Vec::new();
    while !rest.is_empty() && numbers.len() <= MAX_IN_LINE {
        numbers.push(number(&mut rest)?);
    }
    Ok(numbers)
}

/// The attributes of a node by name, each after a space.
fn attributes(node: &[u8]) -> Result<String, Refusal> {
    let messages = all(node, 5, MAX_IN_LINE, "attributes of a node")?;
    let mut attributes = messages.into_iter().map(attribute).collect::<Result<Vec<_>, _>>()?;
    attributes.sort();
    Ok(attributes.concat())
}

fn attribute(message: &[u8]) -> Result<String, Refusal> {
    let (mut name, mut text, mut integers) = (String::new(), String::new(), Vec::new());
    for field in Fields::new(message) {
        match field? {
            (1, Value::Bytes(bytes)) => name = shorten(bytes),
            (3, Value::Number(number)) => text = number.cast_signed().to_string(),
            (4, Value::Bytes(bytes)) => text = shorten(bytes),
            (8, value) => integers.extend(numbers(value)?),
            // The type, which the value shows.
            (20, _) => {}
            (field, _) => text = format!("field{field}"),
        }
        if integers.len() > MAX_IN_LINE {
            return Err(Refusal::TooMany {
                most: MAX_IN_LINE,
                what: "integers of an attribute",
            });
        }
    }
    if !integers.is_empty() {
        text = list(&integers);
    }
    Ok(format!(" {name}={text}"))
}

fn values(tensor: Tensor<'_>) -> Result<Vec<f32>, Refusal> {
    let (chunks, rest) = tensor.data.as_chunks();
    let count = chunks.len() as u64;
    // The shape is one of `GRAPH`, so the product is small.
    if count != tensor.shape.iter().product::<u64>() || !rest.is_empty() {
        let (shape, bytes) = (list(&tensor.shape), tensor.data.len());
        return Err(Refusal::Weights { shape, bytes });
    }
    let values: Vec<f32> = chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(Refusal::NotFinite)
    }
}
