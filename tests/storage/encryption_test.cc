// Encryption at rest: nothing readable in any file, every wrong use of a key is an error that says what to do, and
// whatever the store does to files works under it.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "aggregator/storage/encrypted_env.h"
#include "tests/storage/store_fixture.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr char kMarker[] = "MARKERmarkerMARKER";
constexpr char kHexKey[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eFF";

class EncryptionTest : public StoreFixture {
 protected:
  EncryptionTest() { options_.encryption_key_file = key_file("key", std::string(kHexKey) + "\n"); }

  std::string key_file(const std::string& name, const std::string& bytes) {
    const std::string path = dir_.write(name, bytes);
    ::chmod(path.c_str(), 0600);
    return path;
  }

  static Labels labels(int i) {
    return Labels{{"__name__", "m"}, {"i", std::to_string(i)}, {"text", kMarker + std::to_string(i)}};
  }
  void fill(int from, int to) {
    for (int b = from; b < to; ++b) {
      Batch batch;
      for (int i = 0; i < 20; ++i) batch.add(kNoRef, labels(i), clock_.now_ms() + b * 1000, b * 0.37 + i);
      ASSERT_TRUE(store_->commit(batch));
    }
  }

  // Names of files that hold the text.
  static std::vector<std::string> files_with(const std::string& folder, const std::string& text) {
    std::vector<std::string> found;
    for (const auto& file : fs::recursive_directory_iterator(folder)) {
      if (!file.is_regular_file()) continue;
      std::ifstream in(file.path(), std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(in)), {});
      if (bytes.find(text) != std::string::npos) found.push_back(file.path().string());
    }
    return found;
  }

  std::string open_error(const std::string& key) {
    Options options = options_;
    options.encryption_key_file = key;
    prometheus::Registry registry;
    const auto store = Store::open(options, clock_, logger_, registry);
    return store ? "" : store.error().message();
  }
  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
};

TEST_F(EncryptionTest, NoFileHoldsAnythingReadable) {
  open();
  fill(0, 50);
  drop();  // The write-ahead log stays.
  EXPECT_EQ(files_with(options_.path, kMarker), std::vector<std::string>());
  open();
  fill(50, 100);
  const Content before = read_all();
  EXPECT_EQ(before.size(), 20u);
  close();  // Now data files.
  EXPECT_EQ(files_with(options_.path, kMarker), std::vector<std::string>());
  EXPECT_EQ(files_with(options_.path, "rocksdb"), std::vector<std::string>());  // Options, manifest, tables.
  open();
  EXPECT_EQ(read_all(), before);
  drop();

  // The check would find it: without a key it is there.
  options_.path = dir_.file("plain");
  options_.encryption_key_file.clear();
  open();
  fill(0, 1);
  drop();
  EXPECT_NE(files_with(options_.path, kMarker), std::vector<std::string>());
}

TEST_F(EncryptionTest, EveryWrongUseOfAKeySaysWhatToDo) {
  open();
  fill(0, 2);
  const Content before = read_all();
  close();

  const std::string missing = open_error("");
  EXPECT_TRUE(has(missing, options_.path) && has(missing, "is encrypted") &&
              has(missing, "--storage.encryption-key-file"))
      << missing;
  std::string other_key = kHexKey;
  other_key.back() = 'e';
  const std::string other = key_file("other", other_key);
  const std::string wrong = open_error(other);
  EXPECT_TRUE(has(wrong, options_.path) && has(wrong, other) && has(wrong, "is not the one")) << wrong;
  const std::string absent = open_error(dir_.file("absent"));
  EXPECT_TRUE(has(absent, dir_.file("absent")) && has(absent, "cannot read")) << absent;
  for (const std::string& text : {std::string("short"), std::string(kHexKey) + "00", std::string(64, 'x')}) {
    const std::string bad = open_error(key_file("bad", text));
    EXPECT_TRUE(has(bad, "64 hexadecimal digits") && has(bad, std::to_string(text.size()) + " bytes")) << bad;
    EXPECT_FALSE(has(bad, text)) << bad;
  }
  open();
  EXPECT_EQ(read_all(), before);
  drop();

  const std::string plain = dir_.file("plain");
  const std::string key = options_.encryption_key_file;
  options_.path = plain;
  options_.encryption_key_file.clear();
  open();
  close();
  const std::string not_encrypted = open_error(key);
  EXPECT_TRUE(has(not_encrypted, plain) && has(not_encrypted, "is not encrypted")) << not_encrypted;
  EXPECT_FALSE(logger_.contains("every user"));
}

TEST_F(EncryptionTest, RawBytesAndDigitsAreTheSameKeyAndNeitherIsLoggedOrWritten) {
  std::string raw;
  for (int i = 0; i < 31; ++i) raw.push_back(static_cast<char>(i));
  raw.push_back('\xff');
  open();
  fill(0, 2);
  close();
  options_.encryption_key_file = dir_.write("raw", raw);
  ::chmod(options_.encryption_key_file.c_str(), 0644);
  open();
  EXPECT_EQ(read_all().size(), 20u);
  EXPECT_TRUE(logger_.contains("every user of this host can read the encryption key"));
  EXPECT_FALSE(logger_.contains("0001020304"));
  drop();
  EXPECT_EQ(files_with(options_.path, raw), std::vector<std::string>());
  EXPECT_EQ(files_with(options_.path, raw.substr(8, 16)), std::vector<std::string>());
}

