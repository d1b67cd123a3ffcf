# CTranslate2: less memory for the same result, and no primitives of oneDNN.
#
# Included at the end of CTranslate2's `project()`. What is built otherwise:
# - `ops/conv1d_cpu.cc`: the convolutions of the encoder are matrix products, so that oneDNN's primitives are not needed. The rest of
#   CTranslate2 keeps `CT2_WITH_DNNL`: it says that matrix products go to oneDNN, and that convolution weights are kept as float32 in
#   a quantised model, as in faster-whisper's CTranslate2.
# - `cpu/allocator.cc`: `memory.cpp` instead.
# - `layers/attention.cc`: attention of many queries by `attention.cpp`.
# - `models/model.cc`: weights are quantised while they are read, and shared by models of the same folder, and some stay in half
#   precision, which `layers/common.cc` widens, by `load.cpp`.
# - `models/whisper.cc`: the encoder window by window, by `encode.cpp`.
#
# The last four are built from a copy with a line put in; a CTranslate2 that no longer has the place for it stops here. The functions of
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
    "${CESAR_NATIVE}/load.cpp" "${CESAR_NATIVE}/team.cpp")
  cesar_build_instead(src/cpu/allocator.cc "${CESAR_NATIVE}/memory.cpp")

  set(place "keys_matmul(queries, keys, output);")
  string(CONCAT plain "!(relative_position_keys || relative_asymmetric_position_keys || relative_position_values"
    " || relative_attention_bias || alibi || attention || values_lengths)")
  cesar_edit(src/layers/attention.cc
    "${place}" "if (${plain} && cesar::attention_by_blocks(queries, keys, values, queries_scale, output)) return;\n      ${place}")

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
  string(REPLACE "*weight" "cesar::wide_weight(*weight, input.dtype(), wide)" widened "${product}")
  cesar_edit(src/layers/common.cc "${product}" "StorageView wide; ${widened}")

  set(lambda "[this](const StorageView &window, StorageView &encoded) { (*_encoder)(window, encoded); }")
  cesar_edit(src/models/whisper.cc
    "(*_encoder)(features, encoder_output);" "cesar::encode_by_windows(features, encoder_output, ${lambda});")
endfunction()

cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY \"${CMAKE_SOURCE_DIR}\" CALL cesar_use_parts)")
