#include "exporter/script/script_config.h"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "config/yaml_reader.h"

namespace tidemark::exporter {
namespace {

using config::YamlMap;
using config::YamlValue;

constexpr size_t kScriptsMax = 200;
constexpr int64_t kIntervalMinMs = 1'000;
constexpr int64_t kTimeoutMaxMs = 24 * 3'600'000;

bool is_script_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  });
}

std::optional<ScriptUser> find_user(const YamlValue& value) {
  const std::string name = value.string();
  if (name.empty()) return std::nullopt;
  passwd entry{};
  passwd* found = nullptr;
  char text[16 << 10];
  if (::getpwnam_r(name.c_str(), &entry, text, sizeof text, &found) != 0 || found == nullptr) {
    value.error(fmt::format("is no user of this host: {}", config::quote_value(name)));
    return std::nullopt;
  }
  if (entry.pw_uid == ::geteuid()) return std::nullopt;
  if (::geteuid() != 0) {
    value.error("needs the exporter to run as root");
    return std::nullopt;
  }
  ScriptUser user{entry.pw_uid, entry.pw_gid, {}, entry.pw_dir};
  int count = 64;
  user.groups.resize(static_cast<size_t>(count));
  if (::getgrouplist(name.c_str(), entry.pw_gid, user.groups.data(), &count) < 0) count = 64;  // The first ones.
  user.groups.resize(static_cast<size_t>(count));
  return user;
}

ScriptSpec read_script(const YamlValue& value) {
  YamlMap map = value.map();
  ScriptSpec script;
  script.program = map.required("program").string();
  if (script.program.find('/') != std::string::npos || script.program == "." || script.program == "..")
    map.get("program").error("must be the name of a file in --collector.script.directory, without a \"/\"");
  script.name = map.string("name", script.program);
  if (!script.program.empty() && !is_script_name(script.name))
    map.get("name").error(
        fmt::format("may hold letters, digits, \"_\", \"-\" and \".\", got {}", config::quote_value(script.name)));
  script.args = map.strings("args");
  const YamlValue interval = map.get("interval");
  const YamlValue cron = map.get("cron");
  if (interval.present() == cron.present()) {
    map.error("needs either \"interval\" or \"cron\"");
  } else if (interval.present()) {
    script.interval_ms = interval.duration_ms(kIntervalMinMs);
    if (script.interval_ms < kIntervalMinMs) interval.error("must be at least 1s");
  } else {
    auto parsed = Cron::parse(cron.string());
    if (!parsed) cron.error(parsed.error().message());
    if (parsed) script.cron = *parsed;
  }
  script.timeout_ms = map.duration_ms("timeout", script.timeout_ms);
  if (script.timeout_ms < 1 || script.timeout_ms > kTimeoutMaxMs)
    map.get("timeout").error("must be more than 0 and at most 1d");
  script.user = find_user(map.get("user"));
  script.nice = static_cast<int>(map.integer("nice", 0, -20, 19));
  script.output_bytes_max = map.get("output_limit").size_bytes(script.output_bytes_max);
  if (script.output_bytes_max < 1 || script.output_bytes_max > 16 << 20)
    map.get("output_limit").error("must be more than 0 and at most 16MB");
  map.finish();
  return script;
}

Result<std::vector<ScriptSpec>> read(config::YamlFile file) {
  YamlMap top = file.root().map();
  std::vector<ScriptSpec> scripts;
  std::set<std::string> names;
  const YamlValue list = top.get("scripts");
  for (const YamlValue& item : list.items()) {
    ScriptSpec script = read_script(item);
    if (!names.insert(script.name).second)
      item.error(fmt::format("has a second script named {}", config::quote_value(script.name)));
    scripts.push_back(std::move(script));
  }
  if (scripts.size() > kScriptsMax) list.error(fmt::format("has more than {} scripts", kScriptsMax));
  top.finish();
  if (!file.ok()) return fail(file.status());
  return scripts;
}

// Owned by root or us, and nobody else may write it.
Status check_owner(const std::string& path, const struct stat& info) {
  if (info.st_uid != 0 && info.st_uid != ::geteuid())
    return Status::invalid(
        fmt::format("{} belongs to user {}: it must belong to root or to the exporter's user", path, info.st_uid));
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return Status::invalid(fmt::format("{} may be written by its group or by everybody: chmod go-w {}", path, path));
  return {};
}

Result<std::string> real_path(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return fail(Status::io(fmt::format("{}: {}", path, strerror(errno))));
  std::string out = resolved;
  ::free(resolved);
  return out;
}

}  // namespace

Result<std::vector<ScriptSpec>> load_script_config(const std::string& path) {
  return read(config::YamlFile::load(path));
}

Result<std::vector<ScriptSpec>> parse_script_config(std::string_view text, const std::string& path) {
  return read(config::YamlFile::parse(text, path));
}

Status check_script_directory(const std::string& directory) {
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0) return Status::io(fmt::format("{}: {}", directory, strerror(errno)));
  if (!S_ISDIR(info.st_mode)) return Status::invalid(fmt::format("{} is no directory", directory));
  return check_owner(directory, info);
}

Result<std::string> find_program(const std::string& directory, const std::string& program) {
  if (Status status = check_script_directory(directory); !status.ok()) return fail(status);
  const auto folder = real_path(directory);
  if (!folder) return fail(folder.error());
  auto path = real_path(directory + "/" + program);
  if (!path) return path;
  // Its folder is one that was looked at, so between this and its execution only those may change it who may anyway.
  if (path->substr(0, path->rfind('/')) != (*folder == "/" ? "" : *folder))
    return fail(Status::invalid(fmt::format("{}/{} leads out of its directory, to {}", directory, program, *path)));
  struct stat info {};
  if (::stat(path->c_str(), &info) != 0) return fail(Status::io(fmt::format("{}: {}", *path, strerror(errno))));
  if (!S_ISREG(info.st_mode)) return fail(Status::invalid(fmt::format("{} is no regular file", *path)));
  if ((info.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
    return fail(Status::invalid(fmt::format("{} is not executable: chmod +x {}", *path, *path)));
  if (Status status = check_owner(*path, info); !status.ok()) return fail(status);
  return path;
}

}  // namespace tidemark::exporter
