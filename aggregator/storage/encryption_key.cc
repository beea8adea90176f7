#include "aggregator/storage/encryption_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string_view>

#include "aggregator/storage/durable_file.h"

namespace tidemark::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRecordBegin = "tidemark encryption 1 aes-256-ctr ";
constexpr std::string_view kFlag = "--storage.encryption-key-file";
constexpr size_t kKeyFileBytesMax = 4096;

EncryptionKey::Bytes derive(const EncryptionKey::Bytes& secret, std::string_view purpose) {
  EncryptionKey::Bytes out{};
  unsigned size = out.size();
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const uint8_t*>(purpose.data()),
       purpose.size(), out.data(), &size);
  return out;
}

std::string to_hex(const EncryptionKey::Bytes& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const uint8_t byte : bytes) {
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool read_secret(std::string_view text, EncryptionKey::Bytes& secret) {
  if (text.size() == secret.size()) {
    std::copy(text.begin(), text.end(), secret.begin());
    return true;
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  if (text.size() != 2 * secret.size()) return false;
  for (size_t i = 0; i < secret.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    secret[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

std::string record_path(const std::string& data_dir) { return data_dir + "/" + kEncryptionRecordName; }

}  // namespace

EncryptionKey::EncryptionKey(const Bytes& secret)
    : data_key_(derive(secret, "tidemark data key 1")), check_(to_hex(derive(secret, "tidemark key check 1"))) {}

EncryptionKey::~EncryptionKey() { OPENSSL_cleanse(data_key_.data(), data_key_.size()); }

Result<EncryptionKey> EncryptionKey::read(const std::string& file, Logger& logger) {
  std::ifstream in(file, std::ios::binary);
  std::string text(kKeyFileBytesMax, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.is_open() || in.bad()) {
    return fail(Status::io("cannot read the encryption key " + file + " (" + std::string(kFlag) +
                           "): does it exist, and may the user tidemark runs as read it?"));
  }
  const auto size = static_cast<size_t>(in.gcount());
  Bytes secret{};
  const bool ok = read_secret(std::string_view(text).substr(0, size), secret);
  OPENSSL_cleanse(text.data(), text.size());
  if (!ok) {
    return fail(Status::invalid("encryption key " + file + " (" + std::string(kFlag) +
                                ") must be 32 bytes or 64 hexadecimal digits, the file has " + std::to_string(size) +
                                " bytes (make one with: openssl rand -hex 32 > FILE; chmod 600 FILE)"));
  }
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && (info.st_mode & S_IROTH) != 0) {
    logger.warn("every user of this host can read the encryption key: chmod o-rwx it", {{"file", file}});
  }
  EncryptionKey key(secret);
  OPENSSL_cleanse(secret.data(), secret.size());
  return key;
}

bool is_encrypted(const std::string& data_dir) {
  std::error_code error;
  return fs::exists(record_path(data_dir), error);
}

Status check_encryption(const std::string& data_dir, bool database_exists, const EncryptionKey* key,
                        const std::string& key_file) {
  const std::string record = record_path(data_dir);
  if (!is_encrypted(data_dir)) {
    if (key == nullptr) return {};
    if (database_exists) {
      return Status::invalid(data_dir + " is not encrypted, but a key is given: start without " + std::string(kFlag) +
                             ", or move the data into a new, encrypted directory with " +
                             "\"tidemark tsdb backup\" and \"tidemark tsdb restore " + std::string(kFlag) + "\"");
    }
    const Status written = write_durably(record, std::string(kRecordBegin) + key->check() + "\n");
    return written.ok() ? written : Status::io("cannot write " + record + ": " + written.message());
  }
  if (key == nullptr) {
    return Status::invalid(data_dir + " is encrypted: name the file of its key with " + std::string(kFlag));
  }
  std::ifstream in(record);
  std::string line;
  std::getline(in, line);
  if (!line.starts_with(kRecordBegin)) {
    return Status::corruption(record +
                              " does not read, or is of a newer version: restore the file from a backup of it");
  }
  const std::string_view check = std::string_view(line).substr(kRecordBegin.size());
  if (check.size() != key->check().size() || CRYPTO_memcmp(check.data(), key->check().data(), check.size()) != 0) {
    return Status::invalid("the key in " + key_file + " is not the one that " + data_dir +
                           " was encrypted with: name the right one with " + std::string(kFlag) +
                           " (without it the data cannot be read), or, if it is the right one, restore " + record +
                           " from a backup of it");
  }
  return {};
}

}  // namespace tidemark::storage
