# oneDNN, reduced to what CTranslate2 calls: `dnnl_sgemm`, `dnnl_gemm_u8s8s32` and `dnnl_gemm_s8s8s32`.
#
# Included at the end of oneDNN's `project()`. The matrix products on x86-64 are some 80 source files, which generate machine code for
# the CPU they run on (AVX2, AVX-VNNI, AVX-512, AMX; plain C++ below AVX2). The others implement primitives, which nothing calls, as
# convolutions are matrix products too (`patches/0001-*`). `onednn/kept.txt` and `onednn/dropped.txt` list every file; a file in
# neither list stops the build.
#
# On other processors oneDNN stays whole, without patches.
include("${CMAKE_CURRENT_LIST_DIR}/../../native/patches.cmake")

foreach(setting ENABLE_JIT_PROFILING ENABLE_ITT_TASKS BUILD_GRAPH BUILD_TESTS BUILD_EXAMPLES)
  set(ONEDNN_${setting} OFF CACHE BOOL "" FORCE)
endforeach()
set(ONEDNN_ENABLE_WORKLOAD INFERENCE CACHE STRING "" FORCE)
set(ONEDNN_ENABLE_PRIMITIVE "CONVOLUTION;REORDER" CACHE STRING "" FORCE)

set(CESAR_NATIVE "${CMAKE_CURRENT_LIST_DIR}")
# Fortified functions need optimisation.
set(CESAR_NOT_OPTIMISED "-O0 -U_FORTIFY_SOURCE")

# Files that are left alone define macros and functions of equal names.
function(cesar_join_onednn)
  # 41 files, each a generator of one routine.
  foreach(group bf16/jit_avx512 f32/jit_avx2 f32/jit_avx512 s8x8s32/jit_avx2 s8x8s32/jit_avx512)
    string(MAKE_C_IDENTIFIER "${group}" name)
    cesar_join(dnnl_cpu_x64 "${name}" "${CESAR_NOT_OPTIMISED}" "/${group}[^/]*_autogen\\.cpp$")
  endforeach()
  cesar_join(dnnl_cpu_x64 jit "${CESAR_NOT_OPTIMISED}" "/x64/jit_[^/]*\\.cpp$|/jit_avx512_core_gemv_s8x8s32\\.cpp$")
  cesar_join(dnnl_cpu_x64 drivers "" "/gem[mv]_[a-z]+\\.cpp$|/x64/[^/]*\\.cpp$")
  cesar_join(dnnl_cpu plain "" "\\.cpp$")
endfunction()

function(cesar_patch_onednn)
  if(NOT DNNL_TARGET_ARCH STREQUAL "X64")
    return()
  endif()
  cesar_keep_listed("${CESAR_NATIVE}/onednn" "${CMAKE_SOURCE_DIR}/src" dnnl_common dnnl_cpu dnnl_cpu_x64)

  file(GLOB patches "${CESAR_NATIVE}/onednn/patches/*.patch")
  cesar_apply_patches(${patches})
  cesar_use_patched(dnnl_common)
  cesar_add_sources(dnnl_common "${CESAR_NATIVE}/onednn")

  # Generators of machine code run once for each kind of product; optimising them costs more than it brings.
  get_target_property(sources dnnl_cpu_x64 SOURCES)
  list(FILTER sources INCLUDE REGEX "_kern\\.cpp$")
  get_target_property(folder dnnl_cpu_x64 SOURCE_DIR)
  set_source_files_properties(${sources} DIRECTORY "${folder}" PROPERTIES COMPILE_FLAGS "${CESAR_NOT_OPTIMISED}")
  cesar_join_onednn()

  file(GLOB_RECURSE files RELATIVE "${CESAR_NATIVE}"
    "${CESAR_NATIVE}/onednn/*.cpp" "${CESAR_NATIVE}/onednn/*.h" "${CESAR_NATIVE}/onednn/*.patch" "${CESAR_NATIVE}/onednn/*.txt")
  cesar_add_guard(dnnl_common cesar_patches_changed_run_cargo_clean_release_p_onednn_src "${CESAR_NATIVE}" onednn.cmake ${files})
endfunction()

cesar_at_end(cesar_patch_onednn)
