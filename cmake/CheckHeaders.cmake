# check_headers: every header of src compiles alone. Not part of "all"; ./run lint builds it.
file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}/src/*.hpp")
set(header_checks "")
foreach(header ${headers})
  string(REPLACE "/" "_" name "${header}")
  set(stub "${CMAKE_BINARY_DIR}/check_headers/${name}.cpp")
  file(GENERATE OUTPUT "${stub}" CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
  list(APPEND header_checks "${stub}")
endforeach()
add_library(check_headers OBJECT EXCLUDE_FROM_ALL ${header_checks})
# The libraries of the lowest room are those that headers of ours may show; heavy ones are not among them.
target_link_libraries(check_headers PRIVATE sluice_options fmt::fmt tl::expected)
target_include_directories(check_headers PRIVATE "${CMAKE_SOURCE_DIR}/src" "${CMAKE_BINARY_DIR}/generated")
