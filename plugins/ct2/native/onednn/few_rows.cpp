// Products of a few rows of int8 activations with a weight matrix: what decoding does for each token.
//
// A decoder step multiplies one row for each beam (1 to 5, some tens in a batch) by every weight matrix and by the vocabulary.
// oneDNN copies the whole matrix into another layout first, for every product, which takes longer than the product. Here a weight
// row, whose values lie next to each other, is read once, where it is, and multiplied with all activation rows at a time.
//
// CTranslate2 calls `dnnl_gemm_u8s8s32`; `patches/0001-*` renames oneDNN's own to `cesar_onednn_gemm_u8s8s32`, which computes everything
// else: more rows than `MOST_ROWS`, other layouts, CPUs without the instructions. Sums are exact here, and in oneDNN where the CPU has
// VNNI, so there the result is bit-identical. With AVX2 alone oneDNN adds pairs in 16 bits, which can saturate.

#include <algorithm>
#include <cstdint>
#include <immintrin.h>
#include <omp.h>

#include "failures.h"
#include "oneapi/dnnl/dnnl.h"
#include "vectors.h"

extern "C" dnnl_status_t cesar_onednn_gemm_u8s8s32(char transa, char transb, char offsetc, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k,
        float alpha, const uint8_t *a, dnnl_dim_t lda, uint8_t ao, const int8_t *b, dnnl_dim_t ldb, int8_t bo, float beta, int32_t *c,
        dnnl_dim_t ldc, const int32_t *co);

namespace {

// Above this the copied layout of oneDNN is faster.
constexpr dnnl_dim_t MOST_ROWS = 10;
// Bytes of weights above which waking a second thread saves time.
constexpr dnnl_dim_t BYTES_PER_THREAD = 1 << 19;

// C[row, column] = sum over k of A[row, k] * B[column, k] + offset[column], all row-major.
struct Product {
    dnnl_dim_t rows, columns, depth;
    const uint8_t *a;
    dnnl_dim_t lda;
    const int8_t *b;
    dnnl_dim_t ldb;
    int32_t *c;
    dnnl_dim_t ldc;
    const int32_t *offset;
    // Where the weights of the next columns go.
    bool near;
};

using Kernel = void (*)(const Product &, dnnl_dim_t, dnnl_dim_t);

#define WITH_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")))
#define WITH_AVX2 __attribute__((target("avx2")))

// The sums of four vectors, one in each element.
WITH_VNNI inline __m128i sums_512(__m512i s0, __m512i s1, __m512i s2, __m512i s3) {
    __m512i s01 = _mm512_add_epi32(_mm512_unpacklo_epi32(s0, s1), _mm512_unpackhi_epi32(s0, s1));
    __m512i s23 = _mm512_add_epi32(_mm512_unpacklo_epi32(s2, s3), _mm512_unpackhi_epi32(s2, s3));
    __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(s01, s23), _mm512_unpackhi_epi64(s01, s23));
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
}

// Adds the products of 64 values of `ROWS` rows and four columns, or of those under `mask`.
template <int ROWS, bool MASKED>
WITH_VNNI inline __attribute__((always_inline)) void add_512(
        __m512i (&sum)[ROWS][4], const uint8_t *a, dnnl_dim_t lda, const int8_t *b, dnnl_dim_t ldb, __mmask64 mask) {
    __m512i w[4];
#pragma GCC unroll 8
    for (int j = 0; j < 4; j++)
        w[j] = MASKED ? _mm512_maskz_loadu_epi8(mask, b + j * ldb) : _mm512_loadu_si512(b + j * ldb);
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
        const __m512i x = MASKED ? _mm512_maskz_loadu_epi8(mask, a + r * lda) : _mm512_loadu_si512(a + r * lda);
#pragma GCC unroll 8
        for (int j = 0; j < 4; j++)
            sum[r][j] = _mm512_dpbusd_epi32(sum[r][j], x, w[j]);
    }
}

// Four columns of `ROWS` rows from `row` on.
template <int ROWS>
WITH_VNNI inline void four_columns_512(const Product &p, dnnl_dim_t row, dnnl_dim_t column) {
    const uint8_t *a = p.a + row * p.lda;
    const int8_t *b = p.b + column * p.ldb;
    const dnnl_dim_t lda = p.lda, ldb = p.ldb, whole = p.depth & ~dnnl_dim_t(63), rest = p.depth - whole;
    __m512i sum[ROWS][4];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int j = 0; j < 4; j++)
            sum[r][j] = _mm512_setzero_si512();
    const int8_t *next = b + 4 * ldb;
    for (dnnl_dim_t k = 0; k < whole; k += 64) {
        if (row == 0)
            cesar::fetch<4 * 64>(next + 4 * k, p.near);
        add_512<ROWS, false>(sum, a + k, lda, b + k, ldb, 0);
    }
    if (rest)
        add_512<ROWS, true>(sum, a + whole, lda, b + whole, ldb, (__mmask64(1) << rest) - 1);
    const __m128i offset = p.offset ? _mm_loadu_si128((const __m128i *)(p.offset + column)) : _mm_setzero_si128();
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
        const __m128i total = sums_512(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
        _mm_storeu_si128((__m128i *)(p.c + (row + r) * p.ldc + column), _mm_add_epi32(total, offset));
    }
}

