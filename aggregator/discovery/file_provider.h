// FileProvider: targets in JSON or YAML files (file_sd_configs), each a list of
//     - targets: ["host:port", ...]
//       labels: {name: value, ...}
// A target also gets __meta_filepath, the file it stands in. JSON is read as the YAML that it is.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "aggregator/discovery/provider.h"
#include "config/scrape_config.h"
#include "model/log.h"
#include "model/status.h"

namespace tidemark::discovery {

// Reads one file. At most 16 MB and a million nodes, as every YAML file.
Result<std::vector<TargetGroup>> read_target_file(const std::string& path);

// Looks whether a file is another than before (modification time, size, inode) and reads those that are. A file that
// went bad keeps the targets it had and is tried again when it changes; one that is gone loses them.
class FileProvider final : public Provider {
 public:
  FileProvider(const config::FileSdConfig& config, Logger& logger) : config_(config), logger_(logger) {}

  bool refresh() override;
  std::vector<TargetGroup> groups() const override;
  int64_t refresh_interval_ms() const override;
  size_t broken() const override;
  uint64_t errors() const override { return errors_; }

 private:
  // What stat(2) says; equal stamps: the file is taken to be the same.
  struct Stamp {
    int64_t mtime_ns = 0;
    int64_t bytes = -1;  // -1: could not be asked.
    uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  struct File {
    Stamp stamp;
    bool broken = false;
    std::vector<TargetGroup> groups;
  };
  static Stamp stamp_of(const std::string& path);
  bool reread(const std::string& path, File& file);

  const config::FileSdConfig config_;
  Logger& logger_;
  std::map<std::string, File> files_;
  uint64_t errors_ = 0;
  bool refreshed_ = false;
};

}  // namespace tidemark::discovery
