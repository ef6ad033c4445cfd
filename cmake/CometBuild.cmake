# What every target of the project shares: dependencies, language level, warnings, sanitizers, and
# the functions that make a library, a program and a test in one line each.

include(GNUInstallDirs)

find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS headers json)
find_package(ZLIB REQUIRED)
find_package(Libdeflate REQUIRED)
find_package(LZ4 REQUIRED)
find_package(Zstd REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(LibYaml REQUIRED)
find_package(fmt REQUIRED CONFIG)  # its headers only: libs/base/src/fmt.cpp

set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_CXX_EXTENSIONS OFF)

# For builds from nothing (CI, packages, quickstart): many sources in one translation unit, a third of the CPU time.
# After an edit such a build is slower than one without, so the presets for daily work leave it off. The names in the
# unnamed namespaces of a library's sources have to differ for it; tests are free in this (CometUnityTests.cmake).
option(COMET_UNITY "Compile many sources in one translation unit" OFF)
set(COMET_UNITY_BATCH 64 CACHE STRING "So many at the most")  # up to 1.7 GB of memory each, 2.3 GB without garbage collection
if(COMET_UNITY)
  set(CMAKE_UNITY_BUILD ON)
  set(CMAKE_UNITY_BUILD_BATCH_SIZE ${COMET_UNITY_BATCH})
endif()

# g++ walks its whole heap whenever that has doubled: a tenth of the CPU time of a build. Where each core has 3 GB it
# need not.
cmake_host_system_information(RESULT memory_mb QUERY TOTAL_PHYSICAL_MEMORY)
cmake_host_system_information(RESULT cores QUERY NUMBER_OF_LOGICAL_CORES)
math(EXPR memory_mb_per_core "${memory_mb} / ${cores}")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND memory_mb_per_core GREATER_EQUAL 3000)
  set(COMET_COMPILER_MEMORY "SHELL:--param ggc-min-heapsize=3000000")
endif()

find_program(COMET_CCACHE ccache)
if(COMET_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${COMET_CCACHE})
endif()
find_program(COMET_MOLD mold)
if(COMET_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

set(COMET_SANITIZED 0)  # COMET_SANITIZE as a single number: its list does not fit in $<BOOL:>
if(COMET_SANITIZE)
  set(COMET_SANITIZED 1)
  add_compile_options(-fsanitize=${COMET_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${COMET_SANITIZE})
  # Recycled coroutine frames hide use-after-free from the sanitizers.
  add_compile_definitions(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING
                          BOOST_ASIO_DISABLE_SMALL_BLOCK_RECYCLING)
endif()

if(COMET_BUILD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage feedback for the targets in tests/fuzz
endif()

# Flags of our own code only; not exported.
add_library(comet_flags INTERFACE)
# Our sources leave Asio's functions to libs/base/src/asio.cpp, which halves their compile time. What others compile
# against our libraries never sees this: their Asio is header-only, and tests/install shows that both agree.
target_compile_definitions(comet_flags INTERFACE BOOST_ASIO_SEPARATE_COMPILATION)
target_include_directories(comet_flags SYSTEM INTERFACE
  $<TARGET_PROPERTY:fmt::fmt,INTERFACE_INCLUDE_DIRECTORIES>)
target_compile_options(comet_flags INTERFACE
  ${COMET_COMPILER_MEMORY}
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough
  $<$<BOOL:${COMET_WARNINGS_AS_ERRORS}>:-Werror>
  # libstdc++ 12's own stable_sort uses what it declares deprecated; clang says so in our files.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>
  # False alarms from Asio's coroutine plumbing under optimisation and sanitizers (g++ 12.2).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${COMET_SANITIZED}>>:-Wno-tsan>
  # g++ takes a .cpp that another includes for a header.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<BOOL:${COMET_UNITY}>>:-Wno-subobject-linkage>)

# comet_library(NAME [PUBLIC dep...] [PRIVATE dep...])
# Static library comet::NAME from all .cpp below src with headers include/comet/NAME/*.hpp. What is installed is made of these
# libraries in CometInstall.cmake.
function(comet_library NAME)
  cmake_parse_arguments(ARG "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/*.cpp)
  add_library(comet_${NAME} STATIC ${sources})
  add_library(comet::${NAME} ALIAS comet_${NAME})
  target_compile_features(comet_${NAME} PUBLIC cxx_std_20)
  target_include_directories(comet_${NAME} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR}/include
                                           PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/src)
  target_link_libraries(comet_${NAME} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE} comet_flags)
  set_target_properties(comet_${NAME} PROPERTIES POSITION_INDEPENDENT_CODE ON)
endfunction()

# comet_program(NAME SOURCES file... LIBS dep... [INSTALL])
function(comet_program NAME)
  cmake_parse_arguments(ARG "INSTALL" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_LIBS} comet_flags)
  target_compile_definitions(${NAME} PRIVATE COMET_VERSION="${PROJECT_VERSION}")
  if(ARG_INSTALL AND COMET_INSTALL)
    install(TARGETS ${NAME} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} OPTIONAL)  # those that are built
  endif()
endfunction()
