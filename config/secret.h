// Secret: a password or token from a configuration file. It never prints: whoever needs the text says reveal().
#pragma once

#include <ostream>
#include <string>
#include <utility>

namespace tidemark::config {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  // The text itself, for a request header. Never for a log line, an error or a page.
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

  // What Prometheus shows in its place.
  friend std::ostream& operator<<(std::ostream& out, const Secret& secret) {
    return out << (secret.empty() ? "" : "<secret>");
  }

 private:
  std::string text_;
};

}  // namespace tidemark::config
