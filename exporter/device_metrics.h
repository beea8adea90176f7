// What collectors of devices have in common: a directory with one small file for each number, and tables that say which
// file is which metric.
//
//   constexpr Attribute kAttributes[] = {{"timeout", "node_watchdog_timeout_seconds", "Time until it bites."}};
//   AttributeTable table(kAttributes, out);
//   for (const std::string& name : watchdogs.names())
//     table.add(Directory(watchdogs, name), out.add_labels({{"name", name}}));
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/directory.h"
#include "exporter/family.h"

namespace tidemark::exporter {

struct Attribute {
  const char* file;  // In the device's directory; may be a path below it.
  std::string_view family;
  std::string_view help;
  MetricType type = MetricType::kGauge;
  double divisor = 1;  // From the kernel's unit to the metric's.
};

// The families of a table, filled device by device.
class AttributeTable {
 public:
  AttributeTable(std::span<const Attribute> attributes, Families& out);

  // Adds what `device` has of the table; files that are absent or hold no number are left out.
  void add(const Directory& device, const LabelSet& labels);

 private:
  std::span<const Attribute> attributes_;
  std::vector<Family*> families_;
};

// Labels whose names or number are known at run time only, such as the attributes a device happens to have.
class LabelMap {
 public:
  void set(std::string_view name, std::string_view value);
  // Sets `name` to the text of `file`, if there is one that is not empty.
  void set_from(std::string_view name, const Directory& device, const std::string& file);
  bool empty() const { return labels_.empty(); }
  // In the order of names; valid until the next call.
  std::span<const Label> labels();

 private:
  std::map<std::string, std::string, std::less<>> labels_;
  std::vector<Label> views_;
};

// Families whose names are made from what is found.
class FamilySet {
 public:
  explicit FamilySet(Families& out) : out_(out) {}

  // The family of that name; a first call adds it. The type and the HELP of the first call stay.
  Family& find(std::string_view name, MetricType type, std::string_view help);

 private:
  Families& out_;
  std::map<std::string, Family*, std::less<>> families_;
};

// `name` as part of a metric name: each run of other characters than letters, digits and "_", with the underscores
// around it, becomes one "_".
std::string metric_name_part(std::string_view name);

// `text` with each malformed piece of UTF-8 replaced by U+FFFD: firmware writes what it likes.
std::string valid_utf8(std::string_view text);

}  // namespace tidemark::exporter
