//! Writer of an ONNX file from the lines of its graph.

fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

fn integer(out: &mut Vec<u8>, field: u64, value: u64) {
    number(out, field << 3);
    number(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    number(out, field << 3 | 2);
    number(out, bytes.len() as u64);
    out.extend(bytes);
}

fn named(field: u64, name: &str) -> Vec<u8> {
    let mut message = Vec::new();
    bytes(&mut message, field, name.as_bytes());
    message
}

/// The words of a line; a list in brackets belongs to one word.
fn words(line: &str) -> Vec<String> {
    let mut depth = 0;
    let mut words = vec![String::new()];
    for c in line.chars() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        match words.last_mut() {
            Some(word) if c != ' ' || depth > 0 => word.push(c),
            _ => words.push(String::new()),
        }
    }
    words
}

fn list(text: &str) -> Vec<u64> {
    let inner = text.trim_matches(['[', ']']);
    let value = |value: &str| value.parse::<i64>().expect("an integer").cast_unsigned();
    inner.split_whitespace().map(value).collect()
}

fn tensor(name: &str, kind: u64, shape: &[u64], data: &[u8]) -> Vec<u8> {
    let mut message = named(8, name);
    shape.iter().for_each(|size| integer(&mut message, 1, *size));
    integer(&mut message, 2, kind);
    bytes(&mut message, 9, data);
    message
}

fn attribute(name: &str, value: &str) -> Vec<u8> {
    let mut message = named(1, name);
    match value.parse::<i64>() {
        Ok(value) => integer(&mut message, 3, value.cast_unsigned()),
        Err(_) if value.starts_with('[') => list(value)
            .into_iter()
            .for_each(|value| integer(&mut message, 8, value)),
        Err(_) => bytes(&mut message, 4, value.as_bytes()),
    }
    message
}

/// A file of this graph, its weights by their count.
pub(super) fn write(lines: &[&str], weights: fn(usize) -> Vec<f32>) -> Vec<u8> {
    let (mut graph, mut tensors) = (Vec::new(), 0);
    for line in lines {
        if let Some(outputs) = line.strip_prefix("outputs ") {
            words(outputs)
                .iter()
                .for_each(|name| bytes(&mut graph, 12, &named(1, name)));
            continue;
        }
        let (results, rest) = line.split_once(" = ").expect("a line has a left side");
        let rest = words(rest);
        if rest == ["inputs"] {
            words(results)
                .iter()
                .for_each(|name| bytes(&mut graph, 11, &named(1, name)));
            continue;
        }
        let mut node = named(4, &rest[0]);
        words(results)
            .iter()
            .for_each(|name| bytes(&mut node, 2, name.as_bytes()));
        for word in &rest[1..] {
            let name = format!("tensor {tensors}");
            let constant = if let Some((name, value)) = word.split_once('=') {
                bytes(&mut node, 5, &attribute(name, value));
                continue;
            } else if word.starts_with('%') || word == "-" {
                bytes(&mut node, 1, word.trim_matches('-').as_bytes());
                continue;
            } else if let Some(shape) = word.strip_prefix("f32").map(list) {
                let count = usize::try_from(shape.iter().product::<u64>()).expect("it is small");
                let data: Vec<u8> = weights(count).iter().flat_map(|value| value.to_le_bytes()).collect();
                tensor(&name, 1, &shape, &data)
            } else if word.starts_with('[') {
                let values = list(word);
                let data: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                tensor(&name, 7, &[values.len() as u64], &data)
            } else {
                let value: f32 = word.parse().expect("a number");
                tensor(&name, 1, &[], &value.to_le_bytes())
            };
            bytes(&mut node, 1, name.as_bytes());
            bytes(&mut graph, 5, &constant);
            tensors += 1;
        }
        bytes(&mut graph, 1, &node);
    }
    let mut file = Vec::new();
    bytes(&mut file, 7, &graph);
    file
}
