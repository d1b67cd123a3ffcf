# whisper.cpp with the patches of this folder. Included at the end of its `project()`; `README.md` lists the patches with reasons and gains.
if(DEFINED CESAR_NATIVE)
  return() # whisper.cpp calls `project()` twice
endif()
include("${CMAKE_CURRENT_LIST_DIR}/../../native/patches.cmake")
set(CESAR_NATIVE "${CMAKE_CURRENT_LIST_DIR}")

function(cesar_patch_whisper)
  cesar_apply_patches("${CESAR_NATIVE}/patches/0001-mel-window-by-window.patch")
  cesar_use_patched(whisper "${CESAR_NATIVE}")
  if(GGML_AVAILABLE_BACKENDS STREQUAL "ggml-cpu")
    # With another device tensors are copied between the two.
    cesar_apply_patches("${CESAR_NATIVE}/patches/0002-reserve-fewer-tensor-copies.patch")
    cesar_use_patched(ggml-base)
  endif()

  file(GLOB_RECURSE files RELATIVE "${CESAR_NATIVE}" "${CESAR_NATIVE}/*.cmake" "${CESAR_NATIVE}/*.h" "${CESAR_NATIVE}/*.patch")
  cesar_add_guard(whisper cesar_patches_changed_run_cargo_clean_release_p_whisper_rs_sys "${CESAR_NATIVE}" ${files})
endfunction()

cesar_at_end(cesar_patch_whisper)
