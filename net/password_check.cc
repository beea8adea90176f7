#include "net/password_check.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cctype>
#include <functional>

#include "net/monotonic.h"
#include "net/percent.h"

namespace tidemark::net {

namespace {

constexpr size_t kComparingMax = 2;  // One runs, one waits.
constexpr double kTokensMax = 8;
constexpr double kTokensPerSecond = 2;
constexpr size_t kHeaderBytesMax = 1 << 10;
constexpr size_t kHashBytes = 60;
constexpr int kCostMax = 18;  // 13 s; nobody waits longer for a page.

int cost_of(std::string_view hash) { return (hash[4] - '0') * 10 + (hash[5] - '0'); }

std::string base64_decoded(std::string_view text) {
  std::string out;
  uint32_t bits = 0;
  int held = 0;
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  for (const char c : text) {
    uint32_t v = 0;
    if (c >= 'A' && c <= 'Z') {
      v = static_cast<uint32_t>(c - 'A');
    } else if (c >= 'a' && c <= 'z') {
      v = static_cast<uint32_t>(c - 'a') + 26;
    } else if (c >= '0' && c <= '9') {
      v = static_cast<uint32_t>(c - '0') + 52;
    } else if (c == '+' || c == '/') {
      v = c == '+' ? 62 : 63;
    } else {
      return {};
    }
    bits = bits << 6 | v;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xff);
  }
  return out;
}

}  // namespace

struct PasswordCheck::Scratch {
  crypt_data data{};  // 32 kB.
};

std::optional<BasicCredentials> basic_credentials(std::string_view authorization) {
  constexpr std::string_view kScheme = "basic ";
  if (authorization.size() <= kScheme.size() || authorization.size() > kHeaderBytesMax) return std::nullopt;
  if (!equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const std::string pair = base64_decoded(authorization.substr(kScheme.size()));
  const size_t colon = pair.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return BasicCredentials{pair.substr(0, colon), pair.substr(colon + 1)};
}

std::string check_bcrypt_hash(std::string_view hash) {
  const bool form = hash.size() == kHashBytes && hash.starts_with("$2") &&
                    (hash[2] == 'a' || hash[2] == 'b' || hash[2] == 'y') && hash[3] == '$' && hash[6] == '$' &&
                    std::isdigit(static_cast<unsigned char>(hash[4])) != 0 &&
                    std::isdigit(static_cast<unsigned char>(hash[5])) != 0;
  if (!form) return "must be a bcrypt hash: make one with \"htpasswd -nBC 10 USER\"";
  if (cost_of(hash) < 4 || cost_of(hash) > kCostMax) return "has a bcrypt cost outside 4 to 18";
  return {};
}

PasswordCheck::PasswordCheck(std::map<std::string, std::string> hashes)
    : hashes_(std::move(hashes)), scratch_(std::make_unique<Scratch>()) {
  RAND_bytes(key_.data(), static_cast<int>(key_.size()));
  nobodys_hash_ = "$2b$10$";
  if (!hashes_.empty()) nobodys_hash_ = hashes_.begin()->second.substr(0, 7);
  nobodys_hash_.resize(kHashBytes, '.');
  for (Account& account : accounts_) account = {kTokensMax, monotonic_ns()};
}

PasswordCheck::~PasswordCheck() = default;

bool PasswordCheck::Memory::has(const Digest& digest) const {
  return std::find(digests.begin(), digests.begin() + static_cast<ptrdiff_t>(count), digest) !=
         digests.begin() + static_cast<ptrdiff_t>(count);
}

void PasswordCheck::Memory::add(const Digest& digest) {
  digests[next] = digest;
  next = (next + 1) % kRemembered;
  count = std::min(count + 1, kRemembered);
}

PasswordCheck::Digest PasswordCheck::digest_of(const BasicCredentials& credentials, std::string_view hash) const {
  std::string text(reinterpret_cast<const char*>(key_.data()), key_.size());
  text.append(credentials.user).append(1, '\0').append(hash).append(1, '\0').append(credentials.password);
  Digest digest;
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  OPENSSL_cleanse(text.data(), text.size());
  return digest;
}

bool PasswordCheck::take_token(std::string_view peer) {
  const std::string_view host = peer.substr(0, peer.rfind(':'));
  // The key keeps others from choosing whose account they use up.
  const size_t slot = std::hash<std::string_view>()(host) ^ key_[0] ^ static_cast<size_t>(key_[1]) << 3;
  Account& account = accounts_[slot % accounts_.size()];
  const int64_t now_ns = monotonic_ns();
  account.tokens =
      std::min(kTokensMax, account.tokens + static_cast<double>(now_ns - account.at_ns) / 1e9 * kTokensPerSecond);
  account.at_ns = now_ns;
  if (account.tokens < 1) return false;
  account.tokens -= 1;
  return true;
}

bool PasswordCheck::compare(const std::string& password, const std::string& hash) {
  const std::lock_guard lock(scratch_mu_);
  const char* made = ::crypt_r(password.c_str(), hash.c_str(), &scratch_->data);
  const std::string_view result = made != nullptr ? made : "";
  return result.size() == hash.size() && CRYPTO_memcmp(result.data(), hash.data(), hash.size()) == 0;
}

PasswordCheck::Answer PasswordCheck::check(const BasicCredentials& credentials, std::string_view peer) {
  const auto user = hashes_.find(credentials.user);
  const std::string& hash = user != hashes_.end() ? user->second : nobodys_hash_;
  const Digest digest = digest_of(credentials, hash);
  {
    const std::lock_guard lock(mu_);
    if (right_.has(digest)) return Answer::kRight;
    if (wrong_.has(digest)) return Answer::kWrong;
    if (comparing_ >= kComparingMax || !take_token(peer)) return Answer::kBusy;
    ++comparing_;
  }
  // bcrypt ends at a NUL byte: what follows would not count.
  const bool whole = credentials.password.find('\0') == std::string::npos;
  const bool right = compare(credentials.password, hash) && whole && user != hashes_.end();
  const std::lock_guard lock(mu_);
  --comparing_;
  (right ? right_ : wrong_).add(digest);
  return right ? Answer::kRight : Answer::kWrong;
}

}  // namespace tidemark::net
