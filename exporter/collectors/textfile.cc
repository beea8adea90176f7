// *.prom files that other programs leave in one or several directories: shown as they are, where that does the page no
// harm (external_text.h says what is left out of a file, and why).
//
// A file is read again when its time, size or inode has changed, so an unchanged one costs a stat a scrape. A bad file
// costs only itself. What was left out of a good one is counted by file and reason.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "exporter/collectors/collectors.h"
#include "exporter/external_text.h"
#include "model/mutex.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kFileBytesMax = 16 << 20;
constexpr size_t kFilesMax = 1'000;
constexpr size_t kDirectoriesMax = 100;

struct Version {
  int64_t modified_ns = 0;
  uint64_t inode = 0;
  int64_t bytes = 0;
  bool operator==(const Version&) const = default;
};

struct File {
  Version version;
  std::shared_ptr<const ExternalText> text;  // Null: it is bad.
  std::string reported;                      // What the log said of it last.
  bool found = false;                        // By this scrape.
};

Status failed(std::string_view what, const std::string& path) {
  return Status::io(fmt::format("{} {}: {}", what, path, strerror(errno)));
}

// The directories a pattern stands for; itself when it matches nothing, so that a missing one is reported.
std::vector<std::string> expand(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> out;
  if (::glob(pattern.c_str(), GLOB_ERR, nullptr, &found) == 0) {
    for (size_t i = 0; i < found.gl_pathc && i < kDirectoriesMax; ++i) out.emplace_back(found.gl_pathv[i]);
  }
  ::globfree(&found);
  if (out.empty()) out.push_back(pattern);
  return out;
}

Result<std::vector<std::string>> list(const std::string& directory) {
  DIR* dir = ::opendir(directory.c_str());
  if (dir == nullptr) return fail(failed("open", directory));
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir)) {
    const std::string_view name = entry->d_name;
    if (name.ends_with(".prom")) names.emplace_back(name);
  }
  ::closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

class Textfile final : public Collector {
 public:
  explicit Textfile(const CollectorConfig& config)
      : settings_(config.textfile), clock_(*config.clock), logger_(*config.logger) {}

  Status collect(ScrapeContext& /*context*/, Families& out) override {
    auto& mtime = add_gauge(out, "node_textfile_mtime_seconds", "When a file that could be read was last changed.");
    auto& error = add_gauge(out, "node_textfile_scrape_error",
                            "1 when a directory or file could not be read or something was left out of one, else 0.");
    auto& bad = add_gauge(out, "tidemark_textfile_file_error", "Files that show nothing because they cannot be read.");
    auto& left_out = add_gauge(out, "tidemark_textfile_left_out_samples", "Samples left out of a file, by reason.");
    auto& stale =
        add_gauge(out, "tidemark_textfile_stale", "Whether a file is older than --collector.textfile.stale-after.");
    const MutexLock lock(mu_);
    errors_ = false;
    for (auto& [path, file] : files_) file.found = false;
    ExternalMerge merge(out);
    for (const std::string& path : find_files()) {
      File& file = files_[path];
      const Status status = refresh(path, file);
      if (status.code() == Code::kNotFound) continue;  // Gone since it was listed.
      file.found = true;
      if (!status.ok() || file.text == nullptr) {
        errors_ = true;
        report(path, file, status.ok() ? "" : status.message());
        add_sample(bad, 1, {{"file", path}});
        continue;
      }
      const double modified = static_cast<double>(file.version.modified_ns) / 1e9;
      add_sample(mtime, modified, {{"file", path}});
      if (settings_.stale_after_ms > 0) {
        const bool is_stale = clock_.now_ms() - file.version.modified_ns / 1'000'000 > settings_.stale_after_ms;
        add_sample(stale, is_stale ? 1 : 0, {{"file", path}});
        if (is_stale && settings_.drop_stale) continue;
      }
      const ExternalMerge::LeftOut left = merge.add(*file.text->families);
      note_left_out(path, file, left, left_out);
    }
    std::erase_if(files_, [](const auto& each) { return !each.second.found; });
    add_sample(error, errors_ ? 1 : 0);
    return {};
  }

