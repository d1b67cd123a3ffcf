use super::*;
use proptest::prelude::*;

fn vectors(raw: &[[f32; 3]]) -> Vec<Vec<f32>> {
    raw.iter().filter_map(|vector| unit(vector)).collect()
}

fn dendrogram(vectors: &[Vec<f32>], weights: &[f32]) -> Dendrogram {
    let items: Vec<Item<'_>> = vectors
        .iter()
        .zip(weights)
        .map(|(vector, weight)| Item {
            vector,
            weight: *weight,
        })
        .collect();
    match agglomerate(&items, || ControlFlow::<()>::Continue(())) {
        ControlFlow::Continue(dendrogram) => dendrogram,
        ControlFlow::Break(()) => unreachable!("nothing breaks it"),
    }
}

/// The naive algorithm: every pair of clusters, every time, by the mean of the distances of their items.
fn plainly(vectors: &[Vec<f32>]) -> Vec<f32> {
    let mut clusters: Vec<Vec<usize>> = (0..vectors.len()).map(|item| vec![item]).collect();
    let mut distances = Vec::new();
    while clusters.len() > 1 {
        let mut best = (f32::INFINITY, 0, 0);
        for left in 0..clusters.len() {
            for right in left + 1..clusters.len() {
                let pairs = clusters[left]
                    .iter()
                    .flat_map(|one| clusters[right].iter().map(move |other| (one, other)));
                let sum: f32 = pairs
                    .map(|(one, other)| 1.0 - dot(&vectors[*one], &vectors[*other]))
                    .sum();
                let mean = sum / (clusters[left].len() * clusters[right].len()) as f32;
                if mean < best.0 {
                    best = (mean, left, right);
                }
            }
        }
        let gone = clusters.remove(best.2);
        clusters[best.1].extend(gone);
        distances.push(best.0);
    }
    distances.sort_by(f32::total_cmp);
    distances
}

#[test]
fn merges_equal_scipys() {
    let vectors = vectors(&[
        [1.0, 0.0, 0.0],
        [0.9, 0.1, 0.0],
        [0.8, 0.0, 0.3],
        [0.0, 1.0, 0.0],
        [0.1, 0.9, 0.2],
        [0.0, 0.2, 1.0],
        [-0.2, 0.1, 0.9],
        [0.5, 0.5, 0.1],
    ]);
    let dendrogram = dendrogram(&vectors, &[1.0; 8]);
    // `scipy.cluster.hierarchy.linkage(vectors, "average", metric="cosine")`, heights and `fcluster(…, 0.3, "distance")`.
    let expected = [
        0.006_116, 0.027_204, 0.029_505, 0.066_534, 0.257_34, 0.690_295, 0.881_82,
    ];
    for (merge, height) in dendrogram.merges.iter().zip(expected) {
        assert!((merge.distance - height).abs() < 1e-5, "{dendrogram:?}");
    }
    assert_eq!(
        dendrogram.labels(dendrogram.merges_within(0.3)),
        [0, 0, 0, 1, 1, 2, 2, 1]
    );
}

#[test]
fn a_weight_equals_as_many_copies() {
    let one = vectors(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.0, 0.8]]);
    let copies = vectors(&[
        [1.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
        [0.6, 0.0, 0.8],
    ]);
    let (weighted, copied) = (dendrogram(&one, &[3.0, 1.0, 1.0]), dendrogram(&copies, &[1.0; 5]));
    let heights = |dendrogram: &Dendrogram| dendrogram.merges.iter().map(|merge| merge.distance).collect::<Vec<_>>();
    for (one, other) in heights(&weighted).iter().zip(&heights(&copied)[2..]) {
        assert!((one - other).abs() < 1e-6);
    }
}

#[test]
fn no_items_and_one_item_have_nothing_to_merge() {
    assert_eq!(dendrogram(&[], &[]).labels(0), Vec::<usize>::new());
    assert_eq!(dendrogram(&vectors(&[[1.0, 0.0, 0.0]]), &[1.0]).labels(0), [0]);
}

#[test]
fn heavy_clusters_are_counted_after_every_merge() {
    let vectors = vectors(&[[1.0, 0.0, 0.0], [1.0, 0.01, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.02]]);
    let weights = [1.0, 1.0, 1.0, 3.0];
    let dendrogram = dendrogram(&vectors, &weights);
    assert_eq!(dendrogram.heavy_counts(&weights, 2.0), [1, 2, 2, 1]);
}

#[test]
fn clustering_can_be_cancelled() {
    let vectors = vectors(&[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    let items: Vec<Item<'_>> = vectors.iter().map(|vector| Item { vector, weight: 1.0 }).collect();
    assert_eq!(
        agglomerate(&items, || ControlFlow::Break("enough")),
        ControlFlow::Break("enough")
    );
}

proptest! {
    #[test]
    fn chains_give_the_merges_of_the_plain_algorithm(raw in prop::collection::vec(prop::array::uniform3(-1.0_f32..1.0), 0..20)) {
        let vectors = vectors(&raw);
        let dendrogram = dendrogram(&vectors, &vec![1.0; vectors.len()]);
        for (merge, height) in dendrogram.merges.iter().zip(plainly(&vectors)) {
            prop_assert!((merge.distance - height).abs() < 1e-4, "{dendrogram:?}");
        }
        prop_assert_eq!(dendrogram.merges.len(), vectors.len().saturating_sub(1));
        for merges in 0..=dendrogram.merges.len() {
            let clusters = dendrogram.labels(merges).into_iter().max().map_or(0, |most| most + 1);
            prop_assert_eq!(clusters, vectors.len() - merges);
        }
    }
}
