// Loading of models: weights are quantized while they are read, and models of the same folder share them.
//
// CTranslate2 reads the whole file, then converts it, by way of a float32 copy of each matrix. `base` in float16 came to 330 MB that
// way, for 80 MB of int8 in the end. A row's scale depends on that row alone, so the result is the same.

#include "hooks.h"

#include <algorithm>
#include <map>
#include <mutex>

namespace cesar {

using ctranslate2::DataType;
using ctranslate2::dim_t;
using ctranslate2::StorageView;
using ctranslate2::models::Model;

namespace {

// Values that are converted at a time: 4 MB of float32.
constexpr dim_t VALUES_PER_BLOCK = 1 << 20;
// Values of a matrix that is quantized when it is read.
constexpr dim_t LEAST_LARGE = 1 << 18;

template <typename T>
void by_rows(const ctranslate2::ops::Quantize &quantize, const StorageView &weights, StorageView &quantized, StorageView &scales) {
    const dim_t depth = weights.dim(-1), rows = weights.size() / depth;
    const dim_t step = std::max<dim_t>(1, VALUES_PER_BLOCK / depth);
    quantized.resize_as(weights);
    scales.resize({rows});
    for (dim_t first = 0; first < rows; first += step) {
        const dim_t count = std::min(step, rows - first);
        // A view never writes; its constructor takes no const.
        const StorageView block({count, depth}, const_cast<T *>(weights.data<T>()) + first * depth);
        StorageView part({count, depth}, quantized.data<int8_t>() + first * depth);
        StorageView part_scales({count}, scales.data<float>() + first);
        quantize(block.to_float32(), part, part_scales);
    }
}

} // namespace

bool is_large_weight(const std::string &name, const StorageView &variable) {
    const std::string end = "weight";
    const bool is_weight = name.size() >= end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
    // Those of convolutions stay float32.
    return is_weight && name.find("conv") == std::string::npos && ctranslate2::is_float_type(variable.dtype())
            && variable.size() >= LEAST_LARGE;
}

std::shared_ptr<const Model> shared_model(const std::string &id, const std::function<std::shared_ptr<const Model>()> &load) {
    static std::mutex lock;
    static std::map<std::string, std::weak_ptr<const Model>> models;
    // Held while loading: a second caller that wants the same model waits for it and gets it.
    const std::lock_guard<std::mutex> guard(lock);
    std::shared_ptr<const Model> model = models[id].lock();
    if (!model) {
        models[id] = model = load();
    }
    return model;
}

void quantize_by_rows(
        const ctranslate2::ops::Quantize &quantize, const StorageView &weights, StorageView &quantized, StorageView &scales) {
    if (quantized.dtype() != DataType::INT8)
        quantize(weights.to_float32(), quantized, scales);
    else if (weights.dtype() == DataType::FLOAT16)
        by_rows<ctranslate2::float16_t>(quantize, weights, quantized, scales);
    else if (weights.dtype() == DataType::BFLOAT16)
        by_rows<ctranslate2::bfloat16_t>(quantize, weights, quantized, scales);
    else
        quantize(weights.to_float32(), quantized, scales);
}

} // namespace cesar
