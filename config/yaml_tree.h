// YamlTree: a YAML text as plain nodes with line numbers. Private to config/: readers use yaml_reader.h.
//
// Built from yaml-cpp's event stream instead of its own nodes, because those accept duplicate keys and further
// documents silently and let a few lines of aliases stand for billions of nodes. Here a key occurs once, a file is one
// document, an alias counts as many nodes as it stands for, and all of it is bounded while it is being read. "<<" is
// merged as YAML 1.1 says, since yaml.v2, and so Prometheus, does.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::config {

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  bool quoted = false;  // A scalar in quotes, as a block, or tagged !!str: a string, never a number.
  bool open = false;    // Still being read: an alias to it would be a cycle.
  int line = 0;         // Of its first token, from 1.
  size_t weight = 1;    // Nodes it stands for, aliases followed.
  std::string scalar;
  std::vector<const YamlNode*> children;  // List: the items. Map: key, value, key, value; keys are scalars.
};

struct YamlLimits {
  size_t bytes_max = 16 << 20;  // Some 50,000 alerting rules.
  size_t nodes_max = 1'000'000;
  size_t depth_max = 64;  // Prometheus' deepest configuration has 12.
};

struct YamlSyntaxError {
  int line = 0;  // 0: of the file as a whole.
  std::string message;
};

class YamlTree {
 public:
  // False, with `error` filled, when `text` is not one well-formed document within the limits.
  bool parse(std::string_view text, const YamlLimits& limits, YamlSyntaxError& error);

  // Null for an empty text or before a successful parse(). Belongs to the tree, as all nodes do.
  const YamlNode* root() const { return root_; }

 private:
  class Builder;

  std::deque<YamlNode> nodes_;
  const YamlNode* root_ = nullptr;
};

}  // namespace tidemark::config
