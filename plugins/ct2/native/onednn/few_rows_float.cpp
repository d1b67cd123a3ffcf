// Products of a few rows of float32 activations with a weight matrix; `few_rows.cpp` computes those of int8.
//
// The weights are read once, in the order of memory, which is what takes the time. Weights in half precision need half the memory and are
// widened, which is exact, on their way to the registers. One thread computes each sum, in an order that depends on the depth alone and
// not on how the weights are stored.

#include "few_rows_float.h"

#include <algorithm>
#include <immintrin.h>
#include <omp.h>

#include "vectors.h"

namespace cesar {

namespace {

// Above this the copied layout of oneDNN is faster.
constexpr dnnl_dim_t MOST_ROWS = 20;
// The same for weights that would have to be widened first.
constexpr dnnl_dim_t MOST_ROWS_OF_HALVES = 64;
// Values of weights above which waking a second thread saves time.
constexpr dnnl_dim_t VALUES_PER_THREAD = 1 << 17;
// Columns of a matrix that is not transposed which are summed at a time: the depth of a head. Threads share columns by as many.
constexpr dnnl_dim_t STRIP = 64;

// With weights of type `W`.
template <typename W> struct Product {
    bool transposed;
    dnnl_dim_t rows, columns, depth;
    float alpha;
    const float *a;
    dnnl_dim_t lda;
    const W *b;
    dnnl_dim_t ldb;
    float *c;
    dnnl_dim_t ldc;
    // Where the weights of the next columns go.
    bool near;
};

template <typename W> using Kernel = void (*)(const Product<W> &, dnnl_dim_t, dnnl_dim_t);

#define WITH_AVX512 __attribute__((target("avx512f")))
#define WITH_AVX2 __attribute__((target("avx2,fma,f16c")))

WITH_AVX512 inline __m512 load_512(const float *values) {
    return _mm512_loadu_ps(values);
}

WITH_AVX512 inline __m512 load_512(const Half *values) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(values)));
}

WITH_AVX2 inline __m256 load_256(const float *values) {
    return _mm256_loadu_ps(values);
}

WITH_AVX2 inline __m256 load_256(const Half *values) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(values)));
}

