// Vector instructions that the products of this folder may use.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <immintrin.h>
#include <string>

namespace cesar {

enum class Vectors { None, Avx2, Avx512 };

// What `ONEDNN_MAX_CPU_ISA`, oneDNN's own variable, leaves of the CPU's instructions: all of them unless it names a set before AVX-512.
inline Vectors most_vectors() {
    const char *value = std::getenv("ONEDNN_MAX_CPU_ISA");
    const std::string most = value ? value : "DEFAULT";
    if (most == "SSE41" || most == "AVX")
        return Vectors::None;
    return most.rfind("AVX2", 0) == 0 ? Vectors::Avx2 : Vectors::Avx512;
}

// Prefetches `BYTES` bytes; `near` says whether they may evict something from the smallest cache.
//
// A column is a kilobyte or so of weights, too short for the CPU's prefetcher: without this it waits at the beginning of each column, half
// of the time.
template <int BYTES> inline __attribute__((always_inline)) void fetch(const void *begin, bool near) {
    constexpr int LINE = 64;
    const char *line = static_cast<const char *>(begin);
#pragma GCC unroll 8
    for (int at = 0; at < BYTES; at += LINE) {
        if (near)
            _mm_prefetch(line + at, _MM_HINT_T0);
        else
            _mm_prefetch(line + at, _MM_HINT_T1);
    }
}

// Whether the rows in use and the next weights leave most of the smallest cache free; measured.
inline bool fits_near(size_t activations, size_t weights) {
    return activations + 2 * weights <= 12 << 10;
}

// The sum of the eight.
__attribute__((target("avx2,fma"))) inline float total_of(__m256 s) {
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
    const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)));
}

} // namespace cesar
