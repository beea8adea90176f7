// exporter_tree DIRECTORY FILE...: makes the trees that the files describe (tree.h) below the directory, for scripts.
#include <cstdio>

#include "tests/exporter/tree.h"

int main(int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    const tidemark::Status status = tidemark::exporter::testing::unpack_tree(argv[i], argv[1]);
    if (status.ok()) continue;
    std::fprintf(stderr, "exporter_tree: %s\n", status.message().c_str());
    return 1;
  }
  return 0;
}
