#include "config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <istream>
#include <streambuf>
#include <unordered_map>

#include "model/utf8.h"

namespace tidemark::config {
namespace {

using Kind = YamlNode::Kind;

// Lets yaml-cpp read the caller's bytes where they are.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // Only ever read: there is no put area.
    setg(begin, begin, begin + text.size());
  }
};

int line_at(std::string_view text, size_t offset) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(offset), '\n'));
}

// yaml-cpp turns broken UTF-8 into U+FFFD and ends the text at a byte 0x04; both would be read as something else.
bool check_characters(std::string_view text, YamlSyntaxError& error) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const size_t length = c < 0x80 ? 1 : utf8_sequence_length(text.substr(i));
    if (length == 0) {
      error = {line_at(text, i), "not valid UTF-8"};
      return false;
    }
    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
      error = {line_at(text, i), fmt::format("control character 0x{:02x} is not allowed in YAML", c)};
      return false;
    }
    i += length;
  }
  return true;
}

}  // namespace

// Receives yaml-cpp's events. Ends the parse by throwing a YamlSyntaxError, which parse() catches.
class YamlTree::Builder final : public YAML::EventHandler {
 public:
  Builder(std::deque<YamlNode>& nodes, const YamlLimits& limits) : nodes_(nodes), limits_(limits) {}

  const YamlNode* root() const { return root_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw YamlSyntaxError{mark.line + 1, "a second YAML document begins here; only one is read"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(make(Kind::kNull, mark, anchor)); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (tag == "tag:yaml.org,2002:binary") throw YamlSyntaxError{mark.line + 1, "!!binary is not supported"};
    YamlNode& node = make(Kind::kScalar, mark, anchor);
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    node.scalar = value;
    add(node);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw YamlSyntaxError{mark.line + 1, "unknown alias"};
    if (found->second->open) throw YamlSyntaxError{mark.line + 1, "an alias may not stand inside its own anchor"};
    count(found->second->weight, mark);
    add(*found->second);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(make(Kind::kList, mark, anchor), mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(make(Kind::kMap, mark, anchor), mark);
  }
  void OnMapEnd() override {
    check_keys(*stack_.back());
    close();
  }

 private:
  void count(size_t weight, const YAML::Mark& mark) {
    total_ += weight;
    if (total_ > limits_.nodes_max) {
      throw YamlSyntaxError{
          mark.line + 1, fmt::format("more than {} values, aliases counted as what they stand for", limits_.nodes_max)};
    }
  }

  YamlNode& make(Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    count(1, mark);
    YamlNode& node = nodes_.emplace_back();
    node.kind = kind;
    node.line = mark.line + 1;
    if (anchor != YAML::NullAnchor) anchors_[anchor] = &node;
    return node;
  }

  void add(const YamlNode& node) {
    if (stack_.empty()) {
      root_ = &node;
    } else {
      YamlNode& parent = *stack_.back();
      if (parent.kind == Kind::kMap && parent.children.size() % 2 == 0 && node.kind != Kind::kScalar) {
        throw YamlSyntaxError{node.line, "a key must be plain text"};
      }
      parent.children.push_back(&node);
    }
  }

  void open(YamlNode& node, const YAML::Mark& mark) {
    if (stack_.size() >= limits_.depth_max) {
      throw YamlSyntaxError{mark.line + 1, fmt::format("nested more than {} deep", limits_.depth_max)};
    }
    add(node);
    node.open = true;
    stack_.push_back(&node);
  }

  void close() {
    YamlNode& node = *stack_.back();
    for (const YamlNode* child : node.children) node.weight += child->weight;
    node.open = false;
    stack_.pop_back();
  }

  // Each key once; then the keys of "<<" that are not there yet.
  static void check_keys(YamlNode& map) {
    std::unordered_map<std::string_view, int> lines;
    std::vector<const YamlNode*> own;
    std::vector<const YamlNode*> merged;
    for (size_t i = 0; i < map.children.size(); i += 2) {
      const YamlNode& key = *map.children[i];
      const YamlNode& value = *map.children[i + 1];
      const auto [first, inserted] = lines.try_emplace(key.scalar, key.line);
      if (!inserted) {
        throw YamlSyntaxError{key.line,
                              fmt::format("key \"{}\" was already given in line {}", key.scalar, first->second)};
      }
      if (key.scalar != "<<" || key.quoted) {
        own.insert(own.end(), {&key, &value});
      } else if (value.kind == Kind::kList) {
        merged.insert(merged.end(), value.children.begin(), value.children.end());
      } else {
        merged.push_back(&value);
      }
    }
    if (merged.empty()) return;
    for (const YamlNode* source : merged) {
      if (source->kind != Kind::kMap) throw YamlSyntaxError{source->line, "\"<<\" takes a mapping or a list of them"};
      for (size_t i = 0; i < source->children.size(); i += 2) {
        const YamlNode* key = source->children[i];
        if (lines.try_emplace(key->scalar, key->line).second) {
          own.insert(own.end(), {key, source->children[i + 1]});
        }
      }
    }
    map.children = std::move(own);
  }

  std::deque<YamlNode>& nodes_;
  const YamlLimits& limits_;
  const YamlNode* root_ = nullptr;
  std::vector<YamlNode*> stack_;
  std::unordered_map<YAML::anchor_t, YamlNode*> anchors_;
  size_t total_ = 0;
  int documents_ = 0;
};

bool YamlTree::parse(std::string_view text, const YamlLimits& limits, YamlSyntaxError& error) {
  if (text.size() > limits.bytes_max) {
    error = {0, fmt::format("larger than {} MiB", limits.bytes_max >> 20)};
    return false;
  }
  if (!check_characters(text, error)) return false;
  try {
    ViewBuffer buffer(text);
    std::istream in(&buffer);
    YAML::Parser parser(in);
    Builder builder(nodes_, limits);
    while (parser.HandleNextDocument(builder)) {
    }
    root_ = builder.root();
    return true;
  } catch (YamlSyntaxError& found) {
    error = std::move(found);
  } catch (const YAML::Exception& found) {
    error = {found.mark.is_null() ? 0 : found.mark.line + 1, "not valid YAML: " + found.msg};
  } catch (const std::exception& found) {
    error = {0, fmt::format("not readable as YAML: {}", found.what())};
  }
  nodes_.clear();
  return false;
}

}  // namespace tidemark::config
