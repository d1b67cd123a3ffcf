# CTranslate2: less memory for the same result, and no primitives of oneDNN.
#
# Included at the end of CTranslate2's `project()`. What is built otherwise:
# - `ops/conv1d_cpu.cc`: the convolutions of the encoder are matrix products, so that oneDNN's primitives are not needed. The rest of
#   CTranslate2 keeps `CT2_WITH_DNNL`: it says that matrix products go to oneDNN, and that convolution weights are kept as float32 in
#   a quantised model, as in faster-whisper's CTranslate2.
# - `cpu/allocator.cc`: `memory.cpp` instead.
# - `layers/attention.cc`: attention of many queries by `attention.cpp`, keys and values of what is heard by `heard.cpp`, and the decoder's
#   attention to the text so far by `kv_cache.cpp`, whose rows `layers/decoder.cc` and `decoding.cc` leave alone.
# - `models/model.cc`: weights are quantised while they are read, and shared by models of the same folder, by `load.cpp`; some stay in half
#   precision, and `layers/common.cc` multiplies those, by `narrow.cpp`.
# - `models/whisper.cc`: the encoder window by window, by `encode.cpp`.
#
# But for the first two these are built from a copy with some words put in; a CTranslate2 that no longer has the place for it stops here. The functions of
# OpenMP come from `team.cpp`, also for oneDNN.
# Cargo does not see when a file of this folder changes: `cargo clean -p ct2rs`.
set_property(SOURCE src/ops/conv1d_cpu.cc APPEND PROPERTY COMPILE_OPTIONS -UCT2_WITH_DNNL)

set(CESAR_NATIVE "${CMAKE_CURRENT_LIST_DIR}")

# Builds `by` in place of the source `file`.
function(cesar_build_instead file by)
  get_target_property(sources ctranslate2 SOURCES)
  list(TRANSFORM sources REPLACE "^${file}$" "${by}")
  set_property(TARGET ctranslate2 PROPERTY SOURCES "${sources}")
endfunction()

