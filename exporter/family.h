// Families: what one scrape collected, in one arena that is filled, walked and cleared again without an allocation once
// it has grown to the size of this host's page.
//
//   Families out;
//   auto& free = add_gauge(out, "node_filesystem_free_bytes", "Bytes free.");
//   auto& size = add_gauge(out, "node_filesystem_size_bytes", "Bytes there are.");
//   add_sample(free, 1, {{"device", "sda"}});   // References are stable, so families may be filled side by side.
//   add_sample(size, 9, {{"device", "sda"}});
//   out.seal();                                 // Sorts; afterwards it is constant, and any thread may walk it.
//   for (const Family* family : out.sorted())
//     for (const Sample& sample : *family)
//       for (const Label& label : sample.labels()) ...
//
// Names, HELP, label names and values are copied, and written as they stand: names must be valid. Labels are given in
// the order of their names, as client libraries print them. A family without samples does not appear.
//
// A histogram or a summary is a family whose samples are parts: the buckets of one set of labels in the order of their
// bounds, then their sum and count. sorted() gives everything an encoder needs; families of one name and type follow
// one another there, and one that contradicts the type of the first of its name is left out.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "model/metric_type.h"

namespace tidemark::exporter {

struct Label {
  std::string_view name;
  std::string_view value;
};
using LabelList = std::initializer_list<Label>;

enum class SamplePart : uint8_t {
  kValue,     // The metric itself.
  kBucket,    // NAME_bucket{le=bound}.
  kQuantile,  // NAME{quantile=bound}.
  kSum,       // NAME_sum.
  kCount,     // NAME_count.
};
std::string_view part_suffix(SamplePart part);  // Behind the family's name; "" where the name stays.

class Families;

// A set of labels in the arena, to be given to many samples. Valid until its Families is cleared.
class LabelSet {
 public:
  class Iterator {
   public:
    Iterator(const char* at, uint32_t left) : at_(at), left_(left) { decode(); }
    const Label& operator*() const { return label_; }
    const Label* operator->() const { return &label_; }
    Iterator& operator++() {
      at_ = label_.value.data() + label_.value.size();
      --left_;
      decode();
      return *this;
    }
    bool operator==(const Iterator& other) const { return left_ == other.left_; }

   private:
    void decode() {
      if (left_ == 0) return;
      uint32_t sizes[2];
      std::memcpy(sizes, at_, sizeof sizes);
      label_.name = {at_ + sizeof sizes, sizes[0]};
      label_.value = {at_ + sizeof sizes + sizes[0], sizes[1]};
    }

    const char* at_;  // Each label: the sizes of name and value, then their bytes.
    uint32_t left_;
    Label label_;
  };

  LabelSet() = default;
  Iterator begin() const { return {at_, count_}; }
  Iterator end() const { return {nullptr, 0}; }
  uint32_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  size_t bytes() const { return bytes_; }  // Of all names and values.

 private:
  friend class Families;
  const char* at_ = nullptr;
  uint32_t count_ = 0;
  uint32_t bytes_ = 0;
};

class Sample {
 public:
  double value() const { return value_; }
  SamplePart part() const { return part_; }
  double bound() const { return bound_; }  // Of a bucket or quantile.
  const LabelSet& labels() const { return labels_; }

 private:
  friend class Families;
  friend class Family;
  double value_ = 0;
  double bound_ = 0;
  LabelSet labels_;
  uint32_t next_ = 0;  // Its number plus one; 0: the last of its family.
  SamplePart part_ = SamplePart::kValue;
};

class Family {
 public:
  class Iterator {
   public:
    Iterator(const Families* owner, uint32_t at) : owner_(owner), at_(at) {}
    const Sample& operator*() const;
    const Sample* operator->() const { return &**this; }
    Iterator& operator++() {
      at_ = (**this).next_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    const Families* owner_;
    uint32_t at_;
  };

  std::string_view name() const { return name_; }
  std::string_view help() const { return help_; }  // "": none.
  MetricType type() const { return type_; }        // kUnknown is the text format's "untyped".
  bool empty() const { return first_ == 0; }
  Iterator begin() const { return {owner_, first_}; }
  Iterator end() const { return {owner_, 0}; }

  void add(double v, const LabelSet& labels, SamplePart part = SamplePart::kValue, double bound = 0);
  void add(double v, std::span<const Label> labels, SamplePart part = SamplePart::kValue, double bound = 0);

 private:
  friend class Families;
  Families* owner_ = nullptr;
  std::string_view name_;
  std::string_view help_;
  MetricType type_ = MetricType::kUnknown;
  uint32_t first_ = 0;  // Numbers plus one, as Sample::next_.
  uint32_t last_ = 0;
};

// One thread while it is filled; constant between seal() and clear().
class Families {
 public:
  // A place to return to; see rollback().
  struct Mark {
    size_t families = 0;
    size_t samples = 0;
    size_t block = 0;
    size_t used = 0;
  };

  Families() = default;
  Families(const Families&) = delete;
  Families& operator=(const Families&) = delete;

  // The reference is valid until clear(), or rollback() to a mark from before it.
  Family& add_family(std::string_view name, MetricType type, std::string_view help);
  LabelSet add_labels(std::span<const Label> labels);
  LabelSet add_labels(LabelList labels) { return add_labels(std::span(labels.begin(), labels.size())); }

  Mark mark() const { return {family_count_, samples_.size(), block_, used_}; }
  // Forgets what was added since. Families from before the mark must not have got samples since.
  void rollback(const Mark& mark);

  // Empties it and keeps the memory, unless that is far more than the last use needed.
  void clear();

  size_t size() const { return family_count_; }
  size_t sample_count() const { return samples_.size(); }
  const Family& operator[](size_t i) const { return chunks_[i / kChunk][i % kChunk]; }

  // Works out sorted(). Call it after the last sample.
  void seal();
  std::span<const Family* const> sorted() const { return sorted_; }

 private:
  friend class Family;
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  static constexpr size_t kChunk = 64;

  Family& at(size_t i) { return chunks_[i / kChunk][i % kChunk]; }
  char* allocate(size_t bytes);
  std::string_view copy(std::string_view text);
  bool order_holds() const;
  void shrink();

  // Families lie in chunks that never move, text in blocks that never move.
  std::vector<std::unique_ptr<Family[]>> chunks_;
  size_t family_count_ = 0;
  std::vector<Sample> samples_;
  std::vector<Block> blocks_;
  size_t block_ = 0;  // The one being filled, and how far it is.
  size_t used_ = 0;
  std::vector<uint32_t> order_;  // Families by name. Mostly the same from one scrape to the next, so it is kept.
  std::vector<const Family*> sorted_;
};

inline const Sample& Family::Iterator::operator*() const { return owner_->samples_[at_ - 1]; }

inline Family& add_family(Families& out, std::string_view name, MetricType type, std::string_view help) {
  return out.add_family(name, type, help);
}
inline Family& add_counter(Families& out, std::string_view name, std::string_view help) {
  return out.add_family(name, MetricType::kCounter, help);
}
inline Family& add_gauge(Families& out, std::string_view name, std::string_view help) {
  return out.add_family(name, MetricType::kGauge, help);
}
inline Family& add_untyped(Families& out, std::string_view name, std::string_view help) {
  return out.add_family(name, MetricType::kUnknown, help);
}

inline void add_sample(Family& family, double v, LabelList labels = {}) {
  family.add(v, std::span(labels.begin(), labels.size()));
}
inline void add_sample(Family& family, double v, const LabelSet& labels) { family.add(v, labels); }

}  // namespace tidemark::exporter
