//! Networks as Moonshine publishes them, rewritten for speed while they are loaded.
//!
//! A published file (`.ort`) is ONNX Runtime's own format, in which nothing is optimised while it is loaded. Its weights are int8, and
//! operators (`Cast`, `Mul`, `Add`) make floats of them in each run: that is most of the time of a token. The merged decoder makes those of
//! both its branches. Here the graph is read, its branches become two networks, the operators that make floats are replaced, and the result
//! is an ONNX model in memory, which ONNX Runtime optimises.
//!
//! | module | content |
//! |---|---|
//! | `flatbuffer`, `graph` | the file as a graph |
//! | `weights` | what becomes of int8 weights |
//! | `protobuf` | the graph as an ONNX model |

mod flatbuffer;
mod graph;
mod protobuf;
mod weights;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use graph::{Attribute, Graph};
pub(crate) use weights::Form;

const HIDDEN: &str = "encoder_hidden_states";

/// The encoder of a file's bytes as an ONNX model, with float weights; `None` where the file is another one.
pub(crate) fn encoder(bytes: &[u8]) -> Option<Vec<u8>> {
    model(graph::read(bytes)?, Form::Float)
}

/// The parts of a merged decoder.
pub(crate) struct Decoder<'a> {
    /// Without its branches.
    outer: Graph<'a>,
    first: Graph<'a>,
    later: Graph<'a>,
}

impl<'a> Decoder<'a> {
    /// Of a file's bytes; `None` where it is another one.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = graph::read(bytes)?;
        let at = outer.nodes.iter().position(|node| node.operator == "If")?;
        let choice = outer.nodes.swap_remove(at);
        if choice.inputs.first()? != "use_cache_branch" {
            return None;
        }
        let mut branches: HashMap<&str, Attribute<'_>> = choice.attributes.into_iter().collect();
        let mut branch = |name| match branches.remove(name) {
            Some(Attribute::Graph(graph)) => Some(graph),
            _ => None,
        };
        let (first, later) = (branch("else_branch")?, branch("then_branch")?);
        Some(Self { outer, first, later })
    }

    /// The network for all tokens, as an ONNX model: the branch with a cache, which may be empty.
    pub(crate) fn step(&self, form: Form) -> Option<Vec<u8>> {
        let mut graph = self.with(&self.later);
        graph.outputs.retain(|name| !name.contains(".encoder."));
        model(graph, form)
    }

    /// The network that makes the encoder's part of the cache, as an ONNX model.
    pub(crate) fn cross(&self, form: Form) -> Option<Vec<u8>> {
        let mut graph = self.with(&self.first);
        graph.outputs.retain(|name| name.contains(".encoder."));
        batch_of_hidden(&mut graph);
        prune(&mut graph);
        (graph.inputs == [HIDDEN]).then_some(())?;
        model(graph, form)
    }

    fn with(&self, branch: &Graph<'a>) -> Graph<'a> {
        let mut graph = self.outer.clone();
        graph.outputs.clone_from(&branch.outputs);
        graph.nodes.extend(branch.nodes.iter().cloned());
        let constants = branch.constants.iter();
        graph
            .constants
            .extend(constants.map(|(name, tensor)| (name.clone(), tensor.clone())));
        for (name, known) in &branch.types {
            graph.types.entry(name).or_insert_with(|| known.clone());
        }
        graph
    }
}

/// Takes the size of a batch, which the cross-attention asks of its other input, from the encoder's answer.
fn batch_of_hidden(graph: &mut Graph<'_>) {
    let is_first = |index: &str| {
        let tensor = graph.constants.get(index);
        tensor.is_some_and(|tensor| tensor.data.iter().all(|byte| *byte == 0))
    };
    let mut others = HashSet::new();
    for node in &graph.nodes {
        if node.operator != "Gather" || !node.inputs.get(1).is_some_and(|index| is_first(index)) {
            others.extend(node.inputs.iter().cloned());
        }
    }
    for node in &mut graph.nodes {
        let output = node.outputs.first().map_or("", |name| name);
        if node.operator == "Shape" && output.contains("encoder_attn") && !others.contains(output) {
            node.inputs = vec![HIDDEN.into()];
        }
    }
}

fn model(mut graph: Graph<'_>, form: Form) -> Option<Vec<u8>> {
    const DOMAINS: [&str; 2] = ["", "com.microsoft"];
    prune(&mut graph);
    weights::rewrite(&mut graph, form);
    prune(&mut graph);
    sort(&mut graph)?;
    graph.versions.retain(|(domain, _)| DOMAINS.contains(domain));
    let are_known = graph.nodes.iter().all(|node| DOMAINS.contains(&node.domain));
    are_known.then(|| protobuf::model(&graph))
}

/// Leaves out what no output needs.
fn prune(graph: &mut Graph<'_>) {
    let makers: HashMap<&str, usize> = graph::makers(&graph.nodes);
    let mut wanted: HashSet<&str> = HashSet::new();
    let mut open: Vec<&str> = graph.outputs.clone();
    while let Some(name) = open.pop() {
        if wanted.insert(name)
            && let Some(&maker) = makers.get(name)
        {
            open.extend(graph.nodes[maker].inputs.iter().map(AsRef::<str>::as_ref));
        }
    }
    let wanted: HashSet<String> = wanted.into_iter().map(str::to_owned).collect();
    let is_wanted = |name: &str| wanted.contains(name);
    graph
        .nodes
        .retain(|node| node.outputs.iter().any(|name| is_wanted(name)));
    graph.constants.retain(|name, _| is_wanted(name));
    graph.inputs.retain(|name| is_wanted(name));
}

/// Puts each node after those that it needs; `None` for a circle or a missing value.
fn sort(graph: &mut Graph<'_>) -> Option<()> {
    let mut known: HashSet<Cow<'_, str>> = graph.constants.keys().cloned().collect();
    known.extend(graph.inputs.iter().map(|name| Cow::from(*name)));
    known.insert("".into());
    let mut waiting = std::mem::take(&mut graph.nodes);
    while !waiting.is_empty() {
        let before = waiting.len();
        for node in std::mem::take(&mut waiting) {
            if node.inputs.iter().all(|name| known.contains(name)) {
                known.extend(node.outputs.iter().cloned());
                graph.nodes.push(node);
            } else {
                waiting.push(node);
            }
        }
        (waiting.len() < before).then_some(())?;
    }
    Some(())
}
