# What all our targets share, so that a folder's CMakeLists.txt says only which sources and which neighbours it has.
add_library(tidemark_flags INTERFACE)
target_compile_options(tidemark_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wvla -Werror)
target_include_directories(tidemark_flags INTERFACE ${PROJECT_SOURCE_DIR})

# tidemark_library(NAME SOURCES a.cc b.cc [PUBLIC libs...] [PRIVATE libs...])
function(tidemark_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC tidemark_flags ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

# tidemark_program(NAME SOURCES main.cc LIBS libs...): a program in build/<preset>/bin.
function(tidemark_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tidemark_flags ${arg_LIBS})
endfunction()

# tidemark_test(NAME SOURCES a_test.cc LIBS libs... [TIMEOUT seconds] [LABELS unit threads]): one gtest program. Label
# `threads`: it is worth a run under ThreadSanitizer; the target threads_tests builds all of those.
add_custom_target(threads_tests)
function(tidemark_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LIBS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 180)  # A hang; under ThreadSanitizer the slowest of them takes 30.
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tidemark_flags ${arg_LIBS} GTest::gtest_main GTest::gmock)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  if("threads" IN_LIST arg_LABELS)
    add_dependencies(threads_tests ${name})
  endif()
  # RocksDB is not instrumented, so what it does under its own locks looks like races.
  set_tests_properties(${name} PROPERTIES TIMEOUT ${arg_TIMEOUT} LABELS "${arg_LABELS}"
    ENVIRONMENT "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tsan.supp")
endfunction()

# tidemark_bench(NAME SOURCES a_bench.cc LIBS libs...): one Google Benchmark program in build/<preset>/bench.
function(tidemark_bench name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tidemark_flags ${arg_LIBS} benchmark::benchmark_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bench)
endfunction()

# tidemark_fuzz(NAME SOURCES a_fuzz.cc LIBS libs...): one libFuzzer program in build/fuzz/fuzz. The target `fuzzers` builds
# all of them and their seeds.
add_custom_target(fuzzers)
function(tidemark_fuzz name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE tidemark_flags ${arg_LIBS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  add_dependencies(fuzzers ${name})
endfunction()
