//! The matrix products of `native/`, as CTranslate2 calls them, for their tests.
//!
//! Matrices are row-major. Sizes are checked here, so the functions are safe to call with any slices.

use std::ffi::{c_char, c_int};

unsafe extern "C" {
    fn dnnl_sgemm(
        transa: c_char,
        transb: c_char,
        m: i64,
        n: i64,
        k: i64,
        alpha: f32,
        a: *const f32,
        lda: i64,
        b: *const f32,
        ldb: i64,
        beta: f32,
        c: *mut f32,
        ldc: i64,
    ) -> c_int;

    fn dnnl_gemm_u8s8s32(
        transa: c_char,
        transb: c_char,
        offsetc: c_char,
        m: i64,
        n: i64,
        k: i64,
        alpha: f32,
        a: *const u8,
        lda: i64,
        ao: u8,
        b: *const i8,
        ldb: i64,
        bo: i8,
        beta: f32,
        c: *mut i32,
        ldc: i64,
        co: *const i32,
    ) -> c_int;

    fn cesar_few_rows_halves(
        rows: i64,
        columns: i64,
        depth: i64,
        a: *const f32,
        b: *const u16,
        c: *mut f32,
        ldc: i64,
    ) -> bool;

    fn omp_set_num_threads(threads: c_int);
}

/// Rows, columns and depth of a product.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Rows of A and of the product.
    pub(crate) rows: usize,
    /// Columns of the product.
    pub(crate) columns: usize,
    /// The summed dimension.
    pub(crate) depth: usize,
}

fn dimension(size: usize) -> i64 {
    i64::try_from(size).expect("a test's size fits")
}

/// `scale * A * B` computed with `threads` threads; B is `columns` rows of `depth` if it is `transposed`.
pub(crate) fn product_f32(
    shape: Shape,
    transposed: bool,
    scale: f32,
    a: &[f32],
    b: &[f32],
    threads: c_int,
) -> Vec<f32> {
    let Shape { rows, columns, depth } = shape;
    assert!(a.len() == rows * depth && b.len() == columns * depth);
    let (kind, ldb) = if transposed { (b'T', depth) } else { (b'N', columns) };
    let [m, n, k, ldb] = [rows, columns, depth, ldb].map(dimension);
    let mut c = vec![f32::NAN; rows * columns];
    // SAFETY: the slices have the sizes that the dimensions say, and `c` is written only.
    let status = unsafe {
        omp_set_num_threads(threads);
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        dnnl_sgemm(
            b'N'.cast_signed(),
            kind.cast_signed(),
            m,
            n,
            k,
            scale,
            a,
            k,
            b,
            ldb,
            0.0,
            c,
            n,
        )
    };
    assert_eq!(status, 0);
    c
}

/// `A * transposed B` plus an offset for each column, computed with `threads` threads.
pub(crate) fn product_int8(shape: Shape, a: &[u8], b: &[i8], offset: &[i32], threads: c_int) -> Vec<i32> {
    let Shape { rows, columns, depth } = shape;
    assert!(a.len() == rows * depth && b.len() == columns * depth && offset.len() == columns);
    let [m, n, k] = [rows, columns, depth].map(dimension);
    let mut c = vec![i32::MIN; rows * columns];
    let [plain, transposed, by_row] = [b'N', b'T', b'R'].map(u8::cast_signed);
    // SAFETY: the slices have the sizes that the dimensions say, and `c` is written only.
    let status = unsafe {
        omp_set_num_threads(threads);
        let (a, b, offset) = (a.as_ptr(), b.as_ptr(), offset.as_ptr());
        dnnl_gemm_u8s8s32(
            plain,
            transposed,
            by_row,
            m,
            n,
            k,
            1.0,
            a,
            k,
            0,
            b,
            k,
            0,
            0.0,
            c.as_mut_ptr(),
            n,
            offset,
        )
    };
    assert_eq!(status, 0);
    c
}

/// `A * transposed B` computed with `threads` threads, for a few rows; B is in half precision. `None` for unsupported shapes.
pub(crate) fn product_halves(shape: Shape, a: &[f32], b: &[u16], threads: c_int) -> Option<Vec<f32>> {
    let Shape { rows, columns, depth } = shape;
    assert!(a.len() == rows * depth && b.len() == columns * depth);
    let [m, n, k] = [rows, columns, depth].map(dimension);
    let mut c = vec![f32::NAN; rows * columns];
    // SAFETY: the slices have the sizes that the dimensions say, and `c` is written only.
    let done = unsafe {
        omp_set_num_threads(threads);
        cesar_few_rows_halves(m, n, k, a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), n)
    };
    done.then_some(c)
}
