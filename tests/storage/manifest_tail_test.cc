// The end of RocksDB's list of files: what a power cut tore is cut off, what is damaged otherwise stays as it is.
#include "aggregator/storage/manifest_tail.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "aggregator/storage/encrypted_env.h"
#include "tests/storage/damage.h"
#include "tests/storage/fault_fixture.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;
using testing::flip_byte;

constexpr size_t kHeaderBytes = 7;

class ManifestTailTest : public FaultFixture {
 protected:
  std::string manifest() const {
    std::string name;
    EXPECT_TRUE(rocksdb::ReadFileToString(env(), rocks_ + "/CURRENT", &name).ok());
    return rocks_ + "/" + name.substr(0, name.find('\n'));
  }

  // A store with a list of files of some pages, closed.
  void fill() {
    open();
    encrypted_ = *open_encryption(options_.path, true, options_.encryption_key_file, nullptr, logger_);
    do {
      for (uint64_t until = batches_ + 50; batches_ < until; ++batches_) ASSERT_TRUE(commit_batch(batches_));
    } while (fs::file_size(manifest()) < 12'000);
    drop();
    manifest_ = manifest();
  }

  std::string bytes() const {
    std::ifstream in(manifest_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& bytes) const { std::ofstream(manifest_, std::ios::binary) << bytes; }

  // Appends what is left of a record of `size` bytes whose sectors behind the first were not written. Its length is
  // there, or RocksDB takes it for the end.
  void append_torn_record(size_t size) {
    std::string record(kHeaderBytes + size, 'x');
    record[4] = static_cast<char>(size & 0xff);
    record[5] = static_cast<char>(size >> 8);
    record[6] = 1;
    std::string whole;
    ASSERT_TRUE(rocksdb::ReadFileToString(env(), manifest_, &whole).ok());
    ASSERT_TRUE(rocksdb::WriteStringToFile(env(), whole + record, manifest_).ok());
    const std::string raw = bytes();
    const size_t begin = raw.size() - record.size();
    const size_t hole = ((begin + kHeaderBytes) / 512 + 1) * 512;
    write(raw.substr(0, hole) + std::string(raw.size() - hole, '\0'));
  }

  std::optional<ManifestTail> cut() const {
    return cut_torn_manifest(*rocksdb::Env::Default(), *rocksdb::Env::Default(), rocks_);
  }

  void open_after_torn_writes() {
    fill();
    for (const size_t size : {600, 700, 1024, 5000}) {
      append_torn_record(size);
      const std::string torn = manifest_;
      open();
      if (HasFatalFailure()) return;
      EXPECT_EQ(read_all(), content_of_batches(batches_));
      EXPECT_TRUE(logger_.contains(torn + " kept_bytes="));
      drop();
      manifest_ = manifest();
      EXPECT_NE(manifest_, torn);
    }
  }

  // As RocksDB reads, and not through fs_.
  rocksdb::Env* env() const { return encrypted_ ? encrypted_.get() : rocksdb::Env::Default(); }

  const std::string rocks_ = options_.path + "/rocks";
  std::unique_ptr<rocksdb::Env> encrypted_;
  uint64_t batches_ = 0;
  std::string manifest_;
};

TEST_F(ManifestTailTest, AStoreOpensAfterATornWrite) { open_after_torn_writes(); }

TEST_F(ManifestTailTest, AnEncryptedStoreOpensAfterATornWrite) {
  options_.encryption_key_file = dir_.write("key", std::string(32, 'k'));
  ::chmod(options_.encryption_key_file.c_str(), 0600);
  open_after_torn_writes();
}

TEST_F(ManifestTailTest, CutsBeforeTheRecordWithTheHole) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  fill();
  const std::string whole = bytes();
  EXPECT_FALSE(cut());
  for (int round = 0; round < 100; ++round) {
    const size_t hole = 512 + random_() % (whole.size() - 512) / 512 * 512;
    SCOPED_TRACE("hole at " + std::to_string(hole));
    write(whole.substr(0, hole) + std::string(whole.size() - hole, '\0'));
    const auto tail = cut();
    ASSERT_TRUE(tail);
    EXPECT_EQ(tail->path, manifest_);
    EXPECT_LE(tail->kept_bytes, hole + 8);     // A record may end in zeros.
    EXPECT_GT(tail->kept_bytes + 2000, hole);  // Not more than a record goes.
    EXPECT_EQ(tail->kept_bytes + tail->dropped_bytes, whole.size());
    EXPECT_EQ(bytes(), whole.substr(0, tail->kept_bytes));
    EXPECT_FALSE(cut()) << "all of what is left should read";
  }
}

TEST_F(ManifestTailTest, LeavesWhatNoPowerCutDoes) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  fill();
  const std::string whole = bytes();
  const auto untouched = [&](const std::string& damaged) {
    write(damaged);
    EXPECT_FALSE(cut());
    EXPECT_EQ(bytes(), damaged);
  };
  for (int round = 0; round < 200; ++round) {
    write(whole);
    flip_byte(manifest_, random_() % whole.size());
    untouched(bytes());
  }
  // A lost sector with records behind it.
  for (size_t hole = 512; hole + 4096 < whole.size(); hole += 512) {
    SCOPED_TRACE("hole at " + std::to_string(hole));
    std::string damaged = whole;
    damaged.replace(hole, 512, 512, '\0');
    untouched(damaged);
  }
  untouched("");
  untouched(std::string(4096, '\0'));
  fs::remove(manifest_);
  EXPECT_FALSE(cut());
  fs::remove(rocks_ + "/CURRENT");
  EXPECT_FALSE(cut());
}

}  // namespace
}  // namespace tidemark::storage
