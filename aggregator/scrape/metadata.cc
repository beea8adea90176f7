#include "aggregator/scrape/metadata.h"

#include <xxhash.h>

#include <map>

#include "model/exposition_parser.h"

namespace tidemark::scrape {
namespace {

constexpr size_t kPurgeFrom = 64;

std::vector<MetricMetadata> read(std::string_view page, size_t metrics_max) {
  std::map<std::string, MetricMetadata, std::less<>> by_metric;
  ExpositionParser parser(page);
  while (true) {
    const ExpositionParser::Entry entry = parser.next();
    if (entry == ExpositionParser::Entry::kEnd || entry == ExpositionParser::Entry::kError) break;
    const bool is_type = entry == ExpositionParser::Entry::kType;
    if (!is_type && entry != ExpositionParser::Entry::kHelp && entry != ExpositionParser::Entry::kUnit) continue;
    auto at = by_metric.find(parser.family());
    if (at == by_metric.end()) {
      if (by_metric.size() >= metrics_max) continue;
      at = by_metric.emplace(parser.family(), MetricMetadata{std::string(parser.family()), {}, {}, {}}).first;
    }
    if (is_type) {
      at->second.type = parser.type();
    } else {
      (entry == ExpositionParser::Entry::kHelp ? at->second.help : at->second.unit) = parser.text();
    }
  }
  std::vector<MetricMetadata> out;
  out.reserve(by_metric.size());
  for (auto& [metric, metadata] : by_metric) out.push_back(std::move(metadata));
  return out;
}

}  // namespace

void MetadataHash::add(std::string_view family, std::string_view text) {
  value_ = XXH3_64bits_withSeed(family.data(), family.size(), value_);
  value_ = XXH3_64bits_withSeed(text.data(), text.size(), value_ ^ family.size());
}

MetadataList MetadataPool::get(std::string_view page, uint64_t hash, size_t metrics_max) {
  const MutexLock lock(mu_);
  auto& known = lists_[hash];
  if (MetadataList list = known.lock()) return list;
  auto list = std::make_shared<const std::vector<MetricMetadata>>(read(page, metrics_max));
  known = list;
  if (lists_.size() > kPurgeFrom) {
    std::erase_if(lists_, [](const auto& entry) { return entry.second.expired(); });
  }
  return list;
}

}  // namespace tidemark::scrape
