// EncryptionKey: what encrypts a data directory, read from the operator's file, and the record by which a directory
// knows its key:
//
//   <path>/tidemark.encryption   "tidemark encryption 1 aes-256-ctr <64 hexadecimal digits>\n"
//
// The digits are HMAC-SHA256 of a fixed text under the key. They say whether a key is the right one and nothing else
// about it. The database's own key is another HMAC of the file's, so neither is ever the bytes of the file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "model/log.h"
#include "model/status.h"

namespace tidemark::storage {

inline constexpr size_t kEncryptionKeyBytes = 32;  // AES-256.

// Wiped when it goes. Never prints.
class EncryptionKey {
 public:
  using Bytes = std::array<uint8_t, kEncryptionKeyBytes>;

  // The file holds 32 raw bytes, or 64 hexadecimal digits and perhaps white space behind them. Warns when others than
  // its owner and group can read it.
  static Result<EncryptionKey> read(const std::string& file, Logger& logger);

  ~EncryptionKey();
  EncryptionKey(const EncryptionKey&) = default;
  EncryptionKey& operator=(const EncryptionKey&) = default;

  const Bytes& data_key() const { return data_key_; }
  const std::string& check() const { return check_; }  // For the record.

 private:
  explicit EncryptionKey(const Bytes& secret);

  Bytes data_key_;
  std::string check_;
};

inline constexpr char kEncryptionRecordName[] = "tidemark.encryption";

// Whether the directory was made with a key.
bool is_encrypted(const std::string& data_dir);

// Compares with the directory's record. `key` null: the directory must not be encrypted. In a directory without
// `database_exists` the record is written, so that what comes next is encrypted. `key_file` is for messages.
Status check_encryption(const std::string& data_dir, bool database_exists, const EncryptionKey* key,
                        const std::string& key_file);

}  // namespace tidemark::storage
