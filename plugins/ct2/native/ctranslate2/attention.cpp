// The attention of Whisper's encoder without its table of scores.
//
// Each of 1,500 positions looks at 1,500 others, in every head: 72 MB of float32 for `base`, 180 MB for `large`, and that for each
// recording of a batch. CTranslate2 writes the table, reads and writes it for the softmax and reads it again. Here a block of queries
// goes through all three steps while its scores lie in the cache. The products and the softmax are those of CTranslate2, in the
// same order of summation, so the result is the same.

#include "hooks.h"

#ifdef CT2_WITH_DNNL

#include "failures.h"

#include <algorithm>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include "ctranslate2/ops/softmax.h"

namespace cesar {

using ctranslate2::DataType;
using ctranslate2::Device;
using ctranslate2::dim_t;
using ctranslate2::StorageView;

namespace {

// Scores of 64 queries to 1,500 positions are 384 kB.
constexpr dim_t QUERIES_PER_BLOCK = 64;

void product(char transposed, dim_t m, dim_t n, dim_t k, float scale, const float *a, const float *b, dim_t ldb, float *c) {
    dnnl_sgemm('N', transposed, m, n, k, scale, a, k, b, ldb, 0, c, n);
}

} // namespace

bool attention_by_blocks(const StorageView &queries, const StorageView &keys, const StorageView &values, float scale, StorageView &output) {
    const dim_t times = queries.dim(2), depth = queries.dim(3), positions = keys.dim(2);
    const bool meant = queries.device() == Device::CPU && queries.dtype() == DataType::FLOAT32 && times >= 2 * QUERIES_PER_BLOCK
            && queries.dim(1) == keys.dim(1) && queries.dim(1) == values.dim(1);
    if (!meant)
        return false;

    output.resize_as(queries);
    const float *q = queries.data<float>(), *k = keys.data<float>(), *v = values.data<float>();
    float *out = output.data<float>();
    const dim_t heads = queries.dim(0) * queries.dim(1), blocks = (times + QUERIES_PER_BLOCK - 1) / QUERIES_PER_BLOCK;
    // Blocks of one head follow each other, so its keys and values stay in the cache of a thread.
#pragma omp parallel
    {
        StorageView memory({QUERIES_PER_BLOCK, positions}, DataType::FLOAT32);
        const dim_t threads = omp_get_num_threads(), own = omp_get_thread_num(), all = heads * blocks;
        for (dim_t index = all * own / threads; index < all * (own + 1) / threads; index++) {
            const dim_t head = index / blocks, first = index % blocks * QUERIES_PER_BLOCK;
            const dim_t rows = std::min(QUERIES_PER_BLOCK, times - first);
            StorageView scores({rows, positions}, memory.data<float>());
            const float *block = q + (head * times + first) * depth;
            product('T', rows, positions, depth, scale, block, k + head * positions * depth, depth, scores.data<float>());
            ctranslate2::ops::SoftMax()(scores);
            product('N', rows, depth, positions, 1, scores.data<float>(), v + head * positions * depth, depth,
                    out + (head * times + first) * depth);
        }
    }
    // Throws for those above.
    cesar::checked(dnnl_success);
    return true;
}

} // namespace cesar

#else

bool cesar::attention_by_blocks(const ctranslate2::StorageView &, const ctranslate2::StorageView &, const ctranslate2::StorageView &,
        float, ctranslate2::StorageView &) {
    return false;
}

#endif
