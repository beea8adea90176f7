// Values that a template computes with, and how Go's fmt package prints them. Private to alerting/.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/labels.h"
#include "model/status.h"

namespace tidemark::alerting::template_detail {

class Value;

struct Nil {};
struct Root {};  // The outermost dot: its fields come from TemplateData.
struct QuerySample {
  Labels labels;
  double value = 0;
};
struct Time {
  int64_t ms = 0;
};

class Value {
 public:
  using LabelMap = std::shared_ptr<const Labels>;
  using Sample = std::shared_ptr<const QuerySample>;
  using List = std::shared_ptr<const std::vector<Value>>;

  // Not inline: the variant's copies are large, and g++ 12 sees uninitialised members in them that are not there.
  Value();
  Value(const Value&);
  Value(Value&&) noexcept;
  Value& operator=(const Value&);
  Value& operator=(Value&&) noexcept;
  ~Value();
  template <class T>
  explicit Value(T v) : v_(std::move(v)) {}

  template <class T>
  const T* as() const {
    return std::get_if<T>(&v_);
  }
  bool truth() const;             // Go's: empty, zero and nil are false.
  std::string_view type() const;  // As Go's %T: "float64", "string".
  std::string text() const;       // As Go's %v.
  Result<double> number() const;  // A number, or text that is one: what Prometheus' humanize functions accept.

 private:
  std::variant<Nil, Root, bool, int64_t, double, std::string, LabelMap, Sample, List, Time> v_;
};

std::string go_time(int64_t ms);  // "2023-11-14 22:13:20 +0000 UTC"
std::string quote(std::string_view text);

// Go's Sprintf for the verbs v s q d f F e E g G x X t c and %%, with flags, width and precision. Mistakes show in the
// text as there: "%!d(float64=1.5)", "%!s(MISSING)", "%!(EXTRA int=3)".
std::string go_sprintf(std::string_view format, std::span<const Value> args);

}  // namespace tidemark::alerting::template_detail
