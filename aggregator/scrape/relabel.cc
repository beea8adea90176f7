#include "aggregator/scrape/relabel.h"

#include <locale.h>
#include <openssl/evp.h>
#include <re2/re2.h>
#include <wctype.h>

#include <algorithm>
#include <cstdint>

#include "model/group_reference.h"
#include "model/utf8.h"

namespace tidemark::scrape {

using config::RelabelAction;

namespace {

using Groups = std::vector<std::string_view>;
using GroupNames = std::map<int, std::string>;

std::string_view group_text(const GroupReference& reference, const Groups& groups, const GroupNames& names) {
  if (const int number = reference.number; number >= 0) {
    return static_cast<size_t>(number) < groups.size() ? groups[number] : std::string_view();
  }
  for (size_t i = 0; i < groups.size(); ++i) {
    const auto at = names.find(static_cast<int>(i));
    if (at != names.end() && at->second == reference.name && groups[i].data() != nullptr) return groups[i];
  }
  return {};
}

// The groups that matched when the whole of `text` matches; empty when it does not.
Groups match(const RE2& regex, std::string_view text) {
  std::vector<re2::StringPiece> pieces(1 + regex.NumberOfCapturingGroups());
  if (!regex.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::ANCHOR_BOTH, pieces.data(),
                   static_cast<int>(pieces.size()))) {
    return {};
  }
  Groups groups;
  groups.reserve(pieces.size());
  for (const re2::StringPiece& piece : pieces) groups.emplace_back(piece.data(), piece.size());
  return groups;
}

bool matches(const RE2& regex, std::string_view text) {
  return regex.Match(re2::StringPiece(text.data(), text.size()), 0, text.size(), RE2::ANCHOR_BOTH, nullptr, 0);
}

std::string joined_values(const config::RelabelConfig& rule, const LabelsBuilder& labels) {
  std::string out;
  for (size_t i = 0; i < rule.source_labels.size(); ++i) {
    if (i > 0) out += rule.separator;
    out += labels.get(rule.source_labels[i]);
  }
  return out;
}

// As Prometheus computes it: the last eight bytes of the MD5 sum, most significant first.
uint64_t hash_modulus(std::string_view text, uint64_t modulus) {
  unsigned char sum[EVP_MAX_MD_SIZE] = {};
  unsigned int bytes = 0;
  EVP_Digest(text.data(), text.size(), sum, &bytes, EVP_md5(), nullptr);
  uint64_t tail = 0;
  for (size_t i = 8; i < 16; ++i) tail = tail << 8 | sum[i];
  return tail % modulus;
}

void append_utf8(std::string& out, wint_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xe0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3f)),
            static_cast<char>(0x80 | (c & 0x3f))};
  } else {
    out += {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3f)),
            static_cast<char>(0x80 | (c >> 6 & 0x3f)), static_cast<char>(0x80 | (c & 0x3f))};
  }
}

// Case is mapped for all of Unicode, like Go's strings.ToLower; bytes that are not UTF-8 stay.
std::string map_case(std::string_view text, bool upper) {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);  // In glibc itself: cannot fail there.
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t bytes = utf8_sequence_length(text.substr(i));
    if (bytes == 0) {
      out += text[i++];
      continue;
    }
    const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[i + k]); };
    wint_t c = bytes == 1 ? byte(0) : byte(0) & (0x7f >> bytes);
    for (size_t k = 1; k < bytes; ++k) c = c << 6 | (byte(k) & 0x3f);
    append_utf8(out, upper ? towupper_l(c, locale) : towlower_l(c, locale));
    i += bytes;
  }
  return out;
}

void replace(const config::RelabelConfig& rule, LabelsBuilder& labels) {
  const std::string text = joined_values(rule, labels);
  const Groups groups = match(*rule.regex, text);
  if (groups.empty()) return;
  const GroupNames& names = rule.regex->CapturingGroupNames();
  const std::string target = expand_template(rule.target_label, groups, names);
  if (target.empty() || !is_valid_utf8(target)) return;
  labels.set(target, expand_template(rule.replacement, groups, names));
}

void map_labels(const config::RelabelConfig& rule, LabelsBuilder& labels) {
  const auto before = labels.pairs();  // Each label is looked at once, as it was before this rule.
  for (const auto& [name, value] : before) {
    const Groups groups = match(*rule.regex, name);
    if (groups.empty()) continue;
    const std::string target = expand_template(rule.replacement, groups, rule.regex->CapturingGroupNames());
    if (!target.empty()) labels.set(target, value);
  }
}

void erase_labels(const RE2& regex, bool matching, LabelsBuilder& labels) {
  const auto before = labels.pairs();
  for (const auto& pair : before) {
    if (matches(regex, pair.first) == matching) labels.erase(pair.first);
  }
}

bool apply_rule(const config::RelabelConfig& rule, LabelsBuilder& labels) {
  switch (rule.action) {
    case RelabelAction::kReplace:
      replace(rule, labels);
      return true;
    case RelabelAction::kKeep:
      return matches(*rule.regex, joined_values(rule, labels));
    case RelabelAction::kDrop:
      return !matches(*rule.regex, joined_values(rule, labels));
    case RelabelAction::kKeepEqual:
      return labels.get(rule.target_label) == joined_values(rule, labels);
    case RelabelAction::kDropEqual:
      return labels.get(rule.target_label) != joined_values(rule, labels);
    case RelabelAction::kHashMod:
      labels.set(rule.target_label, std::to_string(hash_modulus(joined_values(rule, labels), rule.modulus)));
      return true;
    case RelabelAction::kLowercase:
    case RelabelAction::kUppercase:
      labels.set(rule.target_label, map_case(joined_values(rule, labels), rule.action == RelabelAction::kUppercase));
      return true;
    case RelabelAction::kLabelMap:
      map_labels(rule, labels);
      return true;
    case RelabelAction::kLabelDrop:
      erase_labels(*rule.regex, true, labels);
      return true;
    case RelabelAction::kLabelKeep:
      erase_labels(*rule.regex, false, labels);
      return true;
  }
  return true;
}

}  // namespace

std::string expand_template(std::string_view text, const Groups& groups, const GroupNames& names) {
  std::string out;
  while (true) {
    const size_t dollar = text.find('$');
    out += text.substr(0, dollar);
    if (dollar == std::string_view::npos) return out;
    text.remove_prefix(dollar + 1);
    if (text.starts_with('$')) {
      out += '$';
      text.remove_prefix(1);
      continue;
    }
    const auto reference = group_reference_at(text);
    if (!reference) {
      out += '$';
      continue;
    }
    out += group_text(*reference, groups, names);
    text.remove_prefix(reference->bytes);
  }
}

bool relabel(const std::vector<config::RelabelConfig>& rules, LabelsBuilder& labels) {
  return std::all_of(rules.begin(), rules.end(), [&](const auto& rule) { return apply_rule(rule, labels); });
}

}  // namespace tidemark::scrape
