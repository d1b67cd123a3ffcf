// Weights that stay in half precision, as in the file.
//
// A model in float16 that computes in float32 is twice as large in memory as in its file. Widening is exact, so its matrices stay in
// float16. Decoding, which reads all of them for each token and does little else, reads half as much: `few_rows_float.cpp` widens them
// in the registers. The encoder's, which are needed once a window, are widened one by one, in a hundredth of the time that their products
// take, and so are the decoder's for the many rows of a prompt.

#include "hooks.h"

#include <algorithm>

// `few_rows_float.cpp` is for these.
#if defined(CT2_WITH_DNNL) && defined(__x86_64__)
#define WITH_HALVES
#include "few_rows_float.h"
#endif

namespace cesar {

using ctranslate2::DataType;
using ctranslate2::Device;
using ctranslate2::dim_t;
using ctranslate2::StorageView;

#ifdef WITH_HALVES

namespace {

// Values that are widened at a time: 8 MB of float32.
constexpr dim_t WIDE_VALUES = 1 << 21;
// Columns are widened so many at a time, or a multiple of it.
constexpr dim_t COLUMNS = 64;

} // namespace

bool keeps_half_precision(const std::string &name, const StorageView &variable, DataType wanted, Device device) {
    const bool is_matrix = variable.dtype() == DataType::FLOAT16 && variable.rank() == 2 && variable.dim(1) % 16 == 0;
    const bool is_product = name.find("/linear_") != std::string::npos || name.rfind("decoder/embeddings/", 0) == 0
            || name.rfind("decoder/projection/", 0) == 0;
    return is_matrix && is_product && wanted == DataType::FLOAT32 && device == Device::CPU && multiplies_halves();
}

bool half_precision_product(const StorageView &input, const StorageView &weights, StorageView &output) {
    if (weights.dtype() == input.dtype() || weights.dtype() != DataType::FLOAT16)
        return false;
    const dim_t columns = weights.dim(0), depth = weights.dim(1), rows = input.size() / depth;
    ctranslate2::Shape shape(input.shape());
    shape.back() = columns;
    output.resize(std::move(shape));
    const float *a = input.data<float>();
    const auto *halves = reinterpret_cast<const Half *>(weights.data<ctranslate2::float16_t>());
    float *c = output.data<float>();
    if (cesar_few_rows_halves(rows, columns, depth, a, halves, c, columns))
        return true;

    const dim_t step = std::min(columns, std::max<dim_t>(1, WIDE_VALUES / depth / COLUMNS) * COLUMNS);
    StorageView wide({step, depth}, DataType::FLOAT32);
    for (dim_t first = 0; first < columns; first += step) {
        const dim_t count = std::min(step, columns - first);
        widen_halves(halves + first * depth, wide.data<float>(), count * depth);
        dnnl_sgemm('N', 'T', rows, count, depth, 1, a, depth, wide.data<float>(), depth, 0, c + first, columns);
    }
    return true;
}

#else

bool keeps_half_precision(const std::string &, const StorageView &, DataType, Device) {
    return false;
}

bool half_precision_product(const StorageView &, const StorageView &, StorageView &) {
    return false;
}

#endif

} // namespace cesar
