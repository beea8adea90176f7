#include "alerting/template_functions.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "model/duration.h"
#include "model/group_reference.h"
#include "model/number.h"

namespace tidemark::alerting::template_detail {
namespace {

using Args = std::span<const Value>;
using Context = CallContext;

Result<Value> text_value(std::string text) { return Value(std::move(text)); }

Result<std::string> text_arg(const Value& value) {
  if (const auto* text = value.as<std::string>()) return *text;
  return fail(Status::invalid("expected string; found " + std::string(value.type())));
}

template <class F>
Result<Value> with_number(const Value& value, F f) {
  const auto v = value.number();
  if (!v) return fail(v.error());
  return f(*v);
}

template <class F>
Result<Value> with_text(const Value& value, F f) {
  const auto v = text_arg(value);
  if (!v) return fail(v.error());
  return f(*v);
}

std::string four_digits(double v, std::string_view unit = {}) {
  char text[40];
  const int n = std::snprintf(text, sizeof text, "%.4g", v);
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "+Inf" : "-Inf";
  return std::string(text, static_cast<size_t>(n)).append(unit);
}

// Scales a value below 1 up by thousands.
std::string small_units(double v, std::string_view suffix) {
  static constexpr std::string_view kUnits = "munpfazy";
  char unit = 0;
  for (const char c : kUnits) {
    if (std::abs(v) >= 1) break;
    unit = c;
    v *= 1000;
  }
  return four_digits(v, (unit != 0 ? std::string(1, unit) : std::string()).append(suffix));
}

Result<Value> humanize(Context&, Args args) {
  return with_number(args[0], [](double v) {
    if (v == 0 || !std::isfinite(v)) return text_value(four_digits(v));
    if (std::abs(v) < 1) return text_value(small_units(v, {}));
    std::string unit;
    for (const char c : std::string_view("kMGTPEZY")) {
      if (std::abs(v) < 1000) break;
      unit = c;
      v /= 1000;
    }
    return text_value(four_digits(v, unit));
  });
}

Result<Value> humanize_1024(Context&, Args args) {
  return with_number(args[0], [](double v) {
    if (std::abs(v) <= 1 || !std::isfinite(v)) return text_value(four_digits(v));
    std::string unit;
    for (const std::string_view next : {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"}) {
      if (std::abs(v) < 1024) break;
      unit = next;
      v /= 1024;
    }
    return text_value(four_digits(v, unit));
  });
}

Result<Value> humanize_duration(Context&, Args args) {
  return with_number(args[0], [](double v) {
    if (!std::isfinite(v)) return text_value(four_digits(v));
    if (v == 0) return text_value("0s");
    if (std::abs(v) < 1) return text_value(small_units(v, "s"));
    const std::string sign = v < 0 ? "-" : "";
    v = std::abs(v);
    if (v >= 9e18) return text_value(sign + four_digits(v, "s"));
    const auto whole = static_cast<int64_t>(v);
    const std::string seconds = std::to_string(whole % 60) + "s";
    const std::string minutes = std::to_string(whole / 60 % 60) + "m ";
    const std::string hours = std::to_string(whole / 3600 % 24) + "h ";
    if (whole >= 86400) return text_value(sign + std::to_string(whole / 86400) + "d " + hours + minutes + seconds);
    if (whole >= 3600) return text_value(sign + hours + minutes + seconds);
    if (whole >= 60) return text_value(sign + minutes + seconds);
    return text_value(sign + four_digits(v, "s"));
  });
}

Result<Value> humanize_percentage(Context&, Args args) {
  return with_number(args[0], [](double v) { return text_value(four_digits(v * 100, "%")); });
}

Result<int64_t> timestamp_ms(double seconds) {
  if (!(std::abs(seconds) * 1e9 < 9.2e18)) {
    return fail(Status::invalid(format_general_float(seconds) +
                                " cannot be represented as a nanoseconds timestamp since it overflows int64"));
  }
  return static_cast<int64_t>(std::floor(seconds * 1000 + 1e-6));
}

Result<Value> humanize_timestamp(Context&, Args args) {
  return with_number(args[0], [](double v) -> Result<Value> {
    if (!std::isfinite(v)) return text_value(four_digits(v));
    const auto ms = timestamp_ms(v);
    if (!ms) return fail(ms.error());
    return text_value(go_time(*ms));
  });
}

Result<Value> to_time(Context&, Args args) {
  return with_number(args[0], [](double v) -> Result<Value> {
    const auto ms = timestamp_ms(v);
    if (!ms) return fail(ms.error());
    return Value(Time{*ms});
  });
}

Result<Value> parse_duration(Context&, Args args) {
  return with_text(args[0], [](const std::string& text) -> Result<Value> {
    const bool negative = text.starts_with('-');
    const auto ms = parse_duration_ms(std::string_view(text).substr(negative ? 1 : 0));
    if (!ms) return fail(ms.error());
    const double seconds = static_cast<double>(*ms) / 1000;
    return Value(negative ? -seconds : seconds);
  });
}

Result<Value> now(Context& context, Args) { return Value(static_cast<double>(context.data.now_ms) / 1000); }

// Letters outside ASCII stay as they are.
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

Result<Value> to_upper(Context&, Args args) {
  return with_text(args[0], [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), upper);
    return text_value(std::move(text));
  });
}

Result<Value> to_lower(Context&, Args args) {
  return with_text(args[0], [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), lower);
    return text_value(std::move(text));
  });
}

