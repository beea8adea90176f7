#include "alerting/template_value.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "model/number.h"

namespace tidemark::alerting::template_detail {
namespace {

template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;

std::string map_text(LabelsView labels) {
  std::string out = "map[";
  for (const LabelView& label : labels) {
    if (out.size() > 4) out += ' ';
    out.append(label.name).append(":").append(label.value);
  }
  return out + ']';
}

}  // namespace

Value::Value() = default;
Value::Value(const Value&) = default;
Value::Value(Value&&) noexcept = default;
Value& Value::operator=(const Value&) = default;
Value& Value::operator=(Value&&) noexcept = default;
Value::~Value() = default;

bool Value::truth() const {
  return std::visit(Overload{[](const Nil&) { return false; }, [](const Root&) { return true; },
                             [](bool v) { return v; }, [](int64_t v) { return v != 0; },
                             [](double v) { return v != 0; }, [](const std::string& v) { return !v.empty(); },
                             [](const LabelMap& v) { return !v->empty(); }, [](const Sample&) { return true; },
                             [](const List& v) { return !v->empty(); }, [](const Time&) { return true; }},
                    v_);
}

std::string_view Value::type() const {
  static constexpr std::string_view kNames[] = {
      "<nil>", "struct", "bool", "int", "float64", "string", "map[string]string", "*sample", "[]*sample", "time.Time"};
  return kNames[v_.index()];
}

std::string Value::text() const {
  return std::visit(
      Overload{[](const Nil&) { return std::string("<no value>"); }, [](const Root&) { return std::string("{}"); },
               [](bool v) { return std::string(v ? "true" : "false"); }, [](int64_t v) { return std::to_string(v); },
               [](double v) { return format_general_float(v); }, [](const std::string& v) { return v; },
               [](const LabelMap& v) { return map_text(*v); },
               [](const Sample& v) { return "{" + map_text(v->labels) + " " + format_general_float(v->value) + "}"; },
               [](const List& v) {
                 std::string out = "[";
                 for (const Value& item : *v) {
                   if (out.size() > 1) out += ' ';
                   out += item.text();
                 }
                 return out + ']';
               },
               [](const Time& v) { return go_time(v.ms); }},
      v_);
}

Result<double> Value::number() const {
  if (const auto* v = as<double>()) return *v;
  if (const auto* v = as<int64_t>()) return static_cast<double>(*v);
  if (const auto* v = as<std::string>()) {
    const auto parsed = parse_float(*v);
    if (parsed) return *parsed;
    return fail(Status::invalid("parsing " + quote(*v) + ": invalid syntax"));
  }
  return fail(Status::invalid("can't convert " + std::string(type()) + " to float"));
}

std::string go_time(int64_t ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> t{milliseconds(ms)};
  const auto day = floor<days>(t);
  const year_month_day date(day);
  const hh_mm_ss<milliseconds> clock(t - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string out = text;
  if (const auto rest = clock.subseconds().count(); rest != 0) {
    std::snprintf(text, sizeof text, ".%03d", static_cast<int>(rest));
    std::string fraction = text;
    fraction.erase(fraction.find_last_not_of('0') + 1);
    out += fraction;
  }
  return out + " +0000 UTC";
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          char hex[8];
          std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
          out += hex;
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

}  // namespace tidemark::alerting::template_detail
