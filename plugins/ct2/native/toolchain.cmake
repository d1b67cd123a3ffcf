# Fits the two C++ libraries below the ct2 plugin to it, from outside: their crates build them whole and offer no setting for less.
#
# `.cargo/config.toml` names this file in `CMAKE_TOOLCHAIN_FILE`, which CMake reads before the first `project()` of every build. It
# chooses no compiler. It only names a file to be included at the end of `project()` of oneDNN and of CTranslate2; every other
# project (whisper.cpp) is built as it is. Without it (an own toolchain file, a cargo called from outside this repository) the plugin
# takes half an hour to build, is slower with int8, and its float32 sums depend on the number of threads.
#
# `cmake_language(DEFER)`, which both files use, came with CMake 3.19.
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.19)
  set(CMAKE_PROJECT_oneDNN_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/onednn.cmake")
  set(CMAKE_PROJECT_ctranslate2_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/ctranslate2.cmake")
endif()
