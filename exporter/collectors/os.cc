// Which distribution this is: /etc/os-release, else /usr/lib/os-release (os-release(5)), lines of KEY=value in shell
// quotes. It is parsed again when another file took its place.
#include <errno.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <map>

#include "exporter/collectors/collectors.h"
#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

// Labels of node_os_info, in their order, with the keys they come from.
constexpr std::pair<std::string_view, std::string_view> kLabels[] = {
    {"build_id", "BUILD_ID"},
    {"id", "ID"},
    {"id_like", "ID_LIKE"},
    {"image_id", "IMAGE_ID"},
    {"image_version", "IMAGE_VERSION"},
    {"name", "NAME"},
    {"pretty_name", "PRETTY_NAME"},
    {"variant", "VARIANT"},
    {"variant_id", "VARIANT_ID"},
    {"version", "VERSION"},
    {"version_codename", "VERSION_CODENAME"},
    {"version_id", "VERSION_ID"},
};

// A shell word: quotes of both kinds, and backslashes outside single quotes.
std::string unquoted(std::string_view text) {
  std::string out;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == quote && quote != 0) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      out += text[++i];
    } else {
      out += c;
    }
  }
  return out;
}

// "12", or "22.04" of "22.04.3"; nothing of "rolling".
std::optional<double> major_minor(std::string_view version) {
  const size_t whole = std::min(version.find_first_not_of("0123456789"), version.size());
  size_t end = whole;
  if (whole > 0 && whole < version.size() && version[whole] == '.')
    end = std::min(version.find_first_not_of("0123456789", whole + 1), version.size());
  if (end > 0 && version[end - 1] == '.') --end;
  return to_double(version.substr(0, end));
}

std::optional<double> date_seconds(const std::string& date) {  // "2028-06-30"
  tm day{};
  const char* end = ::strptime(date.c_str(), "%Y-%m-%d", &day);
  if (end == nullptr || *end != 0) return std::nullopt;
  return static_cast<double>(::timegm(&day));
}

class Os final : public Collector {
 public:
  explicit Os(const CollectorConfig& config)
      : paths_{host_path(config, "/etc/os-release"), host_path(config, "/usr/lib/os-release")} {}

  Status collect(ScrapeContext& context, Families& out) override {
    for (const std::string& path : paths_) {
      struct stat file {};
      if (::stat(path.c_str(), &file) != 0) continue;
      if (Stamp stamp{file}; path != parsed_path_ || !(stamp == parsed_)) {
        const auto text = context.read_once(path);
        if (!text) return text.error();
        parse(*text);
        parsed_path_ = path;
        parsed_ = stamp;
      }
      append(out);
      return {};
    }
    return {};
  }

 private:
  // What tells one file from the next of its name.
  struct Stamp {
    Stamp() = default;
    explicit Stamp(const struct stat& file)
        : inode(file.st_ino), size(file.st_size), changed_s(file.st_mtim.tv_sec), changed_ns(file.st_mtim.tv_nsec) {}
    bool operator==(const Stamp&) const = default;
    ino_t inode = 0;
    off_t size = -1;
    time_t changed_s = 0;
    long changed_ns = 0;
  };

  void parse(std::string_view rest) {
    values_.clear();
    while (!rest.empty()) {
      const std::string_view line = trimmed(next_line(rest));
      const size_t equals = line.find('=');
      if (line.starts_with('#') || equals == line.npos) continue;
      values_[std::string(line.substr(0, equals))] = unquoted(line.substr(equals + 1));
    }
  }

  std::string_view value(std::string_view key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::string_view() : found->second;
  }

  void append(Families& out) const {
    Label labels[std::size(kLabels)];
    for (size_t i = 0; i < std::size(kLabels); ++i) labels[i] = {kLabels[i].first, value(kLabels[i].second)};
    add_gauge(out, "node_os_info", "The distribution, as labels.").add(1, std::span<const Label>(labels));
    const auto version = major_minor(value("VERSION_ID"));
    if (version && *version > 0)
      add_sample(add_gauge(out, "node_os_version", "Version of the distribution, as MAJOR.MINOR."), *version,
                 {{"id", value("ID")}, {"id_like", value("ID_LIKE")}, {"name", value("NAME")}});
    const auto end = date_seconds(std::string(value("SUPPORT_END")));
    if (end)
      add_sample(add_gauge(out, "node_os_support_end_timestamp_seconds",
                           "When support of the distribution ends, in seconds since the Unix epoch."),
                 *end);
  }

  const std::string paths_[2];
  std::string parsed_path_;
  Stamp parsed_;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace

CollectorResult make_os(const CollectorConfig& config) { return std::make_unique<Os>(config); }

}  // namespace tidemark::exporter