 private:
  std::vector<std::string> find_files() TM_REQUIRES(mu_) {
    std::vector<std::string> paths;
    for (const std::string& pattern : settings_.directories) {
      for (const std::string& directory : expand(pattern)) {
        const auto names = list(directory);
        if (!names) {
          errors_ = true;
          report_once("cannot read a textfile directory", names.error().message());
          continue;
        }
        for (const std::string& name : *names) {
          const std::string path = fmt::format("{}{}{}", directory, directory.ends_with('/') ? "" : "/", name);
          if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
        }
      }
    }
    if (paths.size() > kFilesMax) {
      errors_ = true;
      report_once("too many textfiles",
                  fmt::format("{} files, of which the first {} are shown", paths.size(), kFilesMax));
      paths.resize(kFilesMax);
    }
    return paths;
  }

  // Reads the file when it is not the one that was read last.
  Status refresh(const std::string& path, File& file) const {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return errno == ENOENT ? Status::not_found(path) : failed("stat", path);
    const Version version{info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, info.st_ino, info.st_size};
    if (version == file.version) return {};
    file.text = nullptr;
    if (!S_ISREG(info.st_mode)) return Status::invalid(fmt::format("{} is no file", path));
    if (info.st_size > static_cast<off_t>(kFileBytesMax))
      return Status::limit(fmt::format("{} is larger than {} bytes", path, kFileBytesMax));
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return failed("open", path);
    std::string text(static_cast<size_t>(info.st_size) + 1, '\0');
    size_t length = 0;
    ssize_t got = 0;
    while (length < text.size() &&
           ((got = ::read(fd, text.data() + length, text.size() - length)) > 0 || (got < 0 && errno == EINTR)))
      if (got > 0) length += static_cast<size_t>(got);
    Status read_status = got < 0 ? failed("read", path) : Status();
    ::close(fd);
    if (!read_status.ok()) return read_status;
    text.resize(length);
    auto parsed = read_external_text(text);
    file.version = version;  // A bad one is not read again either, until it changes.
    if (!parsed) return parsed.error().at(path);
    file.text = std::make_shared<const ExternalText>(std::move(*parsed));
    return {};
  }

  void note_left_out(const std::string& path, File& file, const ExternalMerge::LeftOut& left, Family& family)
      TM_REQUIRES(mu_) {
    const ExternalText& text = *file.text;
    const auto add = [&](std::string_view reason, size_t count) {
      if (count > 0) add_sample(family, static_cast<double>(count), {{"file", path}, {"reason", reason}});
    };
    add("duplicate", text.duplicates + left.duplicates);
    add("timestamp", text.timestamps);
    add("type", left.type_conflicts);
    std::string what;
    if (text.timestamps > 0) what += fmt::format("{} samples with a timestamp; ", text.timestamps);
    if (text.duplicates > 0)
      what += fmt::format("{} given twice in it, the first {}; ", text.duplicates, text.first_duplicate);
    if (left.duplicates + left.type_conflicts > 0)
      what += fmt::format("{} that the page has already, {} of another type than there, the first {}; ",
                          left.duplicates, left.type_conflicts, left.first);
    if (!what.empty()) errors_ = true;
    if (!what.empty()) what.resize(what.size() - 2);
    if (what == file.reported) return;
    file.reported = what;
    if (!what.empty()) logger_.warn("samples of a textfile left out", {{"file", path}, {"what", what}});
  }

  void report(const std::string& path, File& file, const std::string& message) TM_REQUIRES(mu_) {
    if (message.empty() || message == file.reported) return;
    file.reported = message;
    logger_.error("bad textfile, nothing of it is shown", {{"file", path}, {"err", message}});
  }

  void report_once(std::string_view what, const std::string& message) TM_REQUIRES(mu_) {
    if (message == last_report_) return;
    last_report_ = message;
    logger_.error(what, {{"err", message}});
  }

  const TextfileSettings settings_;
  const Clock& clock_;
  Logger& logger_;
  Mutex mu_;  // Held while files are looked at: scrapes share what was read.
  std::map<std::string, File> files_ TM_GUARDED_BY(mu_);
  std::string last_report_ TM_GUARDED_BY(mu_);
  bool errors_ TM_GUARDED_BY(mu_) = false;
};

}  // namespace

CollectorResult make_textfile(const CollectorConfig& config) { return std::make_unique<Textfile>(config); }

void declare_textfile_flags(CollectorFlags& flags, CollectorConfig& config) {
  flags.add("textfile.directory", &config.textfile.directories, "Directory to read *.prom files from; may be a glob.");
  flags.add_duration("textfile.stale-after", &config.textfile.stale_after_ms,
                     "Flag files that were not changed for so long (tidemark_textfile_stale); 0: never.");
  flags.add("textfile.drop-stale", &config.textfile.drop_stale, "Show nothing of files that are flagged so.");
}

}  // namespace tidemark::exporter
