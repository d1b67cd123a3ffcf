//! Groups of voices, joined while their means are near (centroid linkage).

use crate::cluster::{dot, unit};

/// A group of voices.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The sum of its vectors, each times its frames.
    pub(crate) sum: Vec<f32>,
    /// Frames of speech in it.
    pub(crate) frames: f32,
}

impl Group {
    pub(crate) fn join(&mut self, other: &Self) {
        for (value, other) in self.sum.iter_mut().zip(&other.sum) {
            *value += other;
        }
        self.frames += other.frames;
    }

    /// The direction of the mean; zeros if the parts cancel out, which is equally far from everything.
    pub(crate) fn mean(&self) -> Vec<f32> {
        unit(&self.sum).unwrap_or_else(|| vec![0.0; self.sum.len()])
    }
}

/// The join of two groups: `right` is joined to `left`, and the last group takes its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Join {
    pub(crate) left: usize,
    pub(crate) right: usize,
    /// Between the means, 0 to 2.
    pub(crate) distance: f32,
}

/// The groups after these joins.
pub(crate) fn after(mut groups: Vec<Group>, joins: &[Join]) -> Vec<Group> {
    for join in joins {
        let other = groups.swap_remove(join.right);
        groups[join.left].join(&other);
    }
    groups
}

/// Joins the nearest two until one group is left. Distances need not rise: a mean may be nearer to others than its parts were.
pub(crate) fn joins(groups: &[Group]) -> Vec<Join> {
    let mut groups = groups.to_vec();
    let mut means: Vec<Vec<f32>> = groups.iter().map(Group::mean).collect();
    let mut nearest: Vec<Option<Neighbour>> = (0..means.len()).map(|group| neighbour(&means, group)).collect();
    let mut joins = Vec::new();
    while let Some(join) = best(&nearest) {
        joins.push(join);
        let (left, right, last) = (join.left, join.right, groups.len() - 1);
        let other = groups.swap_remove(right);
        groups[left].join(&other);
        means.swap_remove(right);
        nearest.swap_remove(right);
        means[left] = groups[left].mean();
        for (group, known) in nearest.iter_mut().enumerate() {
            *known = renewed(&means, group, *known, (left, right, last));
        }
    }
    joins
}

/// The nearest of the later groups.
#[derive(Debug, Clone, Copy)]
struct Neighbour {
    group: usize,
    similarity: f32,
}

fn neighbour(means: &[Vec<f32>], group: usize) -> Option<Neighbour> {
    let others = (group + 1)..means.len();
    let all = others.map(|other| Neighbour {
        group: other,
        similarity: dot(&means[group], &means[other]),
    });
    all.reduce(nearer)
}

/// The first of the nearest.
fn nearer(one: Neighbour, other: Neighbour) -> Neighbour {
    if other.similarity > one.similarity || (other.similarity == one.similarity && other.group < one.group) {
        other
    } else {
        one
    }
}

/// A group's neighbour after `right` was joined to `left` and `last` took its place.
fn renewed(
    means: &[Vec<f32>],
    group: usize,
    known: Option<Neighbour>,
    (left, right, last): (usize, usize, usize),
) -> Option<Neighbour> {
    let stale = |neighbour: Neighbour| [left, right, last].contains(&neighbour.group);
    if group == left || group == right || known.is_none_or(stale) {
        return neighbour(means, group);
    }
    // The joined group and the one that moved may have become nearer.
    let changed = [left, right]
        .into_iter()
        .filter(|other| *other > group && *other < means.len());
    let candidates = changed.map(|other| Neighbour {
        group: other,
        similarity: dot(&means[group], &means[other]),
    });
    known.into_iter().chain(candidates).reduce(nearer)
}

fn best(nearest: &[Option<Neighbour>]) -> Option<Join> {
    let mut best: Option<Join> = None;
    for (left, neighbour) in nearest.iter().enumerate() {
        let Some(Neighbour {
            group: right,
            similarity,
        }) = *neighbour
        else {
            continue;
        };
        let distance = 1.0 - similarity;
        if best.is_none_or(|join| distance < join.distance) {
            best = Some(Join { left, right, distance });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn group(vector: [f32; 3], frames: f32) -> Group {
        Group {
            sum: vector.map(|value| value * frames).to_vec(),
            frames,
        }
    }

    /// The naive algorithm, which examines every pair every time.
    fn plainly(mut groups: Vec<Group>) -> Vec<f32> {
        let mut distances = Vec::new();
        while groups.len() > 1 {
            let pairs = (0..groups.len()).flat_map(|left| ((left + 1)..groups.len()).map(move |right| (left, right)));
            let distance = |(left, right): &(usize, usize)| 1.0 - dot(&groups[*left].mean(), &groups[*right].mean());
            let (left, right) = pairs
                .min_by(|one, other| distance(one).total_cmp(&distance(other)))
                .unwrap();
            distances.push(distance(&(left, right)));
            let other = groups.swap_remove(right);
            groups[left].join(&other);
        }
        distances
    }

    #[test]
    fn the_nearest_two_are_joined_first() {
        let groups = [
            group([1.0, 0.0, 0.0], 1.0),
            group([0.0, 1.0, 0.0], 5.0),
            group([0.8, 0.6, 0.0], 1.0),
        ];
        let joins = joins(&groups);
        assert_eq!((joins[0].left, joins[0].right), (0, 2));
        assert!((joins[0].distance - 0.2).abs() < 1e-6);
        assert_eq!(after(groups.to_vec(), &joins)[0].frames, 7.0);
    }

    proptest! {
        #[test]
        fn caching_neighbours_changes_no_result(vectors in prop::collection::vec((prop::array::uniform3(-1.0_f32..1.0), 1.0_f32..9.0), 0..24)) {
            let groups: Vec<Group> = vectors.into_iter().map(|(vector, frames)| group(vector, frames)).collect();
            let distances: Vec<f32> = joins(&groups).iter().map(|join| join.distance).collect();
            let expected = if groups.is_empty() { Vec::new() } else { plainly(groups) };
            prop_assert_eq!(distances.len(), expected.len());
            for (one, other) in distances.iter().zip(&expected) {
                prop_assert!((one - other).abs() < 1e-5, "{distances:?} {expected:?}");
            }
        }
    }
}