// AVX2 has no exact product of unsigned and signed bytes: 16 bits at a time.
template <int ROWS>
WITH_AVX2 inline void four_columns_256(const Product &p, dnnl_dim_t row, dnnl_dim_t column) {
    const uint8_t *a = p.a + row * p.lda;
    const int8_t *b = p.b + column * p.ldb;
    __m256i sum[ROWS][4];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int j = 0; j < 4; j++)
            sum[r][j] = _mm256_setzero_si256();
    const int8_t *next = b + 4 * p.ldb;
    for (dnnl_dim_t k = 0; k < p.depth; k += 16) {
        if (row == 0)
            cesar::fetch<4 * 16>(next + 4 * k, p.near);
        __m256i w[4];
#pragma GCC unroll 8
        for (int j = 0; j < 4; j++)
            w[j] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(b + j * p.ldb + k)));
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            const __m256i x = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(a + r * p.lda + k)));
#pragma GCC unroll 8
            for (int j = 0; j < 4; j++)
                sum[r][j] = _mm256_add_epi32(sum[r][j], _mm256_madd_epi16(x, w[j]));
        }
    }
    const __m128i offset = p.offset ? _mm_loadu_si128((const __m128i *)(p.offset + column)) : _mm_setzero_si128();
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++) {
        const __m256i s01 = _mm256_hadd_epi32(sum[r][0], sum[r][1]), s23 = _mm256_hadd_epi32(sum[r][2], sum[r][3]);
        const __m256i all = _mm256_hadd_epi32(s01, s23);
        const __m128i total = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
        _mm_storeu_si128((__m128i *)(p.c + (row + r) * p.ldc + column), _mm_add_epi32(total, offset));
    }
}

// All rows for the columns from `begin` to `end`, a multiple of four apart: up to four rows at a time keep their sums in registers.
WITH_VNNI void columns_512(const Product &p, dnnl_dim_t begin, dnnl_dim_t end) {
    for (dnnl_dim_t column = begin; column < end; column += 4) {
        dnnl_dim_t row = 0;
        for (; p.rows - row >= 6 || p.rows - row == 4; row += 4)
            four_columns_512<4>(p, row, column);
        if (p.rows - row == 5) {
            four_columns_512<3>(p, row, column);
            row += 3;
        }
        switch (p.rows - row) {
            case 3: four_columns_512<3>(p, row, column); break;
            case 2: four_columns_512<2>(p, row, column); break;
            case 1: four_columns_512<1>(p, row, column); break;
            default: break;
        }
    }
}

WITH_AVX2 void columns_256(const Product &p, dnnl_dim_t begin, dnnl_dim_t end) {
    for (dnnl_dim_t column = begin; column < end; column += 4) {
        dnnl_dim_t row = 0;
        for (; p.rows - row >= 2; row += 2)
            four_columns_256<2>(p, row, column);
        if (p.rows > row)
            four_columns_256<1>(p, row, column);
    }
}

// The best kernel of this CPU, or none.
Kernel kernel_of_cpu() {
    __builtin_cpu_init();
    const cesar::Vectors most = cesar::most_vectors();
    if (most >= cesar::Vectors::Avx512 && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return columns_512;
    return most >= cesar::Vectors::Avx2 && __builtin_cpu_supports("avx2") ? columns_256 : nullptr;
}

// Splits the columns, but the last three at most, among the threads; returns how many columns are done.
dnnl_dim_t multiply(Kernel kernel, const Product &p) {
    const dnnl_dim_t blocks = p.columns / 4;
    const dnnl_dim_t worth = p.columns * p.depth / BYTES_PER_THREAD;
    const dnnl_dim_t threads = omp_in_parallel() ? 1 : std::min<dnnl_dim_t>(omp_get_max_threads(), worth);
    if (threads <= 1) {
        kernel(p, 0, blocks * 4);
        return blocks * 4;
    }
#pragma omp parallel num_threads(threads)
    {
        const dnnl_dim_t count = omp_get_num_threads(), own = omp_get_thread_num();
        kernel(p, blocks * own / count * 4, blocks * (own + 1) / count * 4);
    }
    return blocks * 4;
}

void remaining(const Product &p, dnnl_dim_t begin) {
    for (dnnl_dim_t row = 0; row < p.rows; row++)
        for (dnnl_dim_t column = begin; column < p.columns; column++) {
            int32_t sum = p.offset ? p.offset[column] : 0;
            for (dnnl_dim_t k = 0; k < p.depth; k++)
                sum += int32_t(p.a[row * p.lda + k]) * int32_t(p.b[column * p.ldb + k]);
            p.c[row * p.ldc + column] = sum;
        }
}

bool is(char given, char wanted) {
    return given == wanted || given == wanted + ('a' - 'A');
}

} // namespace

extern "C" dnnl_status_t dnnl_gemm_u8s8s32(char transa, char transb, char offsetc, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k, float alpha,
        const uint8_t *a, dnnl_dim_t lda, uint8_t ao, const int8_t *b, dnnl_dim_t ldb, int8_t bo, float beta, int32_t *c, dnnl_dim_t ldc,
        const int32_t *co) {
    static const Kernel kernel = kernel_of_cpu();
    const bool plain = is(transa, 'N') && is(transb, 'T') && is(offsetc, 'R') && alpha == 1 && beta == 0 && ao == 0 && bo == 0;
    // A multiple of 16 because the AVX2 kernel has no mask; a sum of 2^16 products cannot leave 32 bits.
    if (kernel && plain && m > 0 && m <= MOST_ROWS && k > 0 && k % 16 == 0 && k <= (1 << 16)) {
        const Product product {m, n, k, a, lda, b, ldb, c, ldc, co, cesar::fits_near(m * k, 4 * k)};
        remaining(product, multiply(kernel, product));
        return cesar::checked(dnnl_success);
    }
    return cesar::checked(cesar_onednn_gemm_u8s8s32(transa, transb, offsetc, m, n, k, alpha, a, lda, ao, b, ldb, bo, beta, c, ldc, co));
}
