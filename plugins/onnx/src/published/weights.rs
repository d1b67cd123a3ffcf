//! Int8 weights, of which a network makes floats in each run: made once, or kept for an operator that computes with them.

use std::borrow::Cow;
use std::collections::HashMap;

use super::graph::{Attribute, FLOAT, Graph, INT8, Node, Tensor, UINT8, makers};

/// Weights that share a scale.
const BLOCK: usize = 32;

/// What becomes of the weights of a matrix product.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// Floats, made once. All other weights become floats in any case.
    Float,
    /// Int8, a quarter of the memory, with inputs that are rounded to int8 in blocks of 32.
    Int8,
}

/// Names of the weights and of the two numbers: `weights * scale + offset`.
#[derive(Debug, Clone)]
struct Quantized<'a> {
    source: Cow<'a, str>,
    scale: (Cow<'a, str>, f32),
    offset: (Cow<'a, str>, f32),
}

/// Replaces the operators that make floats of int8 weights.
pub(super) fn rewrite(graph: &mut Graph<'_>, form: Form) {
    let found = find(graph);
    let turned: HashMap<Cow<'_, str>, Cow<'_, str>> = graph
        .nodes
        .iter()
        .filter(|node| node.operator == "Transpose" && node.inputs.iter().all(|name| found.contains_key(name)))
        .filter_map(|node| Some((node.outputs.first()?.clone(), node.inputs.first()?.clone())))
        .collect();
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for node in std::mem::take(&mut graph.nodes) {
        let weights = |at: usize| Some((node.inputs.get(at)?, found.get(node.inputs.get(at)?)?));
        match node.operator {
            "Gather" => match weights(0) {
                Some((_, weights)) => nodes.extend(gather(&node, weights)),
                None => nodes.push(node),
            },
            "MatMul" if form == Form::Int8 => {
                let second = node.inputs.get(1).cloned().unwrap_or_default();
                let source = turned.get(&second).unwrap_or(&second);
                let product = found
                    .get(source)
                    .and_then(|weights| product(graph, &node, weights, source != &second));
                nodes.push(product.unwrap_or(node));
            }
            _ => nodes.push(node),
        }
    }
    // Those that are still used; the others are pruned with their nodes.
    let used: std::collections::HashSet<Cow<'_, str>> =
        nodes.iter().flat_map(|node| node.inputs.iter().cloned()).collect();
    nodes.retain(|node| {
        let weights = node.outputs.first().and_then(|name| Some((name, found.get(name)?)));
        let Some((name, weights)) = weights else { return true };
        if used.contains(name)
            && let Some(tensor) = floats(graph, weights)
        {
            graph.constants.insert(name.clone(), tensor);
        }
        false
    });
    graph.nodes = nodes;
}

/// The weights by the name of the floats that are made of them.
fn find<'a>(graph: &Graph<'a>) -> HashMap<Cow<'a, str>, Quantized<'a>> {
    let makers = makers(&graph.nodes);
    let maker = |name: &str, operator: &str| {
        let node = graph.nodes.get(*makers.get(name)?)?;
        (node.operator == operator).then_some(node)
    };
    let number = |name: &Cow<'a, str>| {
        let tensor = graph.constants.get(name)?;
        let value = f32::from_le_bytes(tensor.data.as_ref().try_into().ok()?);
        (tensor.element == FLOAT).then(|| (name.clone(), value))
    };
    let weights = |node: &Node<'a>| {
        let [product, offset] = node.inputs.as_slice() else {
            return None;
        };
        let [cast, scale] = maker(product, "Mul")?.inputs.as_slice() else {
            return None;
        };
        let [source] = maker(cast, "Cast")?.inputs.as_slice() else {
            return None;
        };
        let is_int8 = graph.constants.get(source)?.element == INT8;
        let quantized = Quantized {
            source: source.clone(),
            scale: number(scale)?,
            offset: number(offset)?,
        };
        is_int8.then(|| (node.outputs.first().cloned(), quantized))
    };
    let adds = graph.nodes.iter().filter(|node| node.operator == "Add");
    let found = adds.filter_map(weights);
    found.filter_map(|(name, weights)| Some((name?, weights))).collect()
}

