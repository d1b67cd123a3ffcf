// Keys and values of what is heard, for the decoder's cross-attention.
//
// CTranslate2 projects all 1,500 positions to keys and values at once, parts what it gets by heads, and that into keys and values: for
// `base` 18 MB besides the 6 that stay of each layer, and that when the decoder has most in memory. Here a block of positions is projected
// and each row copied to its place. A row of the product depends on that row alone, so the result is the same.

#include "parts.h"

#include <algorithm>
#include <cstring>

namespace cesar {

using ctranslate2::DataType;
using ctranslate2::Device;
using ctranslate2::dim_t;
using ctranslate2::StorageView;

namespace {

// Enough to keep every matrix product busy.
constexpr dim_t ROWS_PER_BLOCK = 384;

} // namespace

bool project_by_blocks(const StorageView &heard, dim_t heads, const std::function<void(const StorageView &, StorageView &)> &project,
        StorageView &keys, StorageView &values) {
    const bool meant = heard.device() == Device::CPU && heard.dtype() == DataType::FLOAT32 && heard.rank() == 3
            && heard.dim(1) > ROWS_PER_BLOCK;
    if (!meant)
        return false;
    const dim_t windows = heard.dim(0), positions = heard.dim(1), width = heard.dim(2);
    StorageView both(DataType::FLOAT32);
    for (dim_t window = 0; window < windows; window++)
        for (dim_t first = 0; first < positions; first += ROWS_PER_BLOCK) {
            const dim_t rows = std::min(ROWS_PER_BLOCK, positions - first);
            // A view; a projection does not write to it.
            const StorageView block({1, rows, width}, const_cast<float *>(heard.data<float>()) + (window * positions + first) * width);
            project(block, both);
            const dim_t depth = both.dim(2) / (2 * heads);
            if (keys.empty()) {
                keys.resize({windows, heads, positions, depth});
                values.resize({windows, heads, positions, depth});
            }
            const float *from = both.data<float>();
            const dim_t at = window * heads * positions + first;
            float *to_keys = keys.data<float>(), *to_values = values.data<float>();
#pragma omp parallel for
            for (dim_t head = 0; head < 2 * heads; head++) {
                float *to = (head < heads ? to_keys : to_values) + (at + head % heads * positions) * depth;
                for (dim_t row = 0; row < rows; row++)
                    std::memcpy(to + row * depth, from + (row * 2 * heads + head) * depth, depth * sizeof(float));
            }
        }
    return true;
}

} // namespace cesar
