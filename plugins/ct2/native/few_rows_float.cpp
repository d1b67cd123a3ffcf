// What decoding does for each token, in float32: see `few_rows.cpp`, which does it in int8.
//
// The weights come from memory once, where they are, and in that order; that is all the time there is to gain. Each sum is computed by one thread,
// in an order that depends on the depth alone.

#include "few_rows_float.h"

#include <algorithm>
#include <immintrin.h>
#include <omp.h>

#include "vectors.h"

namespace cesar {

namespace {

// Beyond this the copied layout of oneDNN pays.
constexpr dnnl_dim_t MOST_ROWS = 20;
// Floats of weights from which a second thread pays for being woken.
constexpr dnnl_dim_t FLOATS_PER_THREAD = 1 << 17;
// Columns of a matrix that is not transposed which are summed at a time: the depth of a head. Threads share columns by as many.
constexpr dnnl_dim_t STRIP = 64;

struct Product {
    bool transposed;
    dnnl_dim_t rows, columns, depth;
    float alpha;
    const float *a;
    dnnl_dim_t lda;
    const float *b;
    dnnl_dim_t ldb;
    float *c;
    dnnl_dim_t ldc;
};

using Kernel = void (*)(const Product &, dnnl_dim_t, dnnl_dim_t);

#define WITH_AVX512 __attribute__((target("avx512f")))
#define WITH_AVX2 __attribute__((target("avx2,fma")))

WITH_AVX2 inline float sum_256(__m256 s) {
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
    const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}

// `COLUMNS` columns of `ROWS` rows from `row` and `column` on.
template <int ROWS, int COLUMNS> WITH_AVX512 inline void tile_512(const Product &p, dnnl_dim_t row, dnnl_dim_t column) {
    const float *a = p.a + row * p.lda, *b = p.b + column * p.ldb;
    __m512 sum[ROWS][COLUMNS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++)
            sum[r][j] = _mm512_setzero_ps();
    for (dnnl_dim_t k = 0; k < p.depth; k += 16) {
        __m512 w[COLUMNS];
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++)
            w[j] = _mm512_loadu_ps(b + j * p.ldb + k);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const __m512 x = _mm512_loadu_ps(a + r * p.lda + k);
#pragma GCC unroll 8
            for (int j = 0; j < COLUMNS; j++)
                sum[r][j] = _mm512_fmadd_ps(x, w[j], sum[r][j]);
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < COLUMNS; j++)
            p.c[(row + r) * p.ldc + column + j] = p.alpha * _mm512_reduce_add_ps(sum[r][j]);
}

template <int ROWS, int COLUMNS> WITH_AVX2 inline void tile_256(const Product &p, dnnl_dim_t row, dnnl_dim_t column) {
    const float *a = p.a + row * p.lda, *b = p.b + column * p.ldb;
    __m256 sum[ROWS][COLUMNS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++)
            sum[r][j] = _mm256_setzero_ps();
    for (dnnl_dim_t k = 0; k < p.depth; k += 8) {
        __m256 w[COLUMNS];
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++)
            w[j] = _mm256_loadu_ps(b + j * p.ldb + k);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const __m256 x = _mm256_loadu_ps(a + r * p.lda + k);
#pragma GCC unroll 8
            for (int j = 0; j < COLUMNS; j++)
                sum[r][j] = _mm256_fmadd_ps(x, w[j], sum[r][j]);
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < COLUMNS; j++)
            p.c[(row + r) * p.ldc + column + j] = p.alpha * sum_256(sum[r][j]);
}

// The same for a matrix that is not transposed: `VECTORS` vectors of columns.
template <int ROWS, int VECTORS> WITH_AVX512 inline void strip_512(const Product &p, dnnl_dim_t row, dnnl_dim_t column) {
    const float *a = p.a + row * p.lda, *b = p.b + column;
    __m512 sum[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int j = 0; j < VECTORS; j++)
            sum[r][j] = _mm512_setzero_ps();
    for (dnnl_dim_t k = 0; k < p.depth; k++) {
        __m512 w[VECTORS];
#pragma GCC unroll 8
        for (int j = 0; j < VECTORS; j++)
            w[j] = _mm512_loadu_ps(b + k * p.ldb + 16 * j);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const __m512 x = _mm512_set1_ps(a[r * p.lda + k]);
#pragma GCC unroll 8
            for (int j = 0; j < VECTORS; j++)
                sum[r][j] = _mm512_fmadd_ps(x, w[j], sum[r][j]);
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < VECTORS; j++)
            _mm512_storeu_ps(p.c + (row + r) * p.ldc + column + 16 * j, _mm512_mul_ps(_mm512_set1_ps(p.alpha), sum[r][j]));
}