/// Takes rows of the int8 weights and makes floats of these.
fn gather<'a>(node: &Node<'a>, weights: &Quantized<'a>) -> Vec<Node<'a>> {
    let output = node.outputs.first().cloned().unwrap_or_default();
    let named = |end: &str| Cow::from(format!("{output}_{end}"));
    let of = |operator, inputs, output, attributes| Node {
        domain: "",
        operator,
        inputs,
        outputs: vec![output],
        attributes,
    };
    let mut rows = node.clone();
    rows.inputs[0] = weights.source.clone();
    rows.outputs = vec![named("rows")];
    let to = vec![("to", Attribute::Int(FLOAT.into()))];
    vec![
        rows,
        of("Cast", vec![named("rows")], named("cast"), to),
        of(
            "Mul",
            vec![named("cast"), weights.scale.0.clone()],
            named("product"),
            vec![],
        ),
        of(
            "Add",
            vec![named("product"), weights.offset.0.clone()],
            output.clone(),
            vec![],
        ),
    ]
}

/// The matrix product with int8 weights, where these fit it.
fn product<'a>(graph: &mut Graph<'a>, node: &Node<'a>, weights: &Quantized<'a>, is_turned: bool) -> Option<Node<'a>> {
    let tensor = graph.constants.get(&weights.source)?;
    let &[rows, columns] = tensor.shape.as_slice() else {
        return None;
    };
    let (rows, columns) = (usize::try_from(rows).ok()?, usize::try_from(columns).ok()?);
    let (depth, width) = if is_turned { (columns, rows) } else { (rows, columns) };
    let zero = 128.0 - weights.offset.1 / weights.scale.1;
    let is_whole = (zero - zero.round()).abs() < 1e-3 && (0.0..=255.0).contains(&zero);
    if !is_whole || depth % BLOCK != 0 || tensor.data.len() != rows * columns {
        return None;
    }
    let unsigned = |byte: u8| byte ^ 0x80;
    let data: Vec<u8> = if is_turned {
        tensor.data.iter().map(|byte| unsigned(*byte)).collect()
    } else {
        let column = |column: usize| tensor.data.iter().skip(column).step_by(columns);
        (0..columns).flat_map(column).map(|byte| unsigned(*byte)).collect()
    };
    let blocks = width * depth / BLOCK;
    let names = ["bytes", "scales", "zeros"].map(|end| Cow::from(format!("{}_{end}", weights.source)));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked above")]
    let zero = zero.round() as u8;
    let (depth, width, size) = (
        i64::try_from(depth).ok()?,
        i64::try_from(width).ok()?,
        i64::try_from(blocks).ok()?,
    );
    let block = 32;
    let parts = [
        (UINT8, vec![width, depth / block, block], data),
        (FLOAT, vec![size], weights.scale.1.to_le_bytes().repeat(blocks)),
        (UINT8, vec![size], vec![zero; blocks]),
    ];
    for (name, (element, shape, data)) in names.iter().zip(parts) {
        let data = data.into();
        graph.constants.insert(name.clone(), Tensor { element, shape, data });
    }
    let numbers = [
        ("K", depth),
        ("N", width),
        ("bits", 8),
        ("block_size", block),
        ("accuracy_level", 4),
    ];
    let mut inputs = vec![node.inputs.first()?.clone()];
    inputs.extend(names);
    Some(Node {
        domain: "com.microsoft",
        operator: "MatMulNBits",
        inputs,
        outputs: node.outputs.clone(),
        attributes: numbers.map(|(name, value)| (name, Attribute::Int(value))).into(),
    })
}

fn floats<'a>(graph: &Graph<'a>, weights: &Quantized<'a>) -> Option<Tensor<'a>> {
    let tensor = graph.constants.get(&weights.source)?;
    let float = |byte: &u8| f32::from(byte.cast_signed()) * weights.scale.1 + weights.offset.1;
    let data: Vec<u8> = tensor.data.iter().flat_map(|byte| float(byte).to_le_bytes()).collect();
    Some(Tensor {
        element: FLOAT,
        shape: tensor.shape.clone(),
        data: data.into(),
    })
}
