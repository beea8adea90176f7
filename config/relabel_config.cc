#include "config/relabel_config.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace tidemark::config {
namespace {

constexpr int64_t kRegexBytesMax = 8 << 20;

struct ActionName {
  std::string_view name;
  RelabelAction action;
};

constexpr std::array<ActionName, 11> kActions{{{"replace", RelabelAction::kReplace},
                                               {"keep", RelabelAction::kKeep},
                                               {"drop", RelabelAction::kDrop},
                                               {"keepequal", RelabelAction::kKeepEqual},
                                               {"dropequal", RelabelAction::kDropEqual},
                                               {"hashmod", RelabelAction::kHashMod},
                                               {"labelmap", RelabelAction::kLabelMap},
                                               {"labeldrop", RelabelAction::kLabelDrop},
                                               {"labelkeep", RelabelAction::kLabelKeep},
                                               {"lowercase", RelabelAction::kLowercase},
                                               {"uppercase", RelabelAction::kUppercase}}};

std::string_view action_name(RelabelAction action) {
  return std::find_if(kActions.begin(), kActions.end(), [&](const ActionName& a) { return a.action == action; })->name;
}

RelabelAction read_action(const YamlValue& value) {
  std::string name = value.string("replace");
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (const ActionName& known : kActions) {
    if (known.name == name) return known.action;
  }
  value.error(fmt::format("must be a relabelling action such as replace, keep or drop, got {}", quote_value(name)));
  return RelabelAction::kReplace;
}

std::shared_ptr<const re2::RE2> compile(const YamlValue& value, const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(kRegexBytesMax);
  auto regex = std::make_shared<const re2::RE2>(text, options);
  if (!regex->ok()) {
    value.error(fmt::format("is not a regular expression: {}", quote_value(regex->error())));
  }
  return regex;
}

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// A label name that may hold $1, $name or ${name}. Braces and "$" stand for nothing else.
bool is_name_template(std::string_view text) {
  if (text.empty()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' || text[i] == '}') return false;
    if (text[i] != '$') continue;
    size_t end = i + 1;
    const bool braces = end < text.size() && text[end] == '{';
    if (braces) ++end;
    const size_t begin = end;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end == begin) return false;
    if (braces && (end == text.size() || text[end++] != '}')) return false;
    i = end - 1;
  }
  return true;
}

// The rules that Prometheus applies to each action.
void check(const RelabelConfig& step, YamlMap& map) {
  using A = RelabelAction;
  const A action = step.action;
  const std::string_view name = action_name(action);
  const RelabelConfig defaults;
  if (action == A::kHashMod && step.modulus == 0) {
    map.error("action hashmod needs a \"modulus\" above 0");
  }
  const bool writes = action == A::kReplace || action == A::kHashMod || action == A::kLowercase ||
                      action == A::kUppercase || action == A::kKeepEqual || action == A::kDropEqual;
  if (writes && step.target_label.empty()) {
    map.error(fmt::format("action {} needs a \"target_label\"", name));
  } else if (action == A::kReplace && !is_name_template(step.target_label)) {
    map.get("target_label").error(fmt::format("must be a label name, got {}", quote_value(step.target_label)));
  }
  if (action == A::kLabelMap && !is_name_template(step.replacement)) {
    map.get("replacement")
        .error(fmt::format("must be a label name for action labelmap, got {}", quote_value(step.replacement)));
  }
  const auto refuse = [&](std::string_view key) {
    map.get(key).error(fmt::format("can not be set for action {}", name));
  };
  const bool equal = action == A::kKeepEqual || action == A::kDropEqual;
  const bool names = action == A::kLabelDrop || action == A::kLabelKeep;
  const bool letters = action == A::kLowercase || action == A::kUppercase;
  if ((equal || names || letters) && step.replacement != defaults.replacement) refuse("replacement");
  if ((equal || names) && step.separator != defaults.separator) refuse("separator");
  if ((equal || names) && step.modulus != defaults.modulus) refuse("modulus");
  if (equal && step.regex_text != defaults.regex_text) refuse("regex");
  if (names && !step.source_labels.empty()) refuse("source_labels");
  if (names && !step.target_label.empty()) refuse("target_label");
}

RelabelConfig read_step(const YamlValue& value) {
  YamlMap map = value.map();
  RelabelConfig step;
  step.source_labels = map.strings("source_labels");
  step.separator = map.string("separator", step.separator);
  const YamlValue regex = map.get("regex");
  step.regex_text = regex.string(step.regex_text);
  step.regex = compile(regex, step.regex_text);
  step.modulus = static_cast<uint64_t>(map.integer("modulus", 0));
  step.target_label = map.string("target_label");
  step.replacement = map.string("replacement", step.replacement);
  step.action = read_action(map.get("action"));
  if (map.present()) check(step, map);
  map.finish();
  return step;
}

}  // namespace

std::vector<RelabelConfig> read_relabel_configs(const YamlValue& list) {
  std::vector<RelabelConfig> steps;
  for (const YamlValue& item : list.items()) steps.push_back(read_step(item));
  return steps;
}

}  // namespace tidemark::config
