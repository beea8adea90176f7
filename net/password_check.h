// PasswordCheck: HTTP basic authentication against bcrypt hashes, at a bounded cost.
//
// A comparison is meant to be slow (50 ms at cost 10), which makes guessing dear for the guesser and for us. So
//   - what was once found right or wrong is remembered (as a keyed SHA-256, the newest of each kind) and costs nothing,
//   - one comparison runs at a time, one more waits, and who comes then is told to come again,
//   - each peer address has a share: a few comparisons at once, then two a second (addresses share 64 such accounts).
// Wrong guesses never push out what was found right, so a scraper goes on undisturbed. An unknown user costs as much as
// a known one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::net {

struct BasicCredentials {
  std::string user;
  std::string password;
};

// From the value of an Authorization header; nothing when that is not Basic (RFC 7617).
std::optional<BasicCredentials> basic_credentials(std::string_view authorization);

// "" or what is wrong with a bcrypt hash ($2a$, $2b$ or $2y$, cost 4 to 18).
std::string check_bcrypt_hash(std::string_view hash);

class PasswordCheck {
 public:
  enum class Answer { kRight, kWrong, kBusy };

  // User to bcrypt hash. REQUIRES: check_bcrypt_hash of each is "".
  explicit PasswordCheck(std::map<std::string, std::string> hashes);
  ~PasswordCheck();
  PasswordCheck(const PasswordCheck&) = delete;
  PasswordCheck& operator=(const PasswordCheck&) = delete;

  // Thread-safe. `peer` is an address with or without its port.
  Answer check(const BasicCredentials& credentials, std::string_view peer);

 private:
  using Digest = std::array<unsigned char, 32>;
  static constexpr size_t kRemembered = 64;  // Of each kind.
  struct Memory {
    std::array<Digest, kRemembered> digests{};
    size_t count = 0;
    size_t next = 0;  // The oldest, once it is full.
    bool has(const Digest& digest) const;
    void add(const Digest& digest);
  };
  struct Account {
    double tokens = 0;
    int64_t at_ns = 0;
  };
  struct Scratch;

  Digest digest_of(const BasicCredentials& credentials, std::string_view hash) const;
  bool take_token(std::string_view peer);
  bool compare(const std::string& password, const std::string& hash);

  const std::map<std::string, std::string> hashes_;
  std::string nobodys_hash_;  // As dear as the others'; matches nothing.
  std::array<unsigned char, 32> key_;

  std::mutex mu_;  // Never held during a comparison.
  Memory right_;   // Guarded by mu_, as are the next three.
  Memory wrong_;
  std::array<Account, 64> accounts_;
  size_t comparing_ = 0;  // Running and waiting.

  std::mutex scratch_mu_;  // Held during a comparison.
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace tidemark::net
