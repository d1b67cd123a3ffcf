# oneDNN, cut down to what CTranslate2 calls: `dnnl_sgemm`, `dnnl_gemm_u8s8s32` and `dnnl_gemm_s8s8s32`.
#
# Included at the end of oneDNN's `project()`. The matrix products on x86-64 are some 60 source files that generate machine code for
# the CPU they run on (AVX2, AVX-VNNI, AVX-512, AMX; plain C++ below AVX2); oneDNN's other 900 files are primitives that nothing calls,
# now that `ctranslate2.cmake` lets the convolutions be matrix products too. The choice is by file name, so a new oneDNN that moves
# something stops at the link with an undefined `dnnl::impl::…`: add the file that defines it to the lists below.
#
# On other processors oneDNN stays whole. Cargo does not see when a file of this folder changes: `cargo clean -p onednn-src`.

foreach(setting ENABLE_JIT_PROFILING ENABLE_ITT_TASKS BUILD_GRAPH BUILD_TESTS BUILD_EXAMPLES)
  set(ONEDNN_${setting} OFF CACHE BOOL "" FORCE)
endforeach()
set(ONEDNN_ENABLE_WORKLOAD INFERENCE CACHE STRING "" FORCE)
set(ONEDNN_ENABLE_PRIMITIVE "CONVOLUTION;REORDER" CACHE STRING "" FORCE)

set(CESAR_NATIVE "${CMAKE_CURRENT_LIST_DIR}")

# Keeps the sources of `target` that match `wanted`.
function(cesar_keep_sources target wanted)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "${wanted}")
  set_property(TARGET ${target} PROPERTY SOURCES ${sources} ${ARGN})
endfunction()

function(cesar_only_gemm)
  if(NOT DNNL_TARGET_ARCH STREQUAL "X64")
    return()
  endif()
  cesar_keep_sources(
    dnnl_common "/common/(bfloat16|gemm|memory_debug|utils)\\.cpp$" "${CESAR_NATIVE}/onednn_quiet.cpp" "${CESAR_NATIVE}/few_rows.cpp"
    "${CESAR_NATIVE}/few_rows_float.cpp" "${CESAR_NATIVE}/same_sums.cpp")
  # `few_rows.cpp` and `same_sums.cpp` stand before this one.
  get_target_property(folder dnnl_common SOURCE_DIR)
  set_source_files_properties(
    "${folder}/gemm.cpp" DIRECTORY "${folder}" PROPERTIES COMPILE_DEFINITIONS
    "dnnl_gemm_u8s8s32=cesar_onednn_gemm_u8s8s32;dnnl_sgemm=cesar_onednn_sgemm")
  cesar_keep_sources(dnnl_cpu "/cpu/(gemm/.*|jit_utils/jit_utils|platform|bfloat16)\\.cpp$")
  cesar_keep_sources(
    dnnl_cpu_x64
    "/x64/(gemm/.*|cpu_isa_traits|jit_generator|platform|jit_avx512_core_bf16cvt|jit_avx512_core_fp16cvt|jit_uni_convert_xf16)\\.cpp$")
  # What writes machine code runs once for each kind of product; optimising it costs more than it brings.
  get_target_property(sources dnnl_cpu_x64 SOURCES)
  list(FILTER sources INCLUDE REGEX "_kern(_part[0-9])?(_autogen)?\\.cpp$|/jit_(generator|avx512_core_|uni_)")
  get_target_property(folder dnnl_cpu_x64 SOURCE_DIR)
  set_source_files_properties(${sources} DIRECTORY "${folder}" PROPERTIES COMPILE_FLAGS -O1)
endfunction()

cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY \"${CMAKE_SOURCE_DIR}\" CALL cesar_only_gemm)")
