// Each collector of hardware and of kernel tables on its recorded tree (fixtures/trees/NAME.tree) against
// golden/NAME.txt, and on trees that lack it. To accept a change, run with TIDEMARK_UPDATE_GOLDEN=1 and read the diff;
// compare_trees.sh holds the same trees against a real node_exporter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/exporter/collect_support.h"
#include "tests/exporter/tree.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

const std::string kTrees = TIDEMARK_SOURCE_DIR "/tests/exporter/fixtures/trees/";

// Trees are named after their collector; "NAME-CASE" is another case of it.
std::vector<std::string> tree_names() {
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::directory_iterator(kTrees)) {
    if (entry.path().extension() == ".tree") out.push_back(entry.path().stem());
  }
  std::sort(out.begin(), out.end());
  return out;
}

CollectorConfig config_at(const std::string& root) {
  CollectorConfig config;
  config.procfs = root + "/proc";
  config.sysfs = root + "/sys";
  config.rootfs = root;
  config.bcache.priority_stats = true;
  config.sysctl.include = {"fs.file-nr", "fs.file-nr:total,current,max", "kernel.threads-max"};
  config.sysctl.include_info = {"kernel.seccomp.actions_avail"};
  return config;
}

std::string without(std::string text, const std::string& path) {
  for (size_t at = text.find(path); at != text.npos; at = text.find(path)) text.replace(at, path.size(), "ROOT");
  return text;
}

class Trees : public ::testing::TestWithParam<std::string> {};

TEST_P(Trees, ArePagesAsRecorded) {
  const std::string collector = GetParam().substr(0, GetParam().find('-'));
  const tidemark::testing::TempDir root;
  const Status unpacked = unpack_tree(kTrees + GetParam() + ".tree", root.path());
  ASSERT_TRUE(unpacked.ok()) << unpacked.message();
  const std::string got = without(collected(collector, config_at(root.path())), root.path());
  const std::string path = TIDEMARK_SOURCE_DIR "/tests/exporter/golden/" + GetParam() + ".txt";
  if (::getenv("TIDEMARK_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << got;
  std::ostringstream want;
  want << std::ifstream(path).rdbuf();
  EXPECT_EQ(got, want.str()) << path;
}

// Every file of the tree in turn is cut in the middle, is empty, and is gone: no crash, and either the rest of the page
// or an error that names a place.
TEST_P(Trees, SurviveFilesThatAreNotWhole) {
  const std::string collector = GetParam().substr(0, GetParam().find('-'));
  const tidemark::testing::TempDir root;
  ASSERT_TRUE(unpack_tree(kTrees + GetParam() + ".tree", root.path()).ok());
  const CollectorConfig config = config_at(root.path());
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root.path())) {
    if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
  }
  for (const auto& file : files) {
    std::ostringstream whole;
    whole << std::ifstream(file).rdbuf();
    for (const std::string& text :
         {whole.str().substr(0, whole.str().size() / 2), std::string(), std::string("\xff ,[(\n")}) {
      std::ofstream(file) << text;
      const std::string page = collected(collector, config);
      EXPECT_NE(page, "failed: ") << file << " as \"" << text << '"';
    }
    std::filesystem::remove(file);
    collected(collector, config);
    std::ofstream(file) << whole.str();
  }
}

TEST_P(Trees, NeedNotBeThere) {
  const tidemark::testing::TempDir empty;
  const std::string page = collected(GetParam().substr(0, GetParam().find('-')), config_at(empty.path()));
  EXPECT_THAT(page, ::testing::AnyOf("", ::testing::StartsWith("failed: open ROOT"),
                                     ::testing::StartsWith("failed: open " + empty.path())));
}

INSTANTIATE_TEST_SUITE_P(All, Trees, ::testing::ValuesIn(tree_names()), [](const auto& one) {
  std::string name = one.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Tree, NamesTheLineItCannotRead) {
  const tidemark::testing::TempDir dir;
  dir.write("bad.tree", "# fine\nname: x\nwhat is this\n");
  EXPECT_THAT(unpack_tree(dir.path() + "/bad.tree", dir.path()).message(), ::testing::HasSubstr("bad.tree:3: neither"));
}

}  // namespace
}  // namespace tidemark::exporter::testing
