// How configuration is read from YAML: the only door to it, with a file and a line in every error.
//
//     YamlFile file = YamlFile::load("alerts.yaml");
//     YamlMap top = file.root().map();
//     for (const YamlValue& item : top.get("groups").items()) {
//       YamlMap group = item.map();
//       g.name = group.required("name").string();
//       g.interval_ms = group.duration_ms("interval", 60'000);
//       if (g.interval_ms == 0) group.get("interval").error("must not be 0");
//       group.unsupported({"partial_response_strategy"});
//       group.finish();
//     }
//     top.finish();
//     if (!file.ok()) return fail(file.status());
//
// Nothing here stops at the first mistake: a getter that finds the wrong kind of value notes the error, returns the
// fallback, and reading goes on, so that one run shows all mistakes. A file that could not be read or parsed has an
// absent root, all getters return their fallbacks, and status() says why. Messages:
//     alerts.yaml:14: "for" must be a duration, got "5 min"
//     tidemark.yml:7: unknown key "scrape_intervall" in global (did you mean "scrape_interval"?)
//
// "key:" with nothing behind it counts as absent, as in Prometheus. Belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/secret.h"
#include "model/labels.h"
#include "model/status.h"

namespace tidemark::config {

class YamlMap;
class YamlReport;
struct YamlEntry;
struct YamlNode;

// One value and the name it goes by in messages. Cheap to copy; valid while the YamlFile is.
class YamlValue {
 public:
  bool present() const;  // False when the key is missing or has no value.
  bool is_scalar() const;
  bool is_list() const;
  bool is_map() const;
  int line() const;                                  // Where it stands; of the surrounding mapping when absent.
  const std::string& name() const { return name_; }  // Its key; of a list's item, the list's key.

  // Scalars. `fallback` when absent, and also when the value is of another kind, which is an error.
  std::string string(std::string_view fallback = {}) const;  // Numbers and booleans too, as they are written.
  Secret secret() const;                                     // A string whose text is in no message.
  bool boolean(bool fallback) const;
  int64_t integer(int64_t fallback, int64_t min = 0, int64_t max = std::numeric_limits<int64_t>::max()) const;
  double number(double fallback) const;
  int64_t duration_ms(int64_t fallback) const;   // "1h30m"; see model/duration.h.
  uint64_t size_bytes(uint64_t fallback) const;  // "0" or "10MB": B KB MB GB TB PB EB, also KiB...; all powers of 1024.

  // Lists; empty when absent or of another kind. An item without a value is an error and left out.
  std::vector<YamlValue> items() const;
  std::vector<std::string> strings() const;

  // Mappings with fixed keys, and those whose keys are the user's. Empty when absent or of another kind.
  YamlMap map() const;
  std::vector<YamlEntry> entries() const;
  Labels labels() const;  // Keys are label names, values strings.

  // FILE:LINE: "NAME" WHAT. For example error("must be at most 1h").
  void error(std::string_view what) const;
  void warn(std::string_view what) const;

 private:
  friend class YamlFile;
  friend class YamlMap;
  YamlValue(YamlReport* report, const YamlNode* node, std::string name, int parent_line)
      : report_(report), node_(node), name_(std::move(name)), parent_line_(parent_line) {}
  std::string subject() const;
  bool scalar_text(std::string_view expected, std::string_view& text) const;
  bool expect(bool is_kind, std::string_view expected) const;

  YamlReport* report_;
  const YamlNode* node_;  // Null when the key is missing.
  std::string name_;
  int parent_line_;
};

// A key of the user's choosing, and its value, which goes by that name.
struct YamlEntry {
  std::string key;
  YamlValue value;
};

// A mapping whose keys are known: those asked for. finish() reports the others.
class YamlMap {
 public:
  YamlValue get(std::string_view key);
  YamlValue required(std::string_view key);  // An error when absent.
  bool has(std::string_view key) { return get(key).present(); }
  int line() const { return line_; }
  bool present() const { return node_ != nullptr; }

  std::string string(std::string_view key, std::string_view fallback = {}) { return get(key).string(fallback); }
  bool boolean(std::string_view key, bool fallback) { return get(key).boolean(fallback); }
  int64_t integer(std::string_view key, int64_t fallback, int64_t min = 0,
                  int64_t max = std::numeric_limits<int64_t>::max()) {
    return get(key).integer(fallback, min, max);
  }
  double number(std::string_view key, double fallback) { return get(key).number(fallback); }
  int64_t duration_ms(std::string_view key, int64_t fallback) { return get(key).duration_ms(fallback); }
  uint64_t size_bytes(std::string_view key, uint64_t fallback) { return get(key).size_bytes(fallback); }
  std::vector<std::string> strings(std::string_view key) { return get(key).strings(); }

  // Keys that Prometheus has and we do not: an error that says so, for each that is present and not an empty list or
  // mapping.
  void unsupported(std::initializer_list<std::string_view> keys);
  // The same for switches, whose "false" asks for nothing.
  void unsupported_if_true(std::initializer_list<std::string_view> keys);
  // Keys that are right but change nothing here: a warning for each that is present.
  void ignored(std::initializer_list<std::string_view> keys);

  // FILE:LINE: WHAT, at the mapping's first line.
  void error(std::string_view what) const;

  // Reports each key nobody asked for. Call once, after the last getter.
  void finish();

 private:
  friend class YamlValue;
  YamlMap(YamlReport* report, const YamlNode* node, std::string name, int line)
      : report_(report), node_(node), name_(std::move(name)), line_(line) {}
  std::string place() const;  // " in global", or nothing at the top.

  YamlReport* report_;
  const YamlNode* node_;  // Null: absent, or not a mapping.
  std::string name_;
  int line_;
  std::vector<std::string> known_;
};

// A file, or a text that goes by a file's name, and what was found wrong with it. Movable; values stay valid.
class YamlFile {
 public:
  static YamlFile load(const std::string& path);
  static YamlFile parse(std::string_view text, std::string_view name);

  YamlFile(YamlFile&&) noexcept;
  YamlFile& operator=(YamlFile&&) noexcept;
  ~YamlFile();

  YamlValue root();
  const std::string& name() const;

  bool ok() const { return errors().empty(); }
  // All errors, one a line, in order of line; kIo or kNotFound when the file could not be read, else kInvalid.
  Status status() const;
  const std::vector<std::string>& errors() const;  // At most 100; reading stops to note more.
  const std::vector<std::string>& warnings() const;

  // FILE:LINE: WHAT, for what concerns several keys.
  void error(int line, std::string_view what);

 private:
  struct State;
  explicit YamlFile(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// How messages quote a value: in double quotes, shortened, control characters escaped.
std::string quote_value(std::string_view text);

}  // namespace tidemark::config
