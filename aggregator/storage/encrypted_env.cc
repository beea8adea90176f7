#include "aggregator/storage/encrypted_env.h"

#include <openssl/evp.h>
#include <rocksdb/env_encryption.h>
#include <rocksdb/file_system.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>

namespace tidemark::storage {
namespace {

constexpr size_t kPrefixBytes = 4096;  // A page, so that the rest of the file stays aligned.
constexpr size_t kBlockBytes = 16;
constexpr size_t kCipherBytesMax = size_t{1} << 30;  // In one call; OpenSSL counts in int.

using Counter = std::array<uint8_t, kBlockBytes>;  // Big-endian.

Counter add(Counter counter, uint64_t blocks) {
  uint64_t carry = blocks;
  for (size_t i = counter.size(); i-- > 0 && carry != 0;) {
    carry += counter[i];
    counter[i] = static_cast<uint8_t>(carry);
    carry >>= 8;
  }
  return counter;
}

struct FreeCipher {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
};
struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};

// What all streams of an env share.
struct Cipher {
  explicit Cipher(const EncryptionKey& k) : key(k), aes(EVP_CIPHER_fetch(nullptr, "AES-256-CTR", nullptr)) {}

  const EncryptionKey key;
  const std::unique_ptr<EVP_CIPHER, FreeCipher> aes;  // Null when OpenSSL does not have it.
};

// One file's. Used by several threads at a time; a context a call costs less than a microsecond.
class CtrStream final : public rocksdb::BlockAccessCipherStream {
 public:
  CtrStream(std::shared_ptr<const Cipher> cipher, const Counter& start) : cipher_(std::move(cipher)), start_(start) {}

  size_t BlockSize() override { return kBlockBytes; }

  // To encrypt and to decrypt are the same.
  rocksdb::Status Encrypt(uint64_t offset, char* data, size_t size) override {
    const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> context(EVP_CIPHER_CTX_new());
    const Counter counter = add(start_, offset / kBlockBytes);
    if (!context || EVP_EncryptInit_ex2(context.get(), cipher_->aes.get(), cipher_->key.data_key().data(),
                                        counter.data(), nullptr) != 1) {
      return rocksdb::Status::IOError("OpenSSL does not start AES-256-CTR");
    }
    int done = 0;
    std::array<uint8_t, kBlockBytes> skipped{};
    const auto skip = static_cast<int>(offset % kBlockBytes);
    bool ok = EVP_EncryptUpdate(context.get(), skipped.data(), &done, skipped.data(), skip) == 1;
    auto* bytes = reinterpret_cast<uint8_t*>(data);
    for (size_t at = 0; ok && at < size;) {
      const size_t piece = std::min(size - at, kCipherBytesMax);
      ok = EVP_EncryptUpdate(context.get(), bytes + at, &done, bytes + at, static_cast<int>(piece)) == 1;
      at += piece;
    }
    return ok ? rocksdb::Status::OK() : rocksdb::Status::IOError("OpenSSL fails at AES-256-CTR");
  }
  rocksdb::Status Decrypt(uint64_t offset, char* data, size_t size) override { return Encrypt(offset, data, size); }

 protected:
  // The base would work block by block; the two above take whole ranges, so these are never called.
  void AllocateScratch(std::string& scratch) override { scratch.clear(); }
  rocksdb::Status EncryptBlock(uint64_t, char*, char*) override { return rocksdb::Status::NotSupported(); }
  rocksdb::Status DecryptBlock(uint64_t, char*, char*) override { return rocksdb::Status::NotSupported(); }

 private:
  const std::shared_ptr<const Cipher> cipher_;
  const Counter start_;
};

class CtrProvider final : public rocksdb::EncryptionProvider {
 public:
  explicit CtrProvider(std::shared_ptr<const Cipher> cipher) : cipher_(std::move(cipher)) {}

  const char* Name() const override { return "tidemark.AES-256-CTR"; }
  size_t GetPrefixLength() const override { return kPrefixBytes; }

