# Fits the C++ libraries below the plugins ct2 and whisper-cpp to them, from outside: their crates build them whole and offer no setting
# for less.
#
# `.cargo/config.toml` names this file in `CMAKE_TOOLCHAIN_FILE`, which CMake reads before the first `project()` of every build. It
# chooses no compiler. It only names a file to be included at the end of `project()` of oneDNN, of CTranslate2 and of whisper.cpp; every
# other project is built as it is. Without it (an own toolchain file, a cargo called from outside this repository) ct2
# takes half an hour to build, is slower with int8, and its float32 sums depend on the number of threads; whisper-cpp does not link.
#
# `cmake_language(DEFER)`, which these files use, came with CMake 3.19.
if(CMAKE_VERSION VERSION_GREATER_EQUAL 3.19)
  set(CMAKE_PROJECT_oneDNN_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/onednn.cmake")
  set(CMAKE_PROJECT_ctranslate2_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/ctranslate2.cmake")
  set(CMAKE_PROJECT_whisper.cpp_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/../../whisper-cpp/native/whisper.cmake")
endif()
