// Labels: the identity of a series, a set of name-value pairs sorted by name.
//
// A set is kept in one string, each pair as
//     varint(name bytes) name varint(value bytes) value
// so that two sets are equal when their bytes are, a hash is one pass, a copy is one allocation, and the same bytes
// serve as the store's record. LabelsView reads such bytes where they lie; Labels owns them.
//
// An empty value means the label is absent, as everywhere in Prometheus; it is never stored.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tidemark {

inline constexpr std::string_view kMetricName = "__name__";
inline constexpr std::string_view kInstanceLabel = "instance";
inline constexpr std::string_view kJobLabel = "job";
inline constexpr std::string_view kBucketLabel = "le";

struct LabelView {
  std::string_view name;
  std::string_view value;
  bool operator==(const LabelView&) const = default;
};

// Does not own the bytes: valid while they are. Cheap to copy.
class LabelsView {
 public:
  class Iterator {
   public:
    using value_type = LabelView;
    using difference_type = std::ptrdiff_t;
    using reference = const LabelView&;
    using pointer = const LabelView*;
    using iterator_category = std::input_iterator_tag;

    Iterator() = default;
    explicit Iterator(std::string_view rest) : rest_(rest) { decode(); }
    reference operator*() const { return current_; }
    pointer operator->() const { return &current_; }
    Iterator& operator++() {
      rest_.remove_prefix(taken_);
      decode();
      return *this;
    }
    bool operator==(const Iterator& other) const { return rest_.size() == other.rest_.size(); }

    std::string_view encoded() const { return rest_.substr(0, taken_); }  // This pair.
    std::string_view encoded_rest() const { return rest_; }               // From it on.

   private:
    void decode();

    std::string_view rest_;  // From the current pair on.
    LabelView current_;
    size_t taken_ = 0;
  };

  LabelsView() = default;
  // REQUIRES: `encoded` was made by Labels, or is_valid_encoding(encoded).
  explicit LabelsView(std::string_view encoded) : encoded_(encoded) {}

  Iterator begin() const { return Iterator(encoded_); }
  Iterator end() const { return Iterator(encoded_.substr(encoded_.size())); }
  bool empty() const { return encoded_.empty(); }
  size_t size() const;                                // Number of pairs. Linear.
  std::string_view get(std::string_view name) const;  // "" when absent. Linear, stops early.
  bool has(std::string_view name) const { return !get(name).empty(); }
  std::string_view metric_name() const { return get(kMetricName); }
  std::string_view encoded() const { return encoded_; }
  uint64_t hash() const;  // XXH3 of the encoded bytes: stable across processes.

  // As Prometheus prints a series: up{instance="a:1", job="x"}; {} when empty. Names outside the classic set are
  // quoted.
  std::string to_string() const;

  friend bool operator==(LabelsView a, LabelsView b) { return a.encoded_ == b.encoded_; }
  // Pair by pair, name before value; a set that is a prefix of the other comes first.
  friend std::strong_ordering operator<=>(LabelsView a, LabelsView b);

 private:
  std::string_view encoded_;
};

// Whether bytes from a disk or a peer are an encoding: lengths fit, names sorted, unique and not empty, no empty value.
bool is_valid_encoding(std::string_view bytes);

// Owns its bytes. Immutable but for assignment.
class Labels {
 public:
  Labels() = default;
  explicit Labels(LabelsView view) : encoded_(view.encoded()) {}
  // Sorts; drops empty values; of a repeated name the last wins.
  Labels(std::initializer_list<LabelView> pairs);
  static Labels from_pairs(std::vector<LabelView> pairs);
  void assign(LabelsView view) { encoded_.assign(view.encoded()); }  // Keeps the memory. Not of a view of itself.

  // NOLINTNEXTLINE(google-explicit-constructor): an owner is usable wherever a view is.
  operator LabelsView() const& { return LabelsView(encoded_); }
  LabelsView view() const& { return LabelsView(encoded_); }
  LabelsView::Iterator begin() const { return view().begin(); }
  LabelsView::Iterator end() const { return view().end(); }
  bool empty() const { return encoded_.empty(); }
  size_t size() const { return view().size(); }
  std::string_view get(std::string_view name) const& { return view().get(name); }
  bool has(std::string_view name) const { return view().has(name); }
  std::string_view metric_name() const& { return view().metric_name(); }
  const std::string& encoded() const& { return encoded_; }
  uint64_t hash() const { return view().hash(); }
  std::string to_string() const { return view().to_string(); }

  friend bool operator==(const Labels& a, const Labels& b) { return a.encoded_ == b.encoded_; }
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b) { return a.view() <=> b.view(); }

 private:
  friend class LabelsBuilder;
  std::string encoded_;
};

// Changes to a set of labels, then a new set. Reusable: reset() keeps the memory.
class LabelsBuilder {
 public:
  LabelsBuilder() = default;
  explicit LabelsBuilder(LabelsView base) { reset(base); }

  void reset(LabelsView base = {});
  void set(std::string_view name, std::string_view value);  // An empty value deletes.
  void erase(std::string_view name);
  std::string_view get(std::string_view name) const;  // "" when absent. Valid until the next change.
  bool empty() const { return pairs_.empty(); }
  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }  // Sorted by name.
  Labels build() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// Appends one pair to an encoding under construction. REQUIRES: names come in rising order, none empty; value not
// empty.
void append_encoded_label(std::string& encoded, std::string_view name, std::string_view value);

// [a-zA-Z_:][a-zA-Z0-9_:]* and [a-zA-Z_][a-zA-Z0-9_]*: the names that need no quotes.
bool is_classic_metric_name(std::string_view name);
bool is_classic_label_name(std::string_view name);

}  // namespace tidemark

template <>
struct std::hash<tidemark::Labels> {
  size_t operator()(const tidemark::Labels& labels) const { return labels.hash(); }
};