Result<Value> title(Context&, Args args) {
  return with_text(args[0], [](std::string text) {
    bool begins = true;
    for (char& c : text) {
      if (begins) c = upper(c);
      begins = !(upper(c) >= 'A' && upper(c) <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '\'' && c >= 0;
    }
    return text_value(std::move(text));
  });
}

std::unique_ptr<re2::RE2> compile(const std::string& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(8 << 20);
  return std::make_unique<re2::RE2>(pattern, options);
}

Result<Value> match(Context&, Args args) {
  return with_text(args[0], [&](const std::string& pattern) {
    return with_text(args[1], [&](const std::string& text) -> Result<Value> {
      const auto regex = compile(pattern);
      if (!regex->ok()) return fail(Status::invalid(regex->error()));
      return Value(re2::RE2::PartialMatch(text, *regex));
    });
  });
}

// Go's replacement syntax: $1, $name, ${name}; $$ is a dollar. The longest name counts: $1x is the group "1x".
void append_replacement(std::string& out, std::string_view replacement, const re2::RE2& regex,
                        const std::vector<re2::StringPiece>& groups) {
  for (size_t i = 0; i < replacement.size();) {
    if (replacement[i] != '$' || i + 1 == replacement.size()) {
      out += replacement[i++];
      continue;
    }
    if (replacement[i + 1] == '$') {
      out += '$';
      i += 2;
      continue;
    }
    const auto reference = group_reference_at(replacement.substr(i + 1));
    if (!reference) {
      out += replacement[i++];
      continue;
    }
    size_t index = groups.size();
    if (reference->number >= 0) {
      index = static_cast<size_t>(reference->number);
    } else if (const auto found = regex.NamedCapturingGroups().find(std::string(reference->name));
               found != regex.NamedCapturingGroups().end()) {
      index = static_cast<size_t>(found->second);
    }
    if (index < groups.size())
      out.append(groups[index].data() != nullptr ? groups[index].data() : "", groups[index].size());
    i += 1 + reference->bytes;
  }
}

Result<Value> replace_all(const std::string& pattern, const std::string& replacement, const std::string& text) {
  const auto regex = compile(pattern);
  if (!regex->ok()) return fail(Status::invalid(regex->error()));
  std::vector<re2::StringPiece> groups(static_cast<size_t>(regex->NumberOfCapturingGroups()) + 1);
  std::string out;
  size_t at = 0;
  size_t copied = 0;
  bool after_match = false;
  while (at <= text.size() && out.size() <= kTemplateOutputMax) {
    if (!regex->Match(text, at, text.size(), re2::RE2::UNANCHORED, groups.data(), static_cast<int>(groups.size())))
      break;
    const auto begin = static_cast<size_t>(groups[0].data() - text.data());
    const size_t end = begin + groups[0].size();
    out.append(text, copied, begin - copied);
    // An empty match right behind another match is none, as in Go.
    if (!(groups[0].empty() && after_match && begin == copied)) append_replacement(out, replacement, *regex, groups);
    copied = end;
    after_match = true;
    at = end;
    if (groups[0].empty()) {
      ++at;
      while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) ++at;
      after_match = false;
    }
  }
  if (copied < text.size()) out.append(text, copied);
  return text_value(std::move(out));
}

Result<Value> re_replace_all(Context&, Args args) {
  return with_text(args[0], [&](const std::string& pattern) {
    return with_text(args[1], [&](const std::string& replacement) {
      return with_text(args[2], [&](const std::string& text) { return replace_all(pattern, replacement, text); });
    });
  });
}

Result<Value> strip_port(Context&, Args args) {
  return with_text(args[0], [](const std::string& text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos) return text_value(text);
    std::string host = text.substr(0, colon);
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
      return text_value(host.substr(1, host.size() - 2));
    return text_value(host.find(':') == std::string::npos ? host : text);
  });
}

