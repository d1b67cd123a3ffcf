//! Tests of the matrix products in `native/`: right for every shape, and the same for any number of threads.

use proptest::prelude::*;

use half::f16;

use crate::ffi::products::{Shape, product_f32, product_halves, product_int8};

/// Shapes on both sides of every limit: few rows and many, whole vectors and others.
fn shape() -> impl Strategy<Value = Shape> {
    let columns = prop_oneof![1_usize..200, Just(64), Just(128), Just(1500), Just(2048)];
    let depth = prop_oneof![1_usize..100, Just(64), Just(512), Just(1500)];
    (1_usize..14, columns, depth).prop_map(|(rows, columns, depth)| Shape { rows, columns, depth })
}

/// Numbers between -1 and 1, the same for a seed.
fn numbers(count: usize, mut seed: u32) -> Vec<f32> {
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(seed >> 16).expect("16 bits")) / 32_768.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "between -127 and 127")]
fn bytes(count: usize, seed: u32) -> Vec<i8> {
    numbers(count, seed)
        .iter()
        .map(|number| (number * 127.0) as i8)
        .collect()
}

proptest! {
    #[test]
    fn float_products_are_right_and_independent_of_threads(shape in shape(), transposed: bool, seed: u32) {
        let Shape { rows, columns, depth } = shape;
        let (a, b) = (numbers(rows * depth, seed), numbers(columns * depth, !seed));
        let product = product_f32(shape, transposed, 0.125, &a, &b, 1);
        prop_assert_eq!(&product, &product_f32(shape, transposed, 0.125, &a, &b, 2));
        prop_assert_eq!(&product, &product_f32(shape, transposed, 0.125, &a, &b, 5));
        for (index, value) in product.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let term = |k: usize| {
                let b = if transposed { b[column * depth + k] } else { b[k * columns + column] };
                f64::from(a[row * depth + k]) * f64::from(b)
            };
            let exact = (0..depth).map(term).sum::<f64>() * 0.125;
            prop_assert!((f64::from(*value) - exact).abs() < 1e-4, "{row} {column}: {value} {exact}");
        }
    }

    #[test]
    fn weights_in_half_precision_give_the_sums_of_wide_ones(shape in shape(), seed: u32) {
        let Shape { rows, columns, depth } = shape;
        let shape = Shape { depth: depth.next_multiple_of(16), ..shape };
        let a = numbers(rows * shape.depth, seed);
        let narrow: Vec<f16> = numbers(columns * shape.depth, !seed).into_iter().map(f16::from_f32).collect();
        let wide: Vec<f32> = narrow.iter().map(|number| number.to_f32()).collect();
        let bits: Vec<u16> = narrow.iter().map(|number| number.to_bits()).collect();
        let product = product_halves(shape, &a, &bits, 1);
        prop_assert_eq!(&product, &product_halves(shape, &a, &bits, 3));
        prop_assert_eq!(&product, &Some(product_f32(shape, true, 1.0, &a, &wide, 1)));
        // As many as the beams of a batch: more than this multiplication supports for wide weights.
        let many = Shape { rows: 4 * rows, ..shape };
        prop_assert_eq!(product_halves(many, &a.repeat(4), &bits, 2), product.map(|product| product.repeat(4)));
    }

    #[test]
    fn byte_products_are_exact(shape in shape(), seed: u32) {
        let Shape { rows, columns, depth } = shape;
        // Small enough for oneDNN to be exact on every CPU: see `native/onednn/few_rows.cpp`.
        let a: Vec<u8> = bytes(rows * depth, seed).iter().map(|byte| byte.unsigned_abs()).collect();
        let (b, offset) = (bytes(columns * depth, !seed), bytes(columns, seed.rotate_left(7)));
        let offset: Vec<i32> = offset.iter().map(|byte| i32::from(*byte) * 1000).collect();
        let product = product_int8(shape, &a, &b, &offset, 1);
        prop_assert_eq!(&product, &product_int8(shape, &a, &b, &offset, 2));
        for (index, value) in product.iter().enumerate() {
            let (row, column) = (index / columns, index % columns);
            let term = |k: usize| i32::from(a[row * depth + k]) * i32::from(b[column * depth + k]);
            prop_assert_eq!(*value, (0..depth).map(term).sum::<i32>() + offset[column]);
        }
    }
}

/// The kernels for CPUs without AVX-512 are never chosen on one that has it, unless a variable forbids it.
#[test]
fn products_are_right_with_avx2_alone() {
    let again = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["products::", "--skip", "products_are_right_with_avx2_alone"])
        .env("ONEDNN_MAX_CPU_ISA", "AVX2")
        .output()
        .expect("this program starts");
    let output = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && output.contains("3 passed"), "{output}");
}
