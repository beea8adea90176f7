#include "aggregator/discovery/file_provider.h"

#include <sys/stat.h>

#include <algorithm>

#include "aggregator/discovery/static_provider.h"
#include "config/server_config.h"
#include "config/yaml_reader.h"

namespace tidemark::discovery {
namespace {

constexpr std::string_view kFilepathLabel = "__meta_filepath";

// Prometheus is told of a change by the kernel and reacts at once. Asking costs one stat(2) a file, so it is asked more
// often than the refresh interval (5m unless configured) says.
constexpr int64_t kLookMsMax = 5'000;

}  // namespace

Result<std::vector<TargetGroup>> read_target_file(const std::string& path) {
  config::YamlFile file = config::YamlFile::load(path);
  std::vector<TargetGroup> groups;
  for (const config::YamlValue& item : file.root().items()) {
    config::YamlMap map = item.map();
    config::TargetGroup group;
    group.targets = map.strings("targets");
    LabelsBuilder labels(map.get("labels").labels());
    labels.set(kFilepathLabel, path);
    group.labels = labels.build();
    map.finish();
    groups.push_back(to_target_group(group, path + ":" + std::to_string(groups.size())));
  }
  if (!file.ok()) return fail(file.status());
  return groups;
}

FileProvider::Stamp FileProvider::stamp_of(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return {};
  return {st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec, st.st_size, st.st_ino};
}

bool FileProvider::refresh() {
  std::map<std::string, File> files;
  bool changed = !std::exchange(refreshed_, true);
  for (const std::string& pattern : config_.files) {
    for (const std::string& path : config::expand_glob(pattern)) {
      if (files.contains(path)) continue;
      const auto known = files_.find(path);
      File& file = files[path];
      if (known != files_.end()) {
        file = std::move(known->second);
        files_.erase(known);
      }
      changed |= reread(path, file);
    }
  }
  changed |= std::any_of(files_.begin(), files_.end(), [](const auto& gone) { return !gone.second.groups.empty(); });
  files_ = std::move(files);
  return changed;
}

bool FileProvider::reread(const std::string& path, File& file) {
  const Stamp stamp = stamp_of(path);
  if (stamp == file.stamp && stamp.bytes >= 0) return false;
  file.stamp = stamp;  // Taken before reading: a change while we read is seen next time.
  Result<std::vector<TargetGroup>> groups = read_target_file(path);
  file.broken = !groups.has_value();
  if (file.broken) {
    ++errors_;
    logger_.warn("targets were not read, those known before stay", {{"file", path}, {"err", groups.error()}});
    return false;
  }
  file.groups = std::move(*groups);
  return true;
}

std::vector<TargetGroup> FileProvider::groups() const {
  std::vector<TargetGroup> out;
  for (const auto& [path, file] : files_) out.insert(out.end(), file.groups.begin(), file.groups.end());
  return out;
}

int64_t FileProvider::refresh_interval_ms() const {
  return std::clamp<int64_t>(config_.refresh_interval_ms, 1, kLookMsMax);
}

size_t FileProvider::broken() const {
  return std::count_if(files_.begin(), files_.end(), [](const auto& file) { return file.second.broken; });
}

}  // namespace tidemark::discovery