Result<Value> strip_domain(Context&, Args args) {
  return with_text(args[0], [](const std::string& text) {
    const size_t colon = text.rfind(':');
    const std::string host = text.substr(0, colon);
    const std::string port = colon == std::string::npos ? "" : text.substr(colon);
    const bool address =
        host.find(':') != std::string::npos || host.find_first_not_of("0123456789.") == std::string::npos;
    return text_value((address ? host : host.substr(0, host.find('.'))) + port);
  });
}

// ---- Asking the store.

Result<Value> query(Context& context, Args args) {
  return with_text(args[0], [&](const std::string& expression) -> Result<Value> {
    if (context.data.query == nullptr) return fail(Status::execution("queries are not possible here"));
    if (++context.queries > kTemplateQueriesMax) return fail(Status::limit("too many queries in one template"));
    const auto answer = (*context.data.query)(expression, context.data.now_ms);
    if (!answer) return fail(answer.error());
    if (answer->type == promql::ResultType::kMatrix || answer->type == promql::ResultType::kString) {
      return fail(Status::execution("the query's result is neither a vector nor a scalar"));
    }
    auto list = std::make_shared<std::vector<Value>>();
    for (const promql::ResultSeries& series : answer->series) {
      const double value = series.samples.empty() ? 0 : series.samples[0].v;  // A histogram has none, as in Prometheus.
      list->emplace_back(std::make_shared<const QuerySample>(QuerySample{series.labels, value}));
    }
    return Value(Value::List(std::move(list)));
  });
}

Result<Value> first(Context&, Args args) {
  const auto* list = args[0].as<Value::List>();
  if (list == nullptr) return fail(Status::invalid("expected a query's result; found " + std::string(args[0].type())));
  if ((*list)->empty()) return fail(Status::execution("first() called on vector with no elements"));
  return (**list)[0];
}

Result<Value::Sample> sample_arg(const Value& value) {
  if (const auto* sample = value.as<Value::Sample>()) return *sample;
  return fail(Status::invalid("expected a sample; found " + std::string(value.type())));
}

Result<Value> value_of(Context&, Args args) {
  const auto sample = sample_arg(args[0]);
  if (!sample) return fail(sample.error());
  return Value((*sample)->value);
}

Result<Value> label(Context&, Args args) {
  return with_text(args[0], [&](const std::string& name) -> Result<Value> {
    const auto sample = sample_arg(args[1]);
    if (!sample) return fail(sample.error());
    return text_value(std::string((*sample)->labels.get(name)));
  });
}

Result<Value> sort_by_label(Context&, Args args) {
  return with_text(args[0], [&](const std::string& name) -> Result<Value> {
    const auto* list = args[1].as<Value::List>();
    if (list == nullptr) return fail(Status::invalid("expected a query's result"));
    auto sorted = std::make_shared<std::vector<Value>>(**list);
    const auto key = [&](const Value& v) {
      const auto* sample = v.as<Value::Sample>();
      return sample != nullptr ? (*sample)->labels.get(name) : std::string_view();
    };
    std::stable_sort(sorted->begin(), sorted->end(), [&](const Value& a, const Value& b) { return key(a) < key(b); });
    return Value(Value::List(std::move(sorted)));
  });
}

// ---- Go's own.

Result<Value> print(Context&, Args args) {
  std::string out;
  for (size_t i = 0; i < args.size(); ++i) {
    // Sprint puts a space between two operands when neither is a string.
    if (i > 0 && args[i].as<std::string>() == nullptr && args[i - 1].as<std::string>() == nullptr) out += ' ';
    out += args[i].text();
  }
  return text_value(std::move(out));
}

Result<Value> println(Context&, Args args) {
  std::string out;
  for (size_t i = 0; i < args.size(); ++i) out.append(i > 0 ? " " : "").append(args[i].text());
  return text_value(out + "\n");
}

Result<Value> printf(Context&, Args args) {
  return with_text(args[0], [&](const std::string& format) { return text_value(go_sprintf(format, args.subspan(1))); });
}

Result<Value> len(Context&, Args args) {
  if (const auto* v = args[0].as<std::string>()) return Value(static_cast<int64_t>(v->size()));
  if (const auto* v = args[0].as<Value::List>()) return Value(static_cast<int64_t>((*v)->size()));
  if (const auto* v = args[0].as<Value::LabelMap>()) return Value(static_cast<int64_t>((*v)->size()));
  return fail(Status::invalid("len of type " + std::string(args[0].type())));
}

Result<Value> index(Context&, Args args) {
  if (const auto* map = args[0].as<Value::LabelMap>()) {
    return with_text(args[1], [&](const std::string& name) { return text_value(std::string((*map)->get(name))); });
  }
  const auto* list = args[0].as<Value::List>();
  const auto* at = args[1].as<int64_t>();
  if (list == nullptr || at == nullptr)
    return fail(Status::invalid("can't index item of type " + std::string(args[0].type())));
  if (*at < 0 || static_cast<size_t>(*at) >= (*list)->size()) {
    return fail(Status::execution("index out of range: " + std::to_string(*at)));
  }
  return (**list)[static_cast<size_t>(*at)];
}

