//! Agglomerative clustering: average linkage over cosine distances, with every vector weighted by its amount of speech.
//!
//! The distance of two clusters is the mean of the distances between their vectors. For vectors `u` of length 1 with weights `w`
//! that mean is `1 - (Σwu · Σwu) / (Σw Σw)`: the two weighted sums determine it. So a cluster is a sum and a weight, memory grows
//! with the number of vectors and not with its square, and the result is exactly that of a matrix of all distances.
//!
//! Merges are found by nearest-neighbour chains (Murtagh 1983): follow nearest neighbours until two clusters are each other's,
//! merge those, continue with the rest of the chain. Average linkage is reducible, so these are the merges of the greedy algorithm,
//! in another order; sorted by distance they are the [`Dendrogram`].

use std::ops::ControlFlow;

/// A vector to cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    /// Of length 1.
    pub(crate) vector: &'a [f32],
    /// Positive.
    pub(crate) weight: f32,
}

/// The merge of two clusters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Merge {
    /// Any item of the first cluster.
    pub(crate) left: usize,
    /// Any item of the second cluster.
    pub(crate) right: usize,
    /// Their distance, 0 to 2.
    pub(crate) distance: f32,
}

/// All merges of `items` items, nearest first: the first `n` of them leave `items - n` clusters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dendrogram {
    pub(crate) items: usize,
    pub(crate) merges: Vec<Merge>,
}

/// A cluster during clustering.
struct Cluster {
    /// One of its items.
    item: usize,
    /// The weighted mean of its vectors.
    mean: Vec<f32>,
    weight: f32,
}

impl Cluster {
    fn of(index: usize, item: Item<'_>) -> Self {
        Self {
            item: index,
            mean: item.vector.to_vec(),
            weight: item.weight,
        }
    }

    fn distance(&self, other: &Self) -> f32 {
        1.0 - dot(&self.mean, &other.mean)
    }

    fn absorb(&mut self, other: &Self) {
        let weight = self.weight + other.weight;
        let (mine, theirs) = (self.weight / weight, other.weight / weight);
        for (value, other) in self.mean.iter_mut().zip(&other.mean) {
            *value = *value * mine + other * theirs;
        }
        self.weight = weight;
    }
}

/// Merges everything into one. `proceed` is called before every merge and may end the work.
pub(crate) fn agglomerate<B>(
    items: &[Item<'_>],
    mut proceed: impl FnMut() -> ControlFlow<B>,
) -> ControlFlow<B, Dendrogram> {
    let mut clusters: Vec<Cluster> = items
        .iter()
        .enumerate()
        .map(|(index, item)| Cluster::of(index, *item))
        .collect();
    let mut merges = Vec::with_capacity(items.len().saturating_sub(1));
    // Items, because indices of clusters change.
    let mut chain: Vec<usize> = Vec::new();
    let mut places: Vec<usize> = (0..items.len()).collect();
    while clusters.len() > 1 {
        let top = match chain.last() {
            Some(item) => places[*item],
            None => {
                chain.push(clusters[0].item);
                0
            }
        };
        let before = chain.len().checked_sub(2).map(|at| places[chain[at]]);
        let (next, distance) = nearest(&clusters, top, before);
        if Some(next) != before {
            chain.push(clusters[next].item);
            continue;
        }
        proceed()?;
        chain.truncate(chain.len() - 2);
        merges.push(Merge {
            left: clusters[next].item,
            right: clusters[top].item,
            distance,
        });
        let (kept, gone) = (next.min(top), next.max(top));
        let absorbed = clusters.swap_remove(gone);
        if let Some(moved) = clusters.get(gone) {
            places[moved.item] = gone;
        }
        clusters[kept].absorb(&absorbed);
    }
    merges.sort_by(|one, other| one.distance.total_cmp(&other.distance));
    ControlFlow::Continue(Dendrogram {
        items: items.len(),
        merges,
    })
}

/// The cluster nearest to `from`; among equals the one the chain came from, which ends a chain, then the first.
fn nearest(clusters: &[Cluster], from: usize, before: Option<usize>) -> (usize, f32) {
    let mut best = before.map(|index| (index, clusters[from].distance(&clusters[index])));
    for (index, cluster) in clusters.iter().enumerate().filter(|(index, _)| *index != from) {
        let distance = clusters[from].distance(cluster);
        if best.is_none_or(|(_, least)| distance < least) {
            best = Some((index, distance));
        }
    }
    best.expect("there are two clusters at least")
}

/// In eight parallel sums, which the compiler turns into vector instructions; the order of additions is fixed.
pub(crate) fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (ones, others) = (one.chunks_exact(8), other.chunks_exact(8));
    let rest: f32 = ones
        .remainder()
        .iter()
        .zip(others.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in ones.zip(others) {
        for lane in 0..8 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// The vector with length 1; `None` for one without a direction.
pub(crate) fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    let length = dot(vector, vector).sqrt();
    (length.is_finite() && length > 0.0).then(|| vector.iter().map(|value| value / length).collect())
}

impl Dendrogram {
    /// The number of merges of clusters at most this far apart.
    pub(crate) fn merges_within(&self, distance: f32) -> usize {
        self.merges.partition_point(|merge| merge.distance <= distance)
    }

    /// The cluster of each item after the first `merges` merges; clusters are numbered by their first item.
    pub(crate) fn labels(&self, merges: usize) -> Vec<usize> {
        let mut roots = Roots::new(self.items);
        for merge in &self.merges[..merges] {
            roots.join(merge.left, merge.right);
        }
        let mut numbers = vec![None; self.items];
        let mut next = 0;
        (0..self.items)
            .map(|item| {
                *numbers[roots.root(item)].get_or_insert_with(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect()
    }

    /// For 0, 1, 2, … merges: the number of clusters with a weight of at least `least`.
    pub(crate) fn heavy_counts(&self, weights: &[f32], least: f32) -> Vec<usize> {
        let mut roots = Roots::new(self.items);
        let mut weights = weights.to_vec();
        let mut count = weights.iter().filter(|weight| **weight >= least).count();
        let mut counts = vec![count];
        for merge in &self.merges {
            let pair = [roots.root(merge.left), roots.root(merge.right)];
            let heavy = pair.iter().filter(|root| weights[**root] >= least).count();
            let total = weights[pair[0]] + weights[pair[1]];
            let root = roots.join(merge.left, merge.right);
            weights[root] = total;
            count = count - heavy + usize::from(total >= least);
            counts.push(count);
        }
        counts
    }
}

/// The clusters of items: each points towards the root of its cluster.
struct Roots(Vec<usize>);

impl Roots {
    fn new(items: usize) -> Self {
        Self((0..items).collect())
    }

    fn root(&mut self, mut item: usize) -> usize {
        while self.0[item] != item {
            self.0[item] = self.0[self.0[item]];
            item = self.0[item];
        }
        item
    }

    fn join(&mut self, one: usize, other: usize) -> usize {
        let (one, other) = (self.root(one), self.root(other));
        self.0[other] = one;
        one
    }
}

#[cfg(test)]
mod tests;