# Builds the source `file` from a copy that knows `parts.h`, with the second of each further pair of arguments where it has the first.
function(cesar_edit file)
  file(READ "${CMAKE_SOURCE_DIR}/${file}" text)
  math(EXPR last "${ARGC} - 1")
  foreach(index RANGE 1 ${last} 2)
    math(EXPR next "${index} + 1")
    # Not by way of lists: both are C++, with semicolons.
    string(FIND "${text}" "${ARGV${index}}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "${file} has no `${ARGV${index}}`: plugins/ct2/native was written for another version of CTranslate2")
    endif()
    string(REPLACE "${ARGV${index}}" "${ARGV${next}}" text "${text}")
  endforeach()
  set(copy "${CMAKE_BINARY_DIR}/cesar/${file}")
  file(WRITE "${copy}" "#include \"${CESAR_NATIVE}/parts.h\"\n${text}")
  cesar_build_instead("${file}" "${copy}")
endfunction()

function(cesar_use_parts)
  set_property(TARGET ctranslate2 APPEND PROPERTY SOURCES "${CESAR_NATIVE}/attention.cpp" "${CESAR_NATIVE}/encode.cpp"
    "${CESAR_NATIVE}/heard.cpp" "${CESAR_NATIVE}/kv_cache.cpp" "${CESAR_NATIVE}/load.cpp" "${CESAR_NATIVE}/narrow.cpp" "${CESAR_NATIVE}/team.cpp")
  cesar_build_instead(src/cpu/allocator.cc "${CESAR_NATIVE}/memory.cpp")

  set(place "keys_matmul(queries, keys, output);")
  string(CONCAT plain "!(relative_position_keys || relative_asymmetric_position_keys || relative_position_values"
    " || relative_attention_bias || alibi || attention || values_lengths)")
  set(cached "if (cached_keys->empty()) {")
  string(CONCAT rows "!(_merge_time_and_head_dims || _sliding_window > 0 || _relative_position_keys || _relative_asymmetric_position_keys"
    " || _relative_position_values || _relative_attention_bias || _alibi || attention)")
  set(all "dot_product_attention(queries_proj,")
  string(CONCAT to_rows "in_rows && cesar::attention_to_cache(queries_proj, keys_proj, values_proj, *cached_keys, *cached_values,"
    " values_lengths, _queries_scale, context)")
  set(heard "_linear[1](values, fused_proj);")
  set(project "[this](const StorageView &block, StorageView &both) { _linear[1](block, both); }")
  string(CONCAT by_blocks "_num_heads_kv == _num_heads && !(_k_norm || _v_norm || values_padder)"
    " && cesar::project_by_blocks(values, _num_heads, ${project}, keys_proj, values_proj)")
  set(one_head "if (_num_heads_kv == 1) { // MQA (Multi-Query Attention)")
  cesar_edit(src/layers/attention.cc
    "${place}" "if (${plain} && cesar::attention_by_blocks(queries, keys, values, queries_scale, output)) return;\n      ${place}"
    "${heard}" "const bool by_blocks = ${by_blocks};\n        if (!by_blocks) ${heard}"
    "${one_head}" "if (by_blocks) {} else ${one_head}"
    "dim_t beam_size = 1;" "dim_t beam_size = 1; bool in_rows = false;"
    "${cached}" "in_rows = ${rows} && cesar::append_to_cache(keys_proj, values_proj, *cached_keys, *cached_values);
          if (in_rows) {} else ${cached}"
    "keys_proj.shallow_copy(*cached_keys);" "if (!in_rows) keys_proj.shallow_copy(*cached_keys);"
    "values_proj.shallow_copy(*cached_values);" "if (!in_rows) values_proj.shallow_copy(*cached_values);"
    "${all}" "if (!(${to_rows})) ${all}")

  set(of_alive "ops::Gather()(pair.second, alive_batches);")
  set(replicated "if (replicate_state(name))")
  cesar_edit(src/layers/decoder.cc
    "${of_alive}" "if (!cesar::is_cache_of_rows(pair.second)) ${of_alive}"
    "${replicated}" "if (cesar::is_cache_of_rows(value)) continue; ${replicated}"
    "if (value && replicate_state(name))" "if (value && !cesar::is_cache_of_rows(value) && replicate_state(name))")
  set(repeated "repeat_batch(value, num_hypotheses);")
  cesar_edit(src/decoding.cc "${repeated}" "if (!cesar::is_cache_of_rows(value)) ${repeated}")

  set(place "model->register_variable(std::move(name), std::move(variable))")
  string(CONCAT read "const bool quantise = (compute_type == ComputeType::INT8 || compute_type == ComputeType::INT8_FLOAT32)"
    " && cesar::is_large_weight(name, variable);")
  set(load "Model::load(*model_reader, device, device_index, compute_type,
                              use_flash_attention, tensor_parallel)")
  string(CONCAT id "model_reader->get_model_id() + ' ' + std::to_string(static_cast<int>(device)) + ' ' + std::to_string(device_index)"
    " + ' ' + std::to_string(static_cast<int>(compute_type))")
  cesar_edit(src/models/model.cc
    "${load}" "cesar::shared_model(${id}, [&] { return ${load}; })"
    "ensure_dtype(name, variable, variable_weight_dtype);"
    "if (!cesar::stays_narrow(name, variable, variable_weight_dtype, device)) ensure_dtype(name, variable, variable_weight_dtype);"
    "quantize_op(variable.to_float32(), target_variable, scale)" "cesar::quantize_by_rows(quantize_op, variable, target_variable, scale)"
    "${place}" "${read} ${place}; if (quantise) model->set_compute_type(compute_type, device, device_index)")

  set(product "_gemm_op(input, *weight, output, nullptr, bias, residual);")
  set(with_rest "ops::apply_bias_and_activation(output, bias, _activation_type, residual);")
  set(lookup "_gather_op(_embeddings, ids, output);")
  string(CONCAT narrow_lookup "StorageView narrow(_embeddings.dtype(), _embeddings.device());"
    " _gather_op(_embeddings, ids, narrow); output = narrow.to(_output_type);")
  cesar_edit(src/layers/common.cc
    "${product}" "if (cesar::narrow_product(input, *weight, output)) ${with_rest} else ${product}"
    "${lookup}" "if (_embeddings.dtype() == _output_type) { ${lookup} } else { ${narrow_lookup} }")

  set(lambda "[this](const StorageView &window, StorageView &encoded) { (*_encoder)(window, encoded); }")
  cesar_edit(src/models/whisper.cc
    "(*_encoder)(features, encoder_output);" "cesar::encode_by_windows(features, encoder_output, ${lambda});")
endfunction()

cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY \"${CMAKE_SOURCE_DIR}\" CALL cesar_use_parts)")
