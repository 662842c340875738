set(SLUICE_COMMON_HEADERS <algorithm> <chrono> <condition_variable> <cstdint> <filesystem> <functional> <map> <memory> <mutex>
  <optional> <set> <stop_token> <string> <string_view> <variant> <vector> <fmt/format.h> <tl/expected.hpp>)

# sluice_room(NAME LINKS ...): one static library for the room src/NAME, built from every .cpp in it.
# Each room becomes a library; SLUICE_ROOMS lists them from the ground up.
function(sluice_room name)
  cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  if(NOT sources)
    message(FATAL_ERROR "the room src/${name} has no source yet")
  endif()
  add_library(sluice_${name} STATIC ${sources})
  sluice_unity(sluice_${name} ${sources})
  add_library(sluice::${name} ALIAS sluice_${name})
  set_property(GLOBAL APPEND PROPERTY SLUICE_ROOMS ${name})
  target_include_directories(sluice_${name} PUBLIC "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(sluice_${name} PUBLIC sluice_options ${arg_LINKS})
  # What nearly every file includes, parsed once. ./run lint compiles headers without it, and so finds those that lean on it.
  if(name STREQUAL "base")
    target_precompile_headers(sluice_base PRIVATE ${SLUICE_COMMON_HEADERS})
  else()
    target_precompile_headers(sluice_${name} REUSE_FROM sluice_base)
  endif()
endfunction()
