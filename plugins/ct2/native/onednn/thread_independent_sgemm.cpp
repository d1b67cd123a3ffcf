// float32 products that are bit-identical for every number of threads.
//
// oneDNN cuts a product into pieces by the number of threads, also along the summed dimension, and floating-point sums depend on
// their order. `--threads` would change a transcript, and two machines would not agree. Here a product is cut by its shape alone, never
// along the summed dimension, and one thread computes each piece. `few_rows_float.cpp` computes products of a few rows.
//
// CTranslate2 calls `dnnl_sgemm`; `patches/0001-*` renames oneDNN's own to `cesar_onednn_sgemm`.

#include "failures.h"
#include "few_rows_float.h"

#include <algorithm>
#include <atomic>
#include <omp.h>

extern "C" dnnl_status_t cesar_onednn_sgemm(char transa, char transb, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k, float alpha,
        const float *a, dnnl_dim_t lda, const float *b, dnnl_dim_t ldb, float beta, float *c, dnnl_dim_t ldc);

namespace {

// Products of fewer multiplications are not worth waking a thread.
constexpr dnnl_dim_t LEAST_WORK = 1 << 21;
// As many as keep eight threads busy; more would cost more copying of the operand that all pieces share.
constexpr dnnl_dim_t MOST_PIECES = 8;
// Columns or rows of a piece: whole vectors for every CPU.
constexpr dnnl_dim_t GRAIN = 64;

bool is(char given, char wanted) {
    return given == wanted || given == wanted + ('a' - 'A');
}

dnnl_status_t sgemm(char transa, char transb, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k, float alpha, const float *a, dnnl_dim_t lda,
        const float *b, dnnl_dim_t ldb, float beta, float *c, dnnl_dim_t ldc) {
    const bool plain = is(transa, 'N') && beta == 0;
    if (plain && cesar::few_rows_float(is(transb, 'T'), m, n, k, alpha, a, lda, b, ldb, c, ldc))
        return dnnl_success;

    const bool by_rows = m > n;
    const dnnl_dim_t length = by_rows ? m : n;
    const dnnl_dim_t wanted = m * n * k < LEAST_WORK ? 1 : std::min(MOST_PIECES, length / GRAIN);
    const dnnl_dim_t grains = (length + GRAIN - 1) / GRAIN, pieces = std::max<dnnl_dim_t>(wanted, 1);
    const auto begin_of = [&](dnnl_dim_t piece) { return std::min(length, grains * piece / pieces * GRAIN); };
    const auto compute = [&](dnnl_dim_t piece) {
        const dnnl_dim_t begin = begin_of(piece), size = begin_of(piece + 1) - begin;
        if (by_rows)
            return cesar_onednn_sgemm(transa, transb, size, n, k, alpha, is(transa, 'T') ? a + begin : a + begin * lda, lda, b, ldb, beta,
                    c + begin * ldc, ldc);
        return cesar_onednn_sgemm(
                transa, transb, m, size, k, alpha, a, lda, is(transb, 'T') ? b + begin * ldb : b + begin, ldb, beta, c + begin, ldc);
    };
    const int most = omp_get_max_threads();
    const int threads = omp_in_parallel() ? 1 : static_cast<int>(std::min<dnnl_dim_t>(most, pieces));
    dnnl_status_t result = dnnl_success;
    if (threads > 1) {
        std::atomic<dnnl_dim_t> next {0};
        std::atomic<dnnl_status_t> worst {dnnl_success};
        // oneDNN starts no threads inside a parallel region.
#pragma omp parallel num_threads(threads)
        for (dnnl_dim_t piece = next++; piece < pieces; piece = next++) {
            const dnnl_status_t status = compute(piece);
            if (status != dnnl_success)
                worst = status;
        }
        return worst;
    }
    omp_set_num_threads(1);
    for (dnnl_dim_t piece = 0; piece < pieces && result == dnnl_success; piece++)
        result = compute(piece);
    omp_set_num_threads(most);
    return result;
}

} // namespace

extern "C" dnnl_status_t dnnl_sgemm(char transa, char transb, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k, float alpha, const float *a,
        dnnl_dim_t lda, const float *b, dnnl_dim_t ldb, float beta, float *c, dnnl_dim_t ldc) {
    return cesar::checked(sgemm(transa, transb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc));
}
