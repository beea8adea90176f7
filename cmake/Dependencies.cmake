# Every library comes from the distribution (deploy/install-deps.sh lists the packages).
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(RocksDB CONFIG REQUIRED)
find_package(fmt CONFIG REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Snappy CONFIG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(OpenSSL REQUIRED)

# cpp-httplib is a shared library here, and its class sizes depend on the macros that only its pkg-config file names.
pkg_check_modules(httplib REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(libcares REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(re2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)  # Headers, and for tests; exporter/dbus_client.h says why.
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)

# Debian's roaring has no pkg-config file, and its CMake package marks itself as not found.
find_library(ROARING_LIBRARY roaring REQUIRED)
find_path(ROARING_INCLUDE_DIR roaring/roaring.hh REQUIRED)

# Header-only, without a CMake package.
find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_reader.hpp REQUIRED)
find_path(EXPECTED_INCLUDE_DIR tl/expected.hpp REQUIRED)

if(TIDEMARK_BUILD_TESTS)
  find_package(GTest CONFIG REQUIRED)
endif()
if(TIDEMARK_BUILD_BENCH)
  find_package(benchmark CONFIG REQUIRED)
endif()
