// What our parts of CTranslate2 offer to its own files; `ctranslate2.cmake` says where they are called.
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
// All are float32 on the CPU, of shape [batch, heads, time, depth]. Returns false, with nothing done, for what it is not meant for:
// other types, few queries.
bool attention_by_blocks(const ctranslate2::StorageView &queries, const ctranslate2::StorageView &keys,
        const ctranslate2::StorageView &values, float scale, ctranslate2::StorageView &output);

// Calls `encode` for each window of `features` (of shape [windows, bands, frames]) and puts what it gives into `encoded`.
void encode_by_windows(const ctranslate2::StorageView &features, ctranslate2::StorageView &encoded,
        const std::function<void(const ctranslate2::StorageView &, ctranslate2::StorageView &)> &encode);

// Whether `name` is a matrix of floats worth quantising at once; the small ones wait until all is read.
bool is_large_weight(const std::string &name, const ctranslate2::StorageView &variable);

// Whether the matrix `name`, read in half precision, stays so although the model computes in `wanted`: `wide_weight` then widens it.
bool stays_narrow(const std::string &name, const ctranslate2::StorageView &variable, ctranslate2::DataType wanted,
        ctranslate2::Device device);

// The weights in the type that is computed in; `wide` holds them if they had to be widened.
const ctranslate2::StorageView &wide_weight(
        const ctranslate2::StorageView &weights, ctranslate2::DataType type, ctranslate2::StorageView &wide);

// The model that `load` reads, or one with the same `id` that is still in use.
std::shared_ptr<const ctranslate2::models::Model> shared_model(
        const std::string &id, const std::function<std::shared_ptr<const ctranslate2::models::Model>()> &load);

// `quantize(weights.to_float32(), quantized, scales)` without a float32 copy of all the weights at a time.
void quantize_by_rows(const ctranslate2::ops::Quantize &quantize, const ctranslate2::StorageView &weights,
        ctranslate2::StorageView &quantized, ctranslate2::StorageView &scales);

} // namespace cesar
