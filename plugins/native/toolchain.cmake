# Adapts the C++ libraries below the plugins ct2 and whisper-cpp: the crates that build them offer no setting for it.
#
# `.cargo/config.toml` names this file in `CMAKE_TOOLCHAIN_FILE`, which CMake reads before the first `project()` of every build. It
# chooses no compiler. It only names a file to include at the end of `project()` of oneDNN, of CTranslate2 and of whisper.cpp; every
# other project is built as it is. Without it (another toolchain file, a cargo started outside this repository) neither plugin links.
#
# `cmake_language(DEFER)`, which these files use, came with CMake 3.19.
if(CMAKE_VERSION VERSION_LESS 3.19)
  message(FATAL_ERROR "CMake ${CMAKE_VERSION} is too old for the patches of plugins/*/native; install 3.19 or later")
endif()
set(CMAKE_PROJECT_oneDNN_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/../ct2/native/onednn.cmake")
set(CMAKE_PROJECT_ctranslate2_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/../ct2/native/ctranslate2.cmake")
set(CMAKE_PROJECT_whisper.cpp_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/../whisper-cpp/native/whisper.cmake")
