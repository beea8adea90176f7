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

}  // namespace tidemark::storage
