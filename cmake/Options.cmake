# Settings that every target of ours shares, gathered in one interface target.
option(SLUICE_TESTS "build the tests" ON)
option(SLUICE_FUZZ "build the fuzz targets (clang only)" OFF)
option(SLUICE_WERROR "warnings are errors" OFF)
set(SLUICE_SANITIZE "" CACHE STRING "comma-separated -fsanitize= list")

find_program(SLUICE_CCACHE ccache)
if(SLUICE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Without these ccache passes by whatever uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros "${SLUICE_CCACHE}")
endif()

add_library(sluice_options INTERFACE)
target_compile_features(sluice_options INTERFACE cxx_std_20)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

target_compile_options(sluice_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wdouble-promotion -Wformat=2 -Wimplicit-fallthrough
  -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # -Wnull-dereference is left out: g++ 12 reports inlined standard library code with -O2.
  # The four that are off: g++ 12 reports inlined std::string code with -O2 (GCC bug 105329 and its kin).
  target_compile_options(sluice_options INTERFACE -Wduplicated-cond -Wlogical-op -Wuseless-cast -fpch-preprocess
    -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread)
endif()
if(SLUICE_WERROR)
  target_compile_options(sluice_options INTERFACE -Werror)
endif()
target_compile_definitions(sluice_options INTERFACE _GLIBCXX_ASSERTIONS)

if(SLUICE_SANITIZE)
  target_compile_options(sluice_options INTERFACE
    -fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(sluice_options INTERFACE -fsanitize=${SLUICE_SANITIZE})
else()
  target_compile_options(sluice_options INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
endif()
target_link_options(sluice_options INTERFACE -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)

find_program(SLUICE_MOLD mold)
if(SLUICE_MOLD)
  target_link_options(sluice_options INTERFACE -fuse-ld=mold)
endif()