template <int ROWS, int VECTORS> WITH_AVX2 inline void strip_256(const Product &p, dnnl_dim_t row, dnnl_dim_t column) {
    const float *a = p.a + row * p.lda, *b = p.b + column;
    __m256 sum[ROWS][VECTORS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int j = 0; j < VECTORS; j++)
            sum[r][j] = _mm256_setzero_ps();
    for (dnnl_dim_t k = 0; k < p.depth; k++) {
        __m256 w[VECTORS];
#pragma GCC unroll 8
        for (int j = 0; j < VECTORS; j++)
            w[j] = _mm256_loadu_ps(b + k * p.ldb + 8 * j);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const __m256 x = _mm256_set1_ps(a[r * p.lda + k]);
#pragma GCC unroll 8
            for (int j = 0; j < VECTORS; j++)
                sum[r][j] = _mm256_fmadd_ps(x, w[j], sum[r][j]);
        }
    }
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < VECTORS; j++)
            _mm256_storeu_ps(p.c + (row + r) * p.ldc + column + 8 * j, _mm256_mul_ps(_mm256_set1_ps(p.alpha), sum[r][j]));
}

// `ROWS` rows of four columns, one column, or a strip of 64 columns.
template <int ROWS> WITH_AVX512 inline void some_rows_512(const Product &p, dnnl_dim_t row, dnnl_dim_t column, dnnl_dim_t end) {
    if (p.transposed)
        end - column >= 4 ? tile_512<ROWS, 4>(p, row, column) : tile_512<ROWS, 1>(p, row, column);
    else
        strip_512<ROWS, 4>(p, row, column);
}

WITH_AVX512 inline void all_rows_512(const Product &p, dnnl_dim_t column, dnnl_dim_t end) {
    dnnl_dim_t row = 0;
    for (; p.rows - row > 5; row += 3)
        some_rows_512<3>(p, row, column, end);
    switch (p.rows - row) {
        case 5: some_rows_512<5>(p, row, column, end); break;
        case 4: some_rows_512<4>(p, row, column, end); break;
        case 3: some_rows_512<3>(p, row, column, end); break;
        case 2: some_rows_512<2>(p, row, column, end); break;
        case 1: some_rows_512<1>(p, row, column, end); break;
        default: break;
    }
}

template <int ROWS> WITH_AVX2 inline void some_rows_256(const Product &p, dnnl_dim_t row, dnnl_dim_t column, dnnl_dim_t end) {
    if (p.transposed) {
        end - column >= 4 ? tile_256<ROWS, 4>(p, row, column) : tile_256<ROWS, 1>(p, row, column);
        return;
    }
    for (dnnl_dim_t part = 0; part < STRIP; part += 32)
        strip_256<ROWS, 4>(p, row, column + part);
}

WITH_AVX2 inline void all_rows_256(const Product &p, dnnl_dim_t column, dnnl_dim_t end) {
    dnnl_dim_t row = 0;
    for (; p.rows - row >= 2; row += 2)
        some_rows_256<2>(p, row, column, end);
    if (p.rows > row)
        some_rows_256<1>(p, row, column, end);
}

// From column to column: as many as are computed at a time.
dnnl_dim_t step(const Product &p, dnnl_dim_t column, dnnl_dim_t end) {
    return p.transposed ? (end - column >= 4 ? 4 : 1) : STRIP;
}

WITH_AVX512 void columns_512(const Product &p, dnnl_dim_t begin, dnnl_dim_t end) {
    for (dnnl_dim_t column = begin; column < end; column += step(p, column, end))
        all_rows_512(p, column, end);
}

WITH_AVX2 void columns_256(const Product &p, dnnl_dim_t begin, dnnl_dim_t end) {
    for (dnnl_dim_t column = begin; column < end; column += step(p, column, end))
        all_rows_256(p, column, end);
}

// The best kernel of this CPU, or none.
Kernel kernel_of_cpu() {
    __builtin_cpu_init();
    const Vectors most = most_vectors();
    if (most >= Vectors::Avx512 && __builtin_cpu_supports("avx512f"))
        return columns_512;
    return most >= Vectors::Avx2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? columns_256 : nullptr;
}

} // namespace

bool few_rows_float(bool transposed, dnnl_dim_t rows, dnnl_dim_t columns, dnnl_dim_t depth, float alpha, const float *a, dnnl_dim_t lda,
        const float *b, dnnl_dim_t ldb, float *c, dnnl_dim_t ldc) {
    static const Kernel kernel = kernel_of_cpu();
    // No kernel has a mask.
    const bool whole = transposed ? depth % 16 == 0 : columns % STRIP == 0;
    if (!kernel || rows <= 0 || rows > MOST_ROWS || depth <= 0 || !whole)
        return false;
    const Product product {transposed, rows, columns, depth, alpha, a, lda, b, ldb, c, ldc};
    const dnnl_dim_t worth = columns * depth / FLOATS_PER_THREAD;
    const dnnl_dim_t threads = omp_in_parallel() ? 1 : std::min<dnnl_dim_t>(omp_get_max_threads(), worth);
    if (threads <= 1) {
        kernel(product, 0, columns);
        return true;
    }
    const dnnl_dim_t blocks = (columns + STRIP - 1) / STRIP;
#pragma omp parallel num_threads(threads)
    {
        const dnnl_dim_t count = omp_get_num_threads(), own = omp_get_thread_num();
        kernel(product, blocks * own / count * STRIP, std::min(columns, blocks * (own + 1) / count * STRIP));
    }
    return true;
}

} // namespace cesar
