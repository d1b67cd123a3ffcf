//! A linear layer, whose weights lie in the order in which they are used.

/// Sums of products: outputs from inputs, `LANES` outputs at a time.
pub(super) struct Layer<const LANES: usize> {
    inputs: usize,
    /// Of `LANES` outputs each: the bias, and the weights of every input.
    biases: Vec<[f32; LANES]>,
    weights: Vec<[f32; LANES]>,
}

impl<const LANES: usize> Layer<LANES> {
    /// A layer of so many inputs and outputs, by the weight of an output and an input, and by the bias of an output.
    pub(super) fn new(
        (inputs, outputs): (usize, usize),
        weight: impl Fn(usize, usize) -> f32,
        bias: impl Fn(usize) -> f32,
    ) -> Self {
        let firsts = (0..outputs).step_by(LANES);
        let lanes = |first: usize, value: &dyn Fn(usize) -> f32| {
            std::array::from_fn(|lane| {
                if first + lane < outputs {
                    value(first + lane)
                } else {
                    0.0
                }
            })
        };
        let weights = firsts.clone().flat_map(|first| {
            let weight = &weight;
            (0..inputs).map(move |input| lanes(first, &|output| weight(output, input)))
        });
        Self {
            inputs,
            weights: weights.collect(),
            biases: firsts.map(|first| lanes(first, &bias)).collect(),
        }
    }

    /// Computes some rows of inputs at a time, so that each weight is loaded once; `put` takes a row, the first output, and the sums.
    #[inline]
    pub(super) fn apply<const ROWS: usize>(
        &self,
        rows: [&[f32]; ROWS],
        mut put: impl FnMut(usize, usize, [f32; LANES]),
    ) {
        let rows = rows.map(|row| &row[..self.inputs]);
        for (block, (weights, bias)) in self.weights.chunks_exact(self.inputs).zip(&self.biases).enumerate() {
            let mut sums = [*bias; ROWS];
            for (input, weights) in weights.iter().enumerate() {
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let value = row[input];
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += value * weight;
                    }
                }
            }
            for (row, sums) in sums.into_iter().enumerate() {
                put(row, block * LANES, sums);
            }
        }
    }
}