  rocksdb::Status CreateNewPrefix(const std::string&, char* prefix, size_t size) const override {
    std::memset(prefix, 0, size);
    // The kernel's, not OpenSSL's: that keeps a generator for each thread, which RocksDB's threads never give back.
    if (size < kBlockBytes || getentropy(prefix, kBlockBytes) != 0) {
      return rocksdb::Status::IOError("the kernel gives no random bytes for a new file");
    }
    return rocksdb::Status::OK();
  }
  rocksdb::Status AddCipher(const std::string&, const char*, size_t, bool) override {
    return rocksdb::Status::NotSupported("the key comes from a file");
  }
  // A damaged prefix is not told from a right one: what decrypts to nonsense fails the checksums inside, whose readers
  // know what to do about it (the end of a log may be lost, a data file may not).
  rocksdb::Status CreateCipherStream(const std::string&, const rocksdb::EnvOptions&, rocksdb::Slice& prefix,
                                     std::unique_ptr<rocksdb::BlockAccessCipherStream>* stream) override {
    Counter start{};
    std::copy_n(prefix.data(), std::min(prefix.size(), start.size()), start.begin());
    *stream = std::make_unique<CtrStream>(cipher_, start);
    return rocksdb::Status::OK();
  }

 private:
  const std::shared_ptr<const Cipher> cipher_;
};

class EmptyFile final : public rocksdb::FSSequentialFile {
 public:
  rocksdb::IOStatus Read(size_t, const rocksdb::IOOptions&, rocksdb::Slice* result, char*,
                         rocksdb::IODebugContext*) override {
    *result = rocksdb::Slice();
    return rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus Skip(uint64_t) override { return rocksdb::IOStatus::OK(); }
};

// Beneath RocksDB's layer, which asserts that no file is shorter than its prefix. A full disk or a power cut leaves
// such files: they hold nothing, so they are shown as empty.
class WholePrefixes final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "tidemark.WholePrefixes"; }

  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options, uint64_t* size,
                                rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = FileSystemWrapper::GetFileSize(name, options, size, debug);
    if (status.ok() && *size < kPrefixBytes) *size = 0;
    return status;
  }
  rocksdb::IOStatus GetChildrenFileAttributes(const std::string& folder, const rocksdb::IOOptions& options,
                                              std::vector<rocksdb::FileAttributes>* files,
                                              rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = FileSystemWrapper::GetChildrenFileAttributes(folder, options, files, debug);
    for (rocksdb::FileAttributes& file : *files) {
      // The layer above takes the prefix off all of them.
      file.size_bytes = std::max<uint64_t>(file.size_bytes, kPrefixBytes);
    }
    return status;
  }
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      rocksdb::IODebugContext* debug) override {
    uint64_t size = 0;
    rocksdb::IOStatus status = GetFileSize(name, options.io_options, &size, debug);
    if (status.ok() && size == 0) {
      *file = std::make_unique<EmptyFile>();
      return status;
    }
    return FileSystemWrapper::NewSequentialFile(name, options, file, debug);
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_encrypted_env(const EncryptionKey& key, rocksdb::Env* base) {
  auto whole = std::make_shared<WholePrefixes>(base->GetFileSystem());
  auto provider = std::make_shared<CtrProvider>(std::make_shared<const Cipher>(key));
  return rocksdb::NewCompositeEnv(rocksdb::NewEncryptedFS(whole, provider));
}

Result<std::unique_ptr<rocksdb::Env>> open_encryption(const std::string& folder, bool in_use,
                                                      const std::string& key_file, rocksdb::Env* base, Logger& logger) {
  std::optional<EncryptionKey> key;
  if (!key_file.empty()) {
    Result<EncryptionKey> read = EncryptionKey::read(key_file, logger);
    if (!read) return fail(read.error());
    key = *read;
  }
  const Status status = check_encryption(folder, in_use, key ? &*key : nullptr, key_file);
  if (!status.ok()) return fail(status);
  if (!key) return nullptr;
  return make_encrypted_env(*key, base != nullptr ? base : rocksdb::Env::Default());
}

}  // namespace tidemark::storage
