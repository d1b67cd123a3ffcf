# CTranslate2, reduced to what Whisper needs, with the patches of `patches/` and the sources of `ctranslate2/`.
#
# Included at the end of CTranslate2's `project()`. `README.md` lists the patches with reasons and gains.
include("${CMAKE_CURRENT_LIST_DIR}/../../native/patches.cmake")
set(CESAR_NATIVE "${CMAKE_CURRENT_LIST_DIR}")

function(cesar_patch_ctranslate2)
  cesar_keep_listed("${CESAR_NATIVE}/ctranslate2" "${CMAKE_SOURCE_DIR}/src" ctranslate2)
  file(GLOB patches "${CESAR_NATIVE}/patches/*.patch")
  cesar_apply_patches(${patches})
  cesar_use_patched(ctranslate2 "${CESAR_NATIVE}/ctranslate2")
  cesar_add_sources(ctranslate2 "${CESAR_NATIVE}/ctranslate2" "${CESAR_NATIVE}/onednn")

  # Messages, exceptions and environment variables: optimising them costs more than it brings.
  cesar_join(ctranslate2 messages -O0 "/src/(logging|utils)\\.cc$")
  # Reading of files; what is done with each weight is in `ctranslate2/model_loading.cpp` and in the kernels.
  set_source_files_properties("${CESAR_PATCHED}/src/models/model.cc" PROPERTIES COMPILE_FLAGS -O1)
  cesar_join(ctranslate2 vocabularies -O1 "/src/vocabulary(_map)?\\.cc$")
  cesar_join(ctranslate2 operations_cpu "" "/src/ops/[a-z0-9_/]*_cpu\\.cc$")
  cesar_join(ctranslate2 operations "" "/src/ops/")

  file(GLOB_RECURSE files RELATIVE "${CESAR_NATIVE}"
    "${CESAR_NATIVE}/*.cmake" "${CESAR_NATIVE}/*.cpp" "${CESAR_NATIVE}/*.h" "${CESAR_NATIVE}/*.patch" "${CESAR_NATIVE}/*.txt")
  cesar_add_guard(ctranslate2 cesar_patches_changed_run_cargo_clean_release_p_ct2rs "${CESAR_NATIVE}" ${files})
endfunction()

cesar_at_end(cesar_patch_ctranslate2)
