#include "exporter/family.h"

#include <algorithm>

namespace tidemark::exporter {
namespace {

// A default page has some 20 kB of names and HELP.
constexpr size_t kBlockBytes = 32 << 10;
// Below this nothing is given back: it is what a small host needs anyway.
constexpr size_t kShrinkSamplesMin = 4'096;
constexpr size_t kShrinkBlocksMin = 8;

}  // namespace

std::string_view part_suffix(SamplePart part) {
  switch (part) {
    case SamplePart::kBucket:
      return "_bucket";
    case SamplePart::kSum:
      return "_sum";
    case SamplePart::kCount:
      return "_count";
    case SamplePart::kValue:
    case SamplePart::kQuantile:
      break;
  }
  return "";
}

void Family::add(double v, const LabelSet& labels, SamplePart part, double bound) {
  auto& samples = owner_->samples_;
  Sample& sample = samples.emplace_back();
  sample.value_ = v;
  sample.bound_ = bound;
  sample.labels_ = labels;
  sample.part_ = part;
  const auto number = static_cast<uint32_t>(samples.size());
  if (last_ == 0) {
    first_ = number;
  } else {
    samples[last_ - 1].next_ = number;
  }
  last_ = number;
}

void Family::add(double v, std::span<const Label> labels, SamplePart part, double bound) {
  add(v, owner_->add_labels(labels), part, bound);
}

Family& Families::add_family(std::string_view name, MetricType type, std::string_view help) {
  if (family_count_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<Family[]>(kChunk));
  Family& family = at(family_count_++);
  family = {};
  family.owner_ = this;
  family.name_ = copy(name);
  family.help_ = copy(help);
  family.type_ = type;
  return family;
}

LabelSet Families::add_labels(std::span<const Label> labels) {
  LabelSet set;
  if (labels.empty()) return set;
  size_t bytes = 0;
  for (const Label& label : labels) bytes += label.name.size() + label.value.size();
  char* to = allocate(bytes + labels.size() * 2 * sizeof(uint32_t));
  set.at_ = to;
  set.count_ = static_cast<uint32_t>(labels.size());
  set.bytes_ = static_cast<uint32_t>(bytes);
  for (const Label& label : labels) {
    const uint32_t sizes[2] = {static_cast<uint32_t>(label.name.size()), static_cast<uint32_t>(label.value.size())};
    std::memcpy(to, sizes, sizeof sizes);
    to = std::copy(label.name.begin(), label.name.end(), to + sizeof sizes);
    to = std::copy(label.value.begin(), label.value.end(), to);
  }
  return set;
}

char* Families::allocate(size_t bytes) {
  while (block_ < blocks_.size() && blocks_[block_].size - used_ < bytes) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t size = std::max(bytes, kBlockBytes);
    blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
  }
  char* at = blocks_[block_].bytes.get() + used_;
  used_ += bytes;
  return at;
}

std::string_view Families::copy(std::string_view text) {
  if (text.empty()) return {};
  char* to = allocate(text.size());
  std::copy(text.begin(), text.end(), to);
  return {to, text.size()};
}

void Families::rollback(const Mark& mark) {
  family_count_ = mark.families;
  samples_.resize(mark.samples);
  block_ = mark.block;
  used_ = mark.used;
}

void Families::clear() {
  shrink();
  rollback({});
  sorted_.clear();
}

// One scrape with many more series than the next ones should not keep its memory for good.
void Families::shrink() {
  if (samples_.capacity() > kShrinkSamplesMin && samples_.size() < samples_.capacity() / 4) {
    samples_.clear();
    samples_.shrink_to_fit();
  }
  if (blocks_.size() > kShrinkBlocksMin && block_ < blocks_.size() / 4) blocks_.resize(block_ + 1);
}

bool Families::order_holds() const {
  if (order_.size() != family_count_) return false;
  for (size_t i = 1; i < order_.size(); ++i) {
    const int compared = (*this)[order_[i - 1]].name().compare((*this)[order_[i]].name());
    if (compared > 0 || (compared == 0 && order_[i - 1] > order_[i])) return false;
  }
  return true;
}

void Families::seal() {
  if (!order_holds()) {
    order_.resize(family_count_);
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = static_cast<uint32_t>(i);
    std::sort(order_.begin(), order_.end(), [this](uint32_t a, uint32_t b) {
      const int compared = (*this)[a].name().compare((*this)[b].name());
      return compared < 0 || (compared == 0 && a < b);
    });
  }
  sorted_.clear();
  for (const uint32_t i : order_) {
    const Family& family = (*this)[i];
    if (family.empty()) continue;
    const Family* before = sorted_.empty() ? nullptr : sorted_.back();
    if (before != nullptr && before->name() == family.name() && before->type() != family.type()) continue;
    sorted_.push_back(&family);
  }
}

}  // namespace tidemark::exporter