// `COLUMNS` columns of `ROWS` rows from `row` and `column` on.
template <int ROWS, int COLUMNS, typename W> WITH_AVX512 inline void tile_512(const Product<W> &p, dnnl_dim_t row, dnnl_dim_t column) {
    const float *a = p.a + row * p.lda;
    const W *b = p.b + column * p.ldb;
    __m512 sum[ROWS][COLUMNS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++)
            sum[r][j] = _mm512_setzero_ps();
    const W *next = b + COLUMNS * p.ldb;
    for (dnnl_dim_t k = 0; k < p.depth; k += 16) {
        fetch<16 * COLUMNS * sizeof(W)>(next + k * COLUMNS, p.near);
        __m512 w[COLUMNS];
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++)
            w[j] = load_512(b + j * p.ldb + k);
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

template <int ROWS, int COLUMNS, typename W> WITH_AVX2 inline void tile_256(const Product<W> &p, dnnl_dim_t row, dnnl_dim_t column) {
    const float *a = p.a + row * p.lda;
    const W *b = p.b + column * p.ldb;
    __m256 sum[ROWS][COLUMNS];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++)
            sum[r][j] = _mm256_setzero_ps();
    const W *next = b + COLUMNS * p.ldb;
    for (dnnl_dim_t k = 0; k < p.depth; k += 8) {
        fetch<8 * COLUMNS * sizeof(W)>(next + k * COLUMNS, p.near);
        __m256 w[COLUMNS];
#pragma GCC unroll 8
        for (int j = 0; j < COLUMNS; j++)
            w[j] = load_256(b + j * p.ldb + k);
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
            p.c[(row + r) * p.ldc + column + j] = p.alpha * total_of(sum[r][j]);
}

// The same for a matrix that is not transposed: `VECTORS` vectors of columns.
template <int ROWS, int VECTORS, typename W> WITH_AVX512 inline void strip_512(const Product<W> &p, dnnl_dim_t row, dnnl_dim_t column) {
    const float *a = p.a + row * p.lda;
    const W *b = p.b + column;
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
            w[j] = load_512(b + k * p.ldb + 16 * j);
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

template <int ROWS, int VECTORS, typename W> WITH_AVX2 inline void strip_256(const Product<W> &p, dnnl_dim_t row, dnnl_dim_t column) {
    const float *a = p.a + row * p.lda;
    const W *b = p.b + column;
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
            w[j] = load_256(b + k * p.ldb + 8 * j);
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
template <int ROWS, typename W> WITH_AVX512 inline void some_rows_512(const Product<W> &p, dnnl_dim_t row, dnnl_dim_t column, dnnl_dim_t end) {
    if (p.transposed)
        end - column >= 4 ? tile_512<ROWS, 4>(p, row, column) : tile_512<ROWS, 1>(p, row, column);
    else
        strip_512<ROWS, 4>(p, row, column);
}

template <typename W> WITH_AVX512 inline void all_rows_512(const Product<W> &p, dnnl_dim_t column, dnnl_dim_t end) {
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

template <int ROWS, typename W> WITH_AVX2 inline void some_rows_256(const Product<W> &p, dnnl_dim_t row, dnnl_dim_t column, dnnl_dim_t end) {
    if (p.transposed) {
        end - column >= 4 ? tile_256<ROWS, 4>(p, row, column) : tile_256<ROWS, 1>(p, row, column);
        return;
    }
    for (dnnl_dim_t part = 0; part < STRIP; part += 32)
        strip_256<ROWS, 4>(p, row, column + part);
}

template <typename W> WITH_AVX2 inline void all_rows_256(const Product<W> &p, dnnl_dim_t column, dnnl_dim_t end) {
    dnnl_dim_t row = 0;
    for (; p.rows - row >= 2; row += 2)
        some_rows_256<2>(p, row, column, end);
    if (p.rows > row)
        some_rows_256<1>(p, row, column, end);
}

// From column to column: as many as are computed at a time.
template <typename W> dnnl_dim_t step(const Product<W> &p, dnnl_dim_t column, dnnl_dim_t end) {
    return p.transposed ? (end - column >= 4 ? 4 : 1) : STRIP;
}

template <typename W> WITH_AVX512 void columns_512(const Product<W> &p, dnnl_dim_t begin, dnnl_dim_t end) {
    for (dnnl_dim_t column = begin; column < end; column += step(p, column, end))
        all_rows_512(p, column, end);
}

template <typename W> WITH_AVX2 void columns_256(const Product<W> &p, dnnl_dim_t begin, dnnl_dim_t end) {
    for (dnnl_dim_t column = begin; column < end; column += step(p, column, end))
        all_rows_256(p, column, end);
}

// The best kernel of this CPU, or none.
template <typename W> Kernel<W> kernel_of_cpu() {
    __builtin_cpu_init();
    const Vectors most = most_vectors();
    if (most >= Vectors::Avx512 && __builtin_cpu_supports("avx512f"))
        return columns_512<W>;
    const bool has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    return most >= Vectors::Avx2 && has_avx2 ? columns_256<W> : nullptr;
}

template <typename W> bool multiply(Product<W> p, dnnl_dim_t most_rows) {
    static const Kernel<W> kernel = kernel_of_cpu<W>();
    // No kernel has a mask.
    const bool whole = p.transposed ? p.depth % 16 == 0 : p.columns % STRIP == 0;
    if (!kernel || p.rows <= 0 || p.rows > most_rows || p.depth <= 0 || !whole)
        return false;
    p.near = fits_near(p.rows * p.depth * sizeof(float), 4 * p.depth * sizeof(W));
    const dnnl_dim_t worth = p.columns * p.depth / VALUES_PER_THREAD;
    const dnnl_dim_t threads = omp_in_parallel() ? 1 : std::min<dnnl_dim_t>(omp_get_max_threads(), worth);
    if (threads <= 1) {
        kernel(p, 0, p.columns);
        return true;
    }
    const dnnl_dim_t blocks = (p.columns + STRIP - 1) / STRIP;
#pragma omp parallel num_threads(threads)
    {
        const dnnl_dim_t count = omp_get_num_threads(), own = omp_get_thread_num();
        kernel(p, blocks * own / count * STRIP, std::min(p.columns, blocks * (own + 1) / count * STRIP));
    }
    return true;
}

// `count` is a multiple of 16.
WITH_AVX2 void widen_256(const Half *halves, float *wide, dnnl_dim_t count) {
    for (dnnl_dim_t k = 0; k < count; k += 8)
        _mm256_storeu_ps(wide + k, load_256(halves + k));
}

} // namespace

bool few_rows_float(bool transposed, dnnl_dim_t rows, dnnl_dim_t columns, dnnl_dim_t depth, float alpha, const float *a, dnnl_dim_t lda,
        const float *b, dnnl_dim_t ldb, float *c, dnnl_dim_t ldc) {
    return multiply(Product<float> {transposed, rows, columns, depth, alpha, a, lda, b, ldb, c, ldc, false}, MOST_ROWS);
}

bool multiplies_halves() {
    return kernel_of_cpu<Half>() != nullptr;
}

extern "C" bool cesar_few_rows_halves(dnnl_dim_t rows, dnnl_dim_t columns, dnnl_dim_t depth, const float *a, const Half *b, float *c, dnnl_dim_t ldc) {
    return multiply(Product<Half> {true, rows, columns, depth, 1, a, depth, b, depth, c, ldc, false}, MOST_ROWS_OF_HALVES);
}

void widen_halves(const Half *halves, float *wide, dnnl_dim_t count) {
    constexpr dnnl_dim_t GRAIN = 1 << 14;
    const dnnl_dim_t blocks = (count + GRAIN - 1) / GRAIN;
#pragma omp parallel for
    for (dnnl_dim_t block = 0; block < blocks; block++)
        widen_256(halves + block * GRAIN, wide + block * GRAIN, std::min(GRAIN, count - block * GRAIN));
}

} // namespace cesar
