// Keys and values of the audio, for the decoder's cross-attention.
//
// CTranslate2 projects all 1,500 positions at once, splits the result by heads, and that into keys and values: for `base` 18 MB for each
// layer besides the 6 MB that stay, at the moment when the decoder holds most memory. Here a block of positions is projected
// and each row copied to its place. A row of the product depends on that row alone, so the result is the same.

#include "hooks.h"

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

bool project_by_blocks(const StorageView &audio, dim_t heads, const std::function<void(const StorageView &, StorageView &)> &project,
        StorageView &keys, StorageView &values) {
    const bool meant = audio.device() == Device::CPU && audio.dtype() == DataType::FLOAT32 && audio.rank() == 3
            && audio.dim(1) > ROWS_PER_BLOCK;
    if (!meant)
        return false;
    const dim_t windows = audio.dim(0), positions = audio.dim(1), width = audio.dim(2);
    StorageView both(DataType::FLOAT32);
    for (dim_t window = 0; window < windows; window++)
        for (dim_t first = 0; first < positions; first += ROWS_PER_BLOCK) {
            const dim_t rows = std::min(ROWS_PER_BLOCK, positions - first);
            // A view; a projection does not write to it.
            const StorageView block({1, rows, width}, const_cast<float *>(audio.data<float>()) + (window * positions + first) * width);
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