Result<Value> logical_not(Context&, Args args) { return Value(!args[0].truth()); }

Result<Value> logical_and(Context&, Args args) {
  for (const Value& value : args) {
    if (!value.truth()) return value;
  }
  return args.back();
}

Result<Value> logical_or(Context&, Args args) {
  for (const Value& value : args) {
    if (value.truth()) return value;
  }
  return args.back();
}

bool is_number(const Value& v) { return v.as<double>() != nullptr || v.as<int64_t>() != nullptr; }

enum class Order { kLess, kEqual, kGreater, kNone };

// Whole numbers compare with floats, which Go refuses: {{ if gt $value 0 }} is what people write.
Result<Order> order_of(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) {
    const double x = a.number().value_or(0);
    const double y = b.number().value_or(0);
    return x < y ? Order::kLess : x > y ? Order::kGreater : x == y ? Order::kEqual : Order::kNone;
  }
  const auto* s = a.as<std::string>();
  const auto* t = b.as<std::string>();
  if (s != nullptr && t != nullptr) return *s < *t ? Order::kLess : *s > *t ? Order::kGreater : Order::kEqual;
  const auto* p = a.as<bool>();
  const auto* q = b.as<bool>();
  if (p != nullptr && q != nullptr) return *p == *q ? Order::kEqual : Order::kNone;
  return fail(Status::invalid("incompatible types for comparison"));
}

Result<Value> eq(Context&, Args args) {
  for (const Value& other : args.subspan(1)) {
    const auto order = order_of(args[0], other);
    if (!order) return fail(order.error());
    if (*order == Order::kEqual) return Value(true);
  }
  return Value(false);
}

template <bool less, bool equal, bool greater, bool none = false>
Result<Value> compare(Context&, Args args) {
  const auto order = order_of(args[0], args[1]);
  if (!order) return fail(order.error());
  static constexpr bool kAnswers[] = {less, equal, greater, none};  // In the order of Order.
  return Value(kAnswers[static_cast<size_t>(*order)]);
}

Result<Value> url_query(Context&, Args args) {
  std::string out;
  for (const char c : args[0].text()) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 ||
        std::string_view("-_.~").find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      char hex[4];
      std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned char>(c));
      out += hex;
    }
  }
  return text_value(std::move(out));
}

Result<Value> safe_html(Context&, Args args) { return text_value(args[0].text()); }

Result<Value> external_url(Context& context, Args) { return text_value(std::string(context.data.external_url)); }

constexpr Function kFunctions[] = {
    {"and", 1, kTemplateArgsMax, logical_and},
    {"eq", 2, kTemplateArgsMax, eq},
    {"externalURL", 0, 0, external_url},
    {"first", 1, 1, first},
    {"ge", 2, 2, compare<false, true, true>},
    {"gt", 2, 2, compare<false, false, true>},
    {"humanize", 1, 1, humanize},
    {"humanize1024", 1, 1, humanize_1024},
    {"humanizeDuration", 1, 1, humanize_duration},
    {"humanizePercentage", 1, 1, humanize_percentage},
    {"humanizeTimestamp", 1, 1, humanize_timestamp},
    {"index", 2, 2, index},
    {"label", 2, 2, label},
    {"le", 2, 2, compare<true, true, false>},
    {"len", 1, 1, len},
    {"lt", 2, 2, compare<true, false, false>},
    {"match", 2, 2, match},
    {"ne", 2, 2, compare<true, false, true, true>},
    {"not", 1, 1, logical_not},
    {"now", 0, 0, now},
    {"or", 1, kTemplateArgsMax, logical_or},
    {"parseDuration", 1, 1, parse_duration},
    {"print", 0, kTemplateArgsMax, print},
    {"printf", 1, kTemplateArgsMax, printf},
    {"println", 0, kTemplateArgsMax, println},
    {"query", 1, 1, query},
    {"reReplaceAll", 3, 3, re_replace_all},
    {"safeHtml", 1, 1, safe_html},
    {"sortByLabel", 2, 2, sort_by_label},
    {"stripDomain", 1, 1, strip_domain},
    {"stripPort", 1, 1, strip_port},
    {"title", 1, 1, title},
    {"toLower", 1, 1, to_lower},
    {"toTime", 1, 1, to_time},
    {"toUpper", 1, 1, to_upper},
    {"urlquery", 1, 1, url_query},
    {"value", 1, 1, value_of},
};

}  // namespace

const Function* find_function(std::string_view name) {
  for (const Function& function : kFunctions) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace tidemark::alerting::template_detail
