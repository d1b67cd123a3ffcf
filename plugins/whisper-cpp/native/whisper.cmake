# whisper.cpp: less memory for the same result.
#
# Included at the end of whisper.cpp's `project()`. whisper.cpp keeps the log-mel values of the whole recording, 115 MB an hour, twice
# while they are handed over; all that it reads of them is a window of 30 s for each pass of the encoder. `src/whisper.cpp` is built
# from a copy that asks for that window where it has no values of its own (`mel.h`).
#
# ggml's scheduler reserves 83 MB, four times, for copies of tensors between devices. They are never touched where there is only the CPU,
# but count against a limit of the process (`RLIMIT_DATA`): with 2 s of audio tiny.en reserved 680 MB and used 170. Room for
# fewer copies is reserved there.
#
# A whisper.cpp that no longer has the places for this stops here. The rest is built as it is.
# Cargo does not see when a file of this folder changes: `cargo clean -p whisper-rs-sys`.
if(DEFINED CESAR_WHISPER)
  return() # whisper.cpp calls `project()` twice
endif()
set(CESAR_WHISPER "${CMAKE_CURRENT_LIST_DIR}")

# Stops unless `text` has `place` once.
function(cesar_expect text place)
  string(FIND "${text}" "${place}" first)
  string(FIND "${text}" "${place}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "whisper.cpp does not have `${place}` once: plugins/whisper-cpp/native was written for another version of it")
  endif()
endfunction()

function(cesar_put_in text_name place instead)
  cesar_expect("${${text_name}}" "${place}")
  string(REPLACE "${place}" "${instead}" text "${${text_name}}")
  set(${text_name} "${text}" PARENT_SCOPE)
endfunction()

function(cesar_ask_for_windows)
  file(READ "${CMAKE_SOURCE_DIR}/src/whisper.cpp" text)
  cesar_put_in(text "whisper_mel mel;" "whisper_mel mel; cesar::MelSource mel_source;")
  set(place "for (int j = 0; j < mel_inp.n_mel; ++j) {\n                for (int i = i0; i < i1; ++i) {")
  string(CONCAT ask "const bool asked = mel_inp.data.empty() && wstate.mel_source.fill != nullptr;\n"
    "            if (asked && i0 < i1) wstate.mel_source.fill(wstate.mel_source.spectrogram, i0, i1, dst, 2*n_ctx);\n"
    "            for (int j = 0; j < (asked ? 0 : mel_inp.n_mel); ++j) {\n                for (int i = i0; i < i1; ++i) {")
  cesar_put_in(text "${place}" "${ask}")
  set(set_source [[

extern "C" int cesar_set_mel_source(
        struct whisper_context * ctx, struct whisper_state * state, int n_len, int n_mel, cesar::MelFill fill, const void * spectrogram) {
    if (n_mel != ctx->model.filters.n_mel) {
        return -1;
    }
    state->mel.n_len     = n_len;
    state->mel.n_len_org = n_len;
    state->mel.n_mel     = n_mel;
    std::vector<float>().swap(state->mel.data);
    state->mel_source.fill        = fill;
    state->mel_source.spectrogram = spectrogram;
    return 0;
}
]])
  set(copy "${CMAKE_BINARY_DIR}/cesar/whisper.cpp")
  file(WRITE "${copy}" "#include \"${CESAR_WHISPER}/mel.h\"\n${text}${set_source}")
  get_target_property(sources whisper SOURCES)
  list(FIND sources "whisper.cpp" original)
  if(original EQUAL -1)
    message(FATAL_ERROR "whisper.cpp is not built from `whisper.cpp`: plugins/whisper-cpp/native was written for another version of it")
  endif()
  list(TRANSFORM sources REPLACE "^whisper[.]cpp$" "${copy}")
  set_property(TARGET whisper PROPERTY SOURCES "${sources}")
endfunction()

function(cesar_reserve_little)
  if(NOT GGML_AVAILABLE_BACKENDS STREQUAL "ggml-cpu")
    return() # tensors are copied between devices
  endif()
  set(scheduler "${CMAKE_SOURCE_DIR}/ggml/src/ggml-backend.cpp")
  file(READ "${scheduler}" text)
  cesar_expect("${text}" "#ifndef GGML_SCHED_MAX_SPLIT_INPUTS")
  set_property(SOURCE "${scheduler}" TARGET_DIRECTORY ggml-base APPEND PROPERTY
    COMPILE_DEFINITIONS GGML_SCHED_MAX_SPLIT_INPUTS=4)
endfunction()

cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY \"${CMAKE_SOURCE_DIR}\" CALL cesar_ask_for_windows)")
cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY \"${CMAKE_SOURCE_DIR}\" CALL cesar_reserve_little)")
