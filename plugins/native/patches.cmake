# Patch series for a C++ library that a crate brings.
#
# Patches are applied to copies in the build folder; the sources of the crate are never written to. A patch must fit exactly: no fuzz, no
# offset. A guard, a function whose name has a digest of the patches, proves to the linker of the plugin that the library was built
# with them: `guard.rs` next to this file computes the same name.
include_guard()

set(CESAR_PATCHED "${CMAKE_BINARY_DIR}/cesar/patched")

# Calls `function` when the whole project is defined.
macro(cesar_at_end function)
  cmake_language(EVAL CODE "cmake_language(DEFER DIRECTORY \"${CMAKE_SOURCE_DIR}\" CALL ${function})")
endmacro()

# Applies these patches to copies of the files of the project that they name, and lists these files in `CESAR_PATCHED_FILES`.
function(cesar_apply_patches)
  set(work "${CMAKE_BINARY_DIR}/cesar/patching")
  file(REMOVE_RECURSE "${work}")
  set(files)
  foreach(patch IN LISTS ARGN)
    file(STRINGS "${patch}" lines REGEX "^[+][+][+] b/")
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "^[+][+][+] b/([^\t]*).*$" "\\1" file "${line}")
      if(NOT EXISTS "${CMAKE_SOURCE_DIR}/${file}")
        message(FATAL_ERROR "${patch} changes `${file}`, which this version of ${PROJECT_NAME} does not have; rebase the patch")
      endif()
      if(NOT file IN_LIST files)
        list(APPEND files "${file}")
        configure_file("${CMAKE_SOURCE_DIR}/${file}" "${work}/${file}" COPYONLY)
      endif()
    endforeach()
    cesar_apply_patch("${patch}" "${work}")
  endforeach()
  foreach(file IN LISTS files)
    # Writes only what changed, so that a second run compiles nothing again.
    configure_file("${work}/${file}" "${CESAR_PATCHED}/${file}" COPYONLY)
  endforeach()
  set(CESAR_PATCHED_FILES "${files}" PARENT_SCOPE)
endfunction()

function(cesar_apply_patch patch folder)
  find_program(CESAR_GIT git)
  find_program(CESAR_PATCH patch)
  if(CESAR_GIT)
    # Outside of any repository, as in one git would look for the files from its root.
    get_filename_component(ceiling "${folder}" DIRECTORY)
    set(command "${CMAKE_COMMAND}" -E env --unset=GIT_DIR --unset=GIT_WORK_TREE "GIT_CEILING_DIRECTORIES=${ceiling}" LC_ALL=C
      "${CESAR_GIT}" apply --verbose --whitespace=nowarn "${patch}")
  elseif(CESAR_PATCH)
    set(command "${CMAKE_COMMAND}" -E env LC_ALL=C "${CESAR_PATCH}" --strip=1 --fuzz=0 --forward --batch "--input=${patch}")
  else()
    message(FATAL_ERROR "neither `git` nor `patch` was found, and the patches of ${PROJECT_NAME} need one of them; install git")
  endif()
  execute_process(COMMAND ${command} WORKING_DIRECTORY "${folder}" RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT result EQUAL 0 OR said MATCHES "offset|fuzz|Skipped patch")
    message(FATAL_ERROR "${patch} does not fit this version of ${PROJECT_NAME}; rebase the patch\n${said}")
  endif()
endfunction()

# Builds `target` from the patched files instead of those of the project; further arguments are folders with headers for these.
function(cesar_use_patched target)
  get_target_property(folder ${target} SOURCE_DIR)
  get_target_property(sources ${target} SOURCES)
  set(replaced)
  set(missing ${CESAR_PATCHED_FILES})
  foreach(source IN LISTS sources)
    get_filename_component(path "${source}" ABSOLUTE BASE_DIR "${folder}")
    file(RELATIVE_PATH path "${CMAKE_SOURCE_DIR}" "${path}")
    if(path IN_LIST CESAR_PATCHED_FILES)
      list(REMOVE_ITEM missing "${path}")
      list(APPEND replaced "${CESAR_PATCHED}/${path}")
      # Headers next to the original.
      get_filename_component(headers "${CMAKE_SOURCE_DIR}/${path}" DIRECTORY)
      set_property(SOURCE "${CESAR_PATCHED}/${path}" DIRECTORY "${folder}" APPEND PROPERTY
        INCLUDE_DIRECTORIES "${headers}" ${ARGN})
    else()
      list(APPEND replaced "${source}")
    endif()
  endforeach()
  if(missing)
    message(FATAL_ERROR "${PROJECT_NAME} does not build `${missing}` as part of `${target}`; rebase the patches")
  endif()
  set_property(TARGET ${target} PROPERTY SOURCES "${replaced}")
endfunction()

# Adds all C++ files of `folder` to `target`; further arguments are folders with headers for these.
function(cesar_add_sources target folder)
  file(GLOB added "${folder}/*.cpp")
  set_property(TARGET ${target} APPEND PROPERTY SOURCES ${added})
  get_target_property(scope ${target} SOURCE_DIR)
  set_property(SOURCE ${added} DIRECTORY "${scope}" APPEND PROPERTY INCLUDE_DIRECTORIES "${folder}" ${ARGN})
endfunction()

# Adds to `target` the function `<prefix>_<digest>`: the digest is that of the given files, whose names are relative to `folder`.
function(cesar_add_guard target prefix folder)
  set(listed)
  set(files ${ARGN})
  list(SORT files)
  foreach(file IN LISTS files)
    file(SHA1 "${folder}/${file}" digest)
    string(APPEND listed "${digest}  ${file}\n")
  endforeach()
  string(SHA1 digest "${listed}")
  string(SUBSTRING "${digest}" 0 12 digest)
  set(guard "${CMAKE_BINARY_DIR}/cesar/guard.cpp")
  file(CONFIGURE OUTPUT "${guard}" CONTENT "extern \"C\" void ${prefix}_${digest}() {}\n")
  set_property(TARGET ${target} APPEND PROPERTY SOURCES "${guard}")
endfunction()
