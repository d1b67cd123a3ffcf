// The cache of the decoder's self-attention: keys and values of the text so far.
//
// CTranslate2 keeps a tensor of them for each beam, prompt and all, and copies all tensors twice for each token: to append one, and to
// continue the beams that won. For `base` with five beams behind a long prompt these are 43 MB, a quarter of the memory and of
// the time in int8. Here each is written once, as a row that stays where it is, and a beam is a list of row numbers: the beams share the
// prompt and every other common prefix, and only the lists are copied. Rows that no beam refers to are reused. Sums are computed in the
// same order as by `few_rows_float.cpp`, so the result is the same.
//
// A layer's list and rows take the places of its keys and values in CTranslate2's state:
//
//   keys     int32 [beams, 1 + length]: how many rows are in use, then the row of each token
//   values   float32 [1, 2, heads, rows, depth]: the keys of each head, then the values; CTranslate2 must not select beams in it

#include "hooks.h"

#include <algorithm>
#include <cstring>
#include <omp.h>
#include <vector>

#include "ctranslate2/ops/softmax.h"

#ifdef __x86_64__
#include "vectors.h"
#endif

namespace cesar {

using ctranslate2::DataType;
using ctranslate2::Device;
using ctranslate2::dim_t;
using ctranslate2::StorageView;

namespace {

// Of a head: that of every Whisper model.
constexpr dim_t DEPTH = 64;
constexpr dim_t RANK = 5;
// Free rows at least, whenever there must be more.
constexpr dim_t LEAST_FREE = 64;
// Products above which waking a second thread saves time.
constexpr dim_t PRODUCTS_PER_THREAD = 1 << 16;

// `scores[t] = scale * query * keys[rows[t]]`.
using Scores = void (*)(const float *query, const float *keys, const int32_t *rows, dim_t count, float scale, float *scores);
// `sum = sum over t of weights[t] * values[rows[t]]`.
using Sum = void (*)(const float *weights, const float *values, const int32_t *rows, dim_t count, float *sum);

struct Kernels {
    Scores scores;
    Sum sum;
};

#ifdef __x86_64__

#define WITH_AVX512 __attribute__((target("avx512f")))
#define WITH_AVX2 __attribute__((target("avx2,fma")))

WITH_AVX512 void scores_512(const float *query, const float *keys, const int32_t *rows, dim_t count, float scale, float *scores) {
    __m512 q[4];
    for (int j = 0; j < 4; j++)
        q[j] = _mm512_loadu_ps(query + 16 * j);
    for (dim_t t = 0; t < count; t++) {
        const float *key = keys + rows[t] * DEPTH;
        __m512 sum = _mm512_setzero_ps();
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            sum = _mm512_fmadd_ps(q[j], _mm512_loadu_ps(key + 16 * j), sum);
        scores[t] = scale * _mm512_reduce_add_ps(sum);
    }
}

WITH_AVX2 void scores_256(const float *query, const float *keys, const int32_t *rows, dim_t count, float scale, float *scores) {
    __m256 q[8];
    for (int j = 0; j < 8; j++)
        q[j] = _mm256_loadu_ps(query + 8 * j);
    for (dim_t t = 0; t < count; t++) {
        const float *key = keys + rows[t] * DEPTH;
        __m256 sum = _mm256_setzero_ps();
#pragma GCC unroll 8
        for (int j = 0; j < 8; j++)
            sum = _mm256_fmadd_ps(q[j], _mm256_loadu_ps(key + 8 * j), sum);
        scores[t] = scale * total_of(sum);
    }
}

WITH_AVX512 void sum_512(const float *weights, const float *values, const int32_t *rows, dim_t count, float *sum) {
    __m512 total[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    for (dim_t t = 0; t < count; t++) {
        const float *value = values + rows[t] * DEPTH;
        const __m512 weight = _mm512_set1_ps(weights[t]);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++)
            total[j] = _mm512_fmadd_ps(weight, _mm512_loadu_ps(value + 16 * j), total[j]);
    }
    for (int j = 0; j < 4; j++)
        _mm512_storeu_ps(sum + 16 * j, total[j]);
}

WITH_AVX2 void sum_256(const float *weights, const float *values, const int32_t *rows, dim_t count, float *sum) {
    __m256 total[8];
    for (int j = 0; j < 8; j++)
        total[j] = _mm256_setzero_ps();
    for (dim_t t = 0; t < count; t++) {
        const float *value = values + rows[t] * DEPTH;
        const __m256 weight = _mm256_set1_ps(weights[t]);
#pragma GCC unroll 8
        for (int j = 0; j < 8; j++)
            total[j] = _mm256_fmadd_ps(weight, _mm256_loadu_ps(value + 8 * j), total[j]);
    }
    for (int j = 0; j < 8; j++)
        _mm256_storeu_ps(sum + 8 * j, total[j]);
}

// The best of this CPU, or none.
Kernels kernels_of_cpu() {
    __builtin_cpu_init();
    const Vectors most = most_vectors();
    if (most >= Vectors::Avx512 && __builtin_cpu_supports("avx512f"))
        return {scores_512, sum_512};
    if (most >= Vectors::Avx2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return {scores_256, sum_256};
    return {nullptr, nullptr};
}

#else

Kernels kernels_of_cpu() {
    return {nullptr, nullptr};
}

#endif

const Kernels &kernels() {
    static const Kernels best = kernels_of_cpu();
    return best;
}

// Copies the rows that the lists refer to into a store with room for so many more, and renumbers them.
void make_room(StorageView &lists, StorageView &store, dim_t heads, dim_t more) {
    const dim_t beams = lists.empty() ? 0 : lists.dim(0), width = lists.empty() ? 0 : lists.dim(1);
    const dim_t before = store.empty() ? 0 : store.dim(3);
    int32_t *list = lists.data<int32_t>();
    std::vector<int32_t> number(before, -1);
    for (dim_t beam = 0; beam < beams; beam++)
        for (dim_t t = 1; t < width; t++)
            number[list[beam * width + t]] = 0;
    int32_t live = 0;
    for (int32_t &row : number)
        if (row == 0)
            row = live++;

    const dim_t rows = live + more + std::max<dim_t>(LEAST_FREE, live / 4);
    StorageView larger({1, 2, heads, rows, DEPTH}, DataType::FLOAT32);
    for (dim_t part = 0; part < 2 * heads; part++)
        for (dim_t first = 0, end; first < before; first = end) {
            // Neighbours that stay are copied at a time.
            const bool stays = number[first] >= 0;
            end = first + 1;
            while (end < before && (number[end] >= 0) == stays)
                end++;
            if (stays)
                std::memcpy(larger.data<float>() + (part * rows + number[first]) * DEPTH,
                        store.data<float>() + (part * before + first) * DEPTH, (end - first) * DEPTH * sizeof(float));
        }
    store = std::move(larger);
    for (dim_t beam = 0; beam < beams; beam++) {
        list[beam * width] = live;
        for (dim_t t = 1; t < width; t++)
            list[beam * width + t] = number[list[beam * width + t]];
    }
}

} // namespace

bool is_cache_of_rows(const StorageView &values) {
    return values.rank() == RANK;
}

bool append_to_cache(const StorageView &keys, const StorageView &values, StorageView &lists, StorageView &store) {
    const bool meant = keys.device() == Device::CPU && keys.dtype() == DataType::FLOAT32 && keys.rank() == 4 && keys.dim(3) == DEPTH
            && kernels().scores;
    if (!meant)
        return false;
    const dim_t beams = keys.dim(0), heads = keys.dim(1), times = keys.dim(2);
    if (lists.empty())
        lists = StorageView(DataType::INT32);
    dim_t used = lists.empty() ? 0 : *lists.data<int32_t>();
    if (store.empty() || used + beams * times > store.dim(3)) {
        make_room(lists, store, heads, beams * times);
        used = lists.empty() ? 0 : *lists.data<int32_t>();
    }

    const dim_t rows = store.dim(3);
    for (dim_t beam = 0; beam < beams; beam++)
        for (dim_t head = 0; head < heads; head++) {
            const dim_t from = (beam * heads + head) * times * DEPTH, to = (head * rows + used + beam * times) * DEPTH;
            std::memcpy(store.data<float>() + to, keys.data<float>() + from, times * DEPTH * sizeof(float));
            std::memcpy(store.data<float>() + heads * rows * DEPTH + to, values.data<float>() + from, times * DEPTH * sizeof(float));
        }

    const dim_t before = lists.empty() ? 1 : lists.dim(1), width = before + times;
    StorageView longer({beams, width}, DataType::INT32);
    for (dim_t beam = 0; beam < beams; beam++) {
        int32_t *list = longer.data<int32_t>() + beam * width;
        if (!lists.empty())
            std::copy_n(lists.data<int32_t>() + beam * before, before, list);
        list[0] = static_cast<int32_t>(used + beams * times);
        for (dim_t t = 0; t < times; t++)
            list[before + t] = static_cast<int32_t>(used + beam * times + t);
    }
    lists = std::move(longer);
    return true;
}

bool attention_to_cache(const StorageView &queries, StorageView &keys, StorageView &values, const StorageView &lists,
        const StorageView &store, const StorageView *lengths, float scale, StorageView &output) {
    const dim_t beams = queries.dim(0), heads = queries.dim(1), times = queries.dim(2), width = lists.dim(1), length = width - 1;
    // The first tokens are all there is, in `keys` and `values`.
    if (times == length)
        return false;
    const dim_t rows = store.dim(3);
    const float *all_keys = store.data<float>(), *all_values = all_keys + heads * rows * DEPTH;
    if (times > 1 || lengths) {
        keys.resize({beams, heads, length, DEPTH});
        values.resize({beams, heads, length, DEPTH});
        for (dim_t index = 0; index < beams * heads * length; index++) {
            const dim_t t = index % length, head = index / length % heads, beam = index / length / heads;
            const dim_t from = (head * rows + lists.data<int32_t>()[beam * width + 1 + t]) * DEPTH;
            std::copy_n(all_keys + from, DEPTH, keys.data<float>() + index * DEPTH);
            std::copy_n(all_values + from, DEPTH, values.data<float>() + index * DEPTH);
        }
        return false;
    }

    output.resize_as(queries);
    const float *query = queries.data<float>();
    float *sums = output.data<float>();
    const int32_t *list = lists.data<int32_t>() + 1;
    const dim_t worth = beams * heads * length * DEPTH / PRODUCTS_PER_THREAD;
    const dim_t threads = omp_in_parallel() ? 1 : std::min<dim_t>({omp_get_max_threads(), worth, heads});
    // A head of all beams at a time: most of their rows are the same.
    const auto compute = [&](dim_t begin, dim_t end) {
        StorageView scores({beams, length}, DataType::FLOAT32);
        for (dim_t head = begin; head < end; head++) {
            for (dim_t beam = 0; beam < beams; beam++)
                kernels().scores(query + (beam * heads + head) * DEPTH, all_keys + head * rows * DEPTH, list + beam * width, length, scale,
                        scores.data<float>() + beam * length);
            ctranslate2::ops::SoftMax()(scores);
            for (dim_t beam = 0; beam < beams; beam++)
                kernels().sum(scores.data<float>() + beam * length, all_values + head * rows * DEPTH, list + beam * width, length,
                        sums + (beam * heads + head) * DEPTH);
        }
    };
    if (threads <= 1) {
        compute(0, heads);
        return true;
    }
#pragma omp parallel num_threads(threads)
    {
        const dim_t count = omp_get_num_threads(), own = omp_get_thread_num();
        compute(heads * own / count, heads * (own + 1) / count);
    }
    return true;
}

} // namespace cesar
