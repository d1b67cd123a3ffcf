// Functions of this folder that the patched files of CTranslate2 call.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ctranslate2/models/model.h"
#include "ctranslate2/ops/quantize.h"
#include "ctranslate2/storage_view.h"

namespace cesar {

// Attention of many queries to all keys, block by block: `output = softmax(scale * queries * keys^T) * values`.
//
// All are float32 on the CPU, of shape [batch, heads, time, depth]. Returns false, without computing anything, for
// other types and for few queries.
bool attention_by_blocks(const ctranslate2::StorageView &queries, const ctranslate2::StorageView &keys,
        const ctranslate2::StorageView &values, float scale, ctranslate2::StorageView &output);

// Appends keys and values, of shape [beams, heads, times, 64], to those of a layer's self-attention, which are kept as `kv_cache.cpp` says. Returns
// false, without appending, where CTranslate2's own cache is to be used.
bool append_to_cache(const ctranslate2::StorageView &keys, const ctranslate2::StorageView &values, ctranslate2::StorageView &lists,
        ctranslate2::StorageView &store);

// Attention of one query of each beam to all that was appended. Returns false for several queries, or `lengths`: then `keys` and `values` are
// all keys and values.
bool attention_to_cache(const ctranslate2::StorageView &queries, ctranslate2::StorageView &keys, ctranslate2::StorageView &values,
        const ctranslate2::StorageView &lists, const ctranslate2::StorageView &store, const ctranslate2::StorageView *lengths, float scale,
        ctranslate2::StorageView &output);

// Whether this part of a decoder's state belongs to all beams together.
bool is_cache_of_rows(const ctranslate2::StorageView &values);

// Calls `encode` for each window of `features` (of shape [windows, bands, frames]) and writes the results to `encoded`.
void encode_by_windows(const ctranslate2::StorageView &features, ctranslate2::StorageView &encoded,
        const std::function<void(const ctranslate2::StorageView &, ctranslate2::StorageView &)> &encode);

// Whether `name` is a matrix of floats worth quantizing at once; the small ones wait until all is read.
bool is_large_weight(const std::string &name, const ctranslate2::StorageView &variable);

// Whether the matrix `name`, read in half precision, stays so although the model computes in `wanted`: `half_precision_product` then multiplies it.
bool keeps_half_precision(const std::string &name, const ctranslate2::StorageView &variable, ctranslate2::DataType wanted,
        ctranslate2::Device device);

// `output = input * weights^T` with weights in half precision. Returns false, without computing anything, for others.
bool half_precision_product(const ctranslate2::StorageView &input, const ctranslate2::StorageView &weights, ctranslate2::StorageView &output);

// The model that `load` reads, or one with the same `id` that is still in use.
std::shared_ptr<const ctranslate2::models::Model> shared_model(
        const std::string &id, const std::function<std::shared_ptr<const ctranslate2::models::Model>()> &load);

// `quantize(weights.to_float32(), quantized, scales)` without a float32 copy of all the weights at a time.
void quantize_by_rows(const ctranslate2::ops::Quantize &quantize, const ctranslate2::StorageView &weights,
        ctranslate2::StorageView &quantized, ctranslate2::StorageView &scales);

} // namespace cesar
