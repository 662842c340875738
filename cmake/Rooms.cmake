# sluice_room(NAME LINKS ...): one static library for the room src/NAME, built from every .cpp in it.
function(sluice_room name)
  cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  add_library(sluice_${name} STATIC ${sources})
  add_library(sluice::${name} ALIAS sluice_${name})
  target_include_directories(sluice_${name} PUBLIC "${CMAKE_SOURCE_DIR}/src")
  target_link_libraries(sluice_${name} PUBLIC sluice_options ${arg_LINKS})
endfunction()
