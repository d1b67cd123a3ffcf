//! A network as a graph, read from a file in ONNX Runtime's own format (`.ort`).

use std::borrow::Cow;
use std::collections::HashMap;

use super::flatbuffer::Table;

/// Element types, numbered as in both formats.
pub(super) const FLOAT: i32 = 1;
pub(super) const UINT8: i32 = 2;
pub(super) const INT8: i32 = 3;

/// A network.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph<'a> {
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) constants: HashMap<Cow<'a, str>, Tensor<'a>>,
    /// Types of inputs and outputs, where they are known.
    pub(super) types: HashMap<&'a str, Type<'a>>,
    /// Versions of the sets of operators.
    pub(super) versions: Vec<(&'a str, i64)>,
}

/// An operator.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    pub(super) domain: &'a str,
    pub(super) operator: &'a str,
    pub(super) inputs: Vec<Cow<'a, str>>,
    pub(super) outputs: Vec<Cow<'a, str>>,
    pub(super) attributes: Vec<(&'a str, Attribute<'a>)>,
}

#[derive(Debug, Clone)]
pub(super) enum Attribute<'a> {
    Float(f32),
    Int(i64),
    Text(&'a str),
    Ints(Vec<i64>),
    Tensor(Tensor<'a>),
    Graph(Graph<'a>),
}

#[derive(Debug, Clone)]
pub(super) struct Tensor<'a> {
    pub(super) element: i32,
    pub(super) shape: Vec<i64>,
    pub(super) data: Cow<'a, [u8]>,
}

#[derive(Debug, Clone)]
pub(super) struct Type<'a> {
    pub(super) element: i32,
    pub(super) shape: Vec<Dimension<'a>>,
}

#[derive(Debug, Clone)]
pub(super) enum Dimension<'a> {
    Size(i64),
    Named(&'a str),
}

/// The node that makes each value.
pub(super) fn makers<'g>(nodes: &'g [Node<'_>]) -> HashMap<&'g str, usize> {
    let outputs = nodes.iter().enumerate();
    outputs
        .flat_map(|(index, node)| node.outputs.iter().map(move |name| (name.as_ref(), index)))
        .collect()
}

/// The graph in the bytes of a file; `None` where the file is no such one or has parts that are unknown here.
pub(super) fn read(bytes: &[u8]) -> Option<Graph<'_>> {
    const NESTED: usize = 2;
    if bytes.get(4..8)? != b"ORTM" {
        return None;
    }
    let model = Table::root(bytes)?.table(6)?;
    let mut read = graph(&model.table(18)?, NESTED)?;
    let version = |set: &Table<'_>| Some((set.i64(6)?, ()));
    for set in model.tables(6)? {
        let (version, ()) = version(&set)?;
        read.versions.push((set.text(4).unwrap_or_default(), version));
    }
    Some(read)
}

fn graph<'a>(table: &Table<'a>, depth: usize) -> Option<Graph<'a>> {
    let depth = depth.checked_sub(1)?;
    let mut graph = Graph {
        inputs: table.texts(14)?,
        outputs: table.texts(16)?,
        ..Graph::default()
    };
    if !table.tables(18)?.is_empty() {
        return None;
    }
    for constant in table.tables(4)? {
        graph.constants.insert(constant.text(4)?.into(), tensor(&constant)?);
    }
    for value in table.tables(6)? {
        if let (Some(name), Some(known)) = (value.text(4), value_type(&value)) {
            graph.types.insert(name, known);
        }
    }
    for node in table.tables(8)? {
        let texts = |slot| Some(node.texts(slot)?.into_iter().map(Cow::from).collect());
        graph.nodes.push(Node {
            domain: node.text(8).unwrap_or_default(),
            operator: node.text(14)?,
            inputs: texts(20)?,
            outputs: texts(22)?,
            attributes: node
                .tables(24)?
                .iter()
                .map(|each| attribute(each, depth))
                .collect::<Option<_>>()?,
        });
    }
    Some(graph)
}

fn attribute<'a>(table: &Table<'a>, depth: usize) -> Option<(&'a str, Attribute<'a>)> {
    let value = match table.i32(8)? {
        1 => Attribute::Float(table.f32(10).unwrap_or_default()),
        2 => Attribute::Int(table.i64(12).unwrap_or_default()),
        3 => Attribute::Text(table.text(14).unwrap_or_default()),
        4 => Attribute::Tensor(tensor(&table.table(16)?)?),
        5 => Attribute::Graph(graph(&table.table(18)?, depth)?),
        7 => Attribute::Ints(table.i64s(22)?),
        _ => return None,
    };
    Some((table.text(4)?, value))
}

fn tensor<'a>(table: &Table<'a>) -> Option<Tensor<'a>> {
    Some(Tensor {
        element: table.i32(10)?,
        shape: table.i64s(8)?,
        data: table.bytes(12)?.into(),
    })
}

fn value_type<'a>(value: &Table<'a>) -> Option<Type<'a>> {
    const TENSOR: u8 = 1;
    let known = value.table(8)?;
    if known.u8(6)? != TENSOR {
        return None;
    }
    let tensor = known.table(8)?;
    let dimension = |table: &Table<'a>| {
        let value = table.table(4);
        match value.as_ref().and_then(|value| value.u8(4)) {
            Some(1) => Dimension::Size(value.and_then(|value| value.i64(6)).unwrap_or_default()),
            _ => Dimension::Named(value.and_then(|value| value.text(8)).unwrap_or_default()),
        }
    };
    Some(Type {
        element: tensor.i32(4)?,
        shape: tensor.table(6)?.tables(4)?.iter().map(dimension).collect(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Model files come from anywhere.
        #[test]
        fn any_bytes_are_a_graph_or_none(mut bytes in proptest::collection::vec(prop_oneof![3 => 0..40_u8, 1 => any::<u8>()], 8..600)) {
            bytes[4..8].copy_from_slice(b"ORTM");
            bytes[0] %= 64;
            bytes[1..4].fill(0);
            let _ = read(&bytes);
        }
    }
}
