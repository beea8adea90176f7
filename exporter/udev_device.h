// What udev knows about a block device: the "E:KEY=value" lines of /run/udev/data/b<major>:<minor>.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exporter/text_scan.h"

namespace tidemark::exporter {

// Views into the text it was made from.
class UdevDevice {
 public:
  explicit UdevDevice(std::string_view text) {
    while (!text.empty()) {
      const std::string_view line = next_line(text);
      const size_t equals = line.find('=');
      if (line.starts_with("E:") && equals != line.npos)
        properties_.emplace_back(line.substr(2, equals - 2), line.substr(equals + 1));
    }
  }

  std::string_view operator[](std::string_view key) const {  // "" when absent.
    for (const auto& [name, value] : properties_) {
      if (name == key) return value;
    }
    return {};
  }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> properties_;
};

}  // namespace tidemark::exporter
