// Matcher: one condition on one label, as in {job="node", instance=~"web-.*"}.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/status.h"

namespace re2 {
class RE2;
}

namespace tidemark {

enum class MatchOp { kEqual, kNotEqual, kRegex, kNotRegex };

std::string_view match_op_text(MatchOp op);  // "=" "!=" "=~" "!~"

// Immutable and thread-safe; copies share the compiled expression. An absent label is matched as "".
class Matcher {
 public:
  // Fails on a regular expression that RE2 refuses, or whose program would take more than 8 MB.
  // Expressions are anchored at both ends and "." matches a newline, as in Prometheus.
  static Result<Matcher> make(MatchOp op, std::string_view name, std::string_view value);
  static Matcher equal(std::string_view name, std::string_view value);

  bool matches(std::string_view value) const;
  bool matches_labels(LabelsView labels) const { return matches(labels.get(name_)); }
  bool matches_empty() const { return matches_empty_; }

  MatchOp op() const { return op_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  bool is_negative() const { return op_ == MatchOp::kNotEqual || op_ == MatchOp::kNotRegex; }

  // For a regular expression that is nothing but alternatives of literal text (a|b|c): those, sorted, unique. They
  // answer it without running it. Empty when it is not of that kind.
  const std::vector<std::string>& literals() const { return literals_; }
  // Literal text that every match of the regular expression begins with; "" when there is none.
  const std::string& prefix() const { return prefix_; }

  std::string to_string() const;  // job="node"
  bool operator==(const Matcher& other) const {
    return op_ == other.op_ && name_ == other.name_ && value_ == other.value_;
  }

 private:
  Matcher(MatchOp op, std::string_view name, std::string_view value) : op_(op), name_(name), value_(value) {}

  MatchOp op_;
  bool matches_empty_ = false;
  std::string name_;
  std::string value_;
  std::vector<std::string> literals_;
  std::string prefix_;
  std::shared_ptr<const re2::RE2> regex_;  // Only for expressions that literals_ does not answer.
};

bool matches_all(const std::vector<Matcher>& matchers, LabelsView labels);

}  // namespace tidemark
