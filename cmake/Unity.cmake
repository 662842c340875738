# With SLUICE_UNITY files of one target are compiled in groups, which takes about half the time; the groups are those of
# scripts/unity_groups. For builds from nothing: whoever edits a file waits longer for its group than for the file. The
# environment variable of that name sets it for a build folder that is new.
option(SLUICE_UNITY "compile files in groups" $ENV{SLUICE_UNITY})
set(SLUICE_UNITY_SIZE 12 CACHE STRING "how many files a group has at most")

# Two warnings speak of files that stand alone: in a group a local name may hide one of another file, and every file but the first
# looks like a header to g++, which warns of types there that other files cannot name. Ordinary builds have both.
if(SLUICE_UNITY)
  target_compile_options(sluice_options INTERFACE -Wno-shadow)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(sluice_options INTERFACE -Wno-subobject-linkage)
  endif()
endif()

# sluice_unity(TARGET FILES...): groups the sources of a target of the directory that calls this.
function(sluice_unity target)
  if(NOT SLUICE_UNITY)
    return()
  endif()
  execute_process(COMMAND python3 -B "${CMAKE_SOURCE_DIR}/scripts/unity_groups" ${SLUICE_UNITY_SIZE} ${ARGN}
    OUTPUT_VARIABLE lines OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  string(REGEX MATCHALL "[^\n]+" groups "${lines}")
  set(number 0)
  foreach(group ${groups})
    # A list inside a list would fall apart: the files of a group are separated by tabs.
    string(REPLACE "\t" ";" files "${group}")
    math(EXPR number "${number} + 1")
    set_source_files_properties(${files} PROPERTIES UNITY_GROUP "${target}_${number}")
  endforeach()
endfunction()
