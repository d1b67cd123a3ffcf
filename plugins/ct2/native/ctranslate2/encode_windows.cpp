// The encoder, window by window.
//
// A batch of windows makes it no faster: 1,500 rows keep every matrix product busy. Each of its tensors would be as many times larger, tens of
// megabytes a layer, which the system would have to clear. Blocks that wait for reuse are freed afterwards: the decoder needs other sizes.

#include "hooks.h"

#include <cstring>

#include "ctranslate2/allocator.h"

namespace cesar {

using ctranslate2::dim_t;
using ctranslate2::StorageView;

void encode_by_windows(const StorageView &features, StorageView &encoded,
        const std::function<void(const StorageView &, StorageView &)> &encode) {
    const bool plain = features.device() == ctranslate2::Device::CPU && features.dtype() == ctranslate2::DataType::FLOAT32;
    const dim_t windows = features.dim(0);
    if (windows == 1 || !plain) {
        encode(features, encoded);
        ctranslate2::get_allocator(features.device()).clear_cache();
        return;
    }
    const dim_t size = features.size() / windows;
    for (dim_t window = 0; window < windows; window++) {
        // A view; the encoder does not write to it.
        const StorageView one({1, features.dim(1), features.dim(2)}, const_cast<float *>(features.data<float>()) + window * size);
        StorageView part(encoded.dtype(), encoded.device());
        encode(one, part);
        if (window == 0)
            encoded.resize({windows, part.dim(1), part.dim(2)});
        std::memcpy(encoded.data<float>() + window * part.size(), part.data<float>(), part.size() * sizeof(float));
    }
    ctranslate2::get_allocator(features.device()).clear_cache();
}

} // namespace cesar
