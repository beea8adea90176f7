// EncryptedEnv: RocksDB's encrypting file system over AES-256 in counter mode. Each file begins with a prefix that
// holds a random counter start; block i of the file is XORed with AES(key, start + i). Names, sizes and times of files
// stay visible.
//
// Counter mode hides and does not authenticate: who can write the files can flip bits of the plain text. The checksums
// inside (RocksDB's blocks, our chunks and records) find accidents, not an attacker who knows the plain text.
#pragma once

#include <rocksdb/env.h>

#include <memory>

#include "aggregator/storage/encryption_key.h"

namespace tidemark::storage {

// Over the files of `base`, which outlives it; threads and time are the operating system's.
std::unique_ptr<rocksdb::Env> make_encrypted_env(const EncryptionKey& key, rocksdb::Env* base);

// What the files of `folder` (a data directory, or one of backups) are read and written through: null when `key_file`
// is
// "" and the folder is not encrypted. `in_use` says that there are files already; without them the folder becomes
// encrypted with the key. Fails as check_encryption() does. `base` null: the operating system's.
Result<std::unique_ptr<rocksdb::Env>> open_encryption(const std::string& folder, bool in_use,
                                                      const std::string& key_file, rocksdb::Env* base, Logger& logger);

}  // namespace tidemark::storage