TEST_F(EncryptionTest, TwoFilesOfTheSameBytesDiffer) {
  const auto key = EncryptionKey::read(options_.encryption_key_file, logger_);
  ASSERT_TRUE(key);
  const auto env = make_encrypted_env(*key, rocksdb::Env::Default());
  const std::string text(100'000, 'a');
  const auto raw = [&](const std::string& name) {
    std::ifstream in(dir_.file(name), std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), {});
  };
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(rocksdb::WriteStringToFile(env.get(), text, dir_.file(name), true).ok());
    std::string back;
    ASSERT_TRUE(rocksdb::ReadFileToString(env.get(), dir_.file(name), &back).ok());
    EXPECT_EQ(back, text);
  }
  EXPECT_NE(raw("a"), raw("b"));
  // Blocks of equal plain text differ too.
  EXPECT_NE(raw("a").substr(8192, 16), raw("a").substr(8208, 16));
}

TEST_F(EncryptionTest, AnyRangeOfAFileReadsAsItWasWritten) {
  const auto key = EncryptionKey::read(options_.encryption_key_file, logger_);
  ASSERT_TRUE(key);
  const auto env = make_encrypted_env(*key, rocksdb::Env::Default());
  std::string text;
  std::unique_ptr<rocksdb::WritableFile> out;
  ASSERT_TRUE(env->NewWritableFile(dir_.file("f"), &out, rocksdb::EnvOptions()).ok());
  for (int i = 0; i < 200; ++i) {  // Pieces that end anywhere in a block.
    const std::string piece(static_cast<size_t>(i), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(out->Append(piece).ok());
    text += piece;
  }
  ASSERT_TRUE(out->Close().ok());
  std::unique_ptr<rocksdb::RandomAccessFile> in;
  ASSERT_TRUE(env->NewRandomAccessFile(dir_.file("f"), &in, rocksdb::EnvOptions()).ok());
  std::string buffer(text.size(), '\0');
  for (size_t from = 0; from < text.size(); from += 37) {
    for (const size_t size : {size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{1000}}) {
      rocksdb::Slice got;
      ASSERT_TRUE(in->Read(from, size, &got, buffer.data()).ok());
      EXPECT_EQ(got.ToString(), text.substr(from, size)) << from << " " << size;
    }
  }
  uint64_t size = 0;
  ASSERT_TRUE(env->GetFileSize(dir_.file("f"), &size).ok());
  EXPECT_EQ(size, text.size());
}

// As a full disk leaves it when not even the prefix of a new file fits.
TEST_F(EncryptionTest, AFileShorterThanItsPrefixIsEmpty) {
  const auto key = EncryptionKey::read(options_.encryption_key_file, logger_);
  ASSERT_TRUE(key);
  const auto env = make_encrypted_env(*key, rocksdb::Env::Default());
  for (const size_t size : {0, 1, 1000, 4095}) {
    const std::string path = dir_.write("short", std::string(size, 'x'));
    uint64_t seen = 1;
    EXPECT_TRUE(env->GetFileSize(path, &seen).ok());
    EXPECT_EQ(seen, 0u);
    std::string text = "?";
    EXPECT_TRUE(rocksdb::ReadFileToString(env.get(), path, &text).ok());
    EXPECT_EQ(text, "");
  }
}

// The write-ahead log's last file, cut anywhere: it opens, with whole batches from the beginning on.
TEST_F(EncryptionTest, AWriteAheadLogCutShortLosesItsEndOnly) {
  open();
  fill(0, 30);
  drop();
  const std::string saved = dir_.file("saved");
  fs::copy(options_.path, saved, fs::copy_options::recursive);
  std::string log;
  for (const auto& file : fs::directory_iterator(options_.path + "/rocks")) {
    if (file.path().extension() == ".log") log = std::max(log, file.path().string());
  }
  const auto full = fs::file_size(log);
  ASSERT_GT(full, 4096u);
  for (const uint64_t keep :
       {uint64_t{0}, uint64_t{10}, uint64_t{4096}, uint64_t{4100}, full / 2, full - 200, full - 3}) {
    SCOPED_TRACE(keep);
    fs::remove_all(options_.path);
    fs::copy(saved, options_.path, fs::copy_options::recursive);
    fs::resize_file(log, keep);
    open();
    const Content content = read_all();
    if (keep + 100 > full) {
      EXPECT_EQ(content.size(), 20u);
    }
    for (const auto& [series, column] : content) {
      EXPECT_EQ(column.rbegin()->first, clock_.now_ms() + (static_cast<int64_t>(column.size()) - 1) * 1000);
    }
    fill(30, 31);
    EXPECT_EQ(read_all().size(), 20u);
    drop();
  }
}

}  // namespace
}  // namespace tidemark::storage
