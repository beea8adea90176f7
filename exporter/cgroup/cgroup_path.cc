#include "exporter/cgroup/cgroup_path.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

namespace tidemark::exporter {
namespace {

constexpr size_t kIdSize = 64;
constexpr size_t kUidSizeMin = 32;  // Of a static pod it is a hash; of others 36 characters.
constexpr size_t kUidSizeMax = 36;

bool all_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == text.npos; }

std::string_view container_id(std::string_view name) {
  if (name.ends_with(".scope")) {
    name.remove_suffix(6);
    const size_t dash = name.rfind('-');
    if (dash == name.npos) return {};
    if (name.substr(0, dash).ends_with("conmon")) return {};  // What watches a container, not the container.
    name.remove_prefix(dash + 1);
  }
  return name.size() == kIdSize && all_hex(name) ? name : std::string_view();
}

std::string pod_uid(std::string_view name) {
  if (name.ends_with(".slice")) {
    name.remove_suffix(6);
    const size_t dash = name.rfind('-');
    if (dash == name.npos) return {};
    name.remove_prefix(dash + 1);
  }
  if (!name.starts_with("pod")) return {};
  std::string uid(name.substr(3));
  std::replace(uid.begin(), uid.end(), '_', '-');
  if (uid.size() < kUidSizeMin || uid.size() > kUidSizeMax) return {};
  return uid.find_first_not_of("0123456789abcdef-") == uid.npos ? uid : std::string();
}

}  // namespace

CgroupName parse_cgroup_path(std::string_view path) {
  CgroupName out;
  bool in_container = false;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    const bool is_last = path.empty();
    if (const std::string_view id = container_id(name); !id.empty() && !in_container) {
      in_container = true;
      if (is_last) {
        out.kind = CgroupKind::kContainer;
        out.container_id = id;
      }
    } else if (std::string uid = pod_uid(name); !uid.empty() && !in_container) {
      out.pod_uid = std::move(uid);
      if (is_last) out.kind = CgroupKind::kPod;
    } else if (is_last && !in_container && name.ends_with(".service")) {
      out.kind = CgroupKind::kService;
    } else if (is_last && !in_container && name.ends_with(".scope")) {
      out.kind = CgroupKind::kScope;
    }
  }
  return out;
}

bool walk_cgroups(const std::string& root, size_t cgroups_max, const OnCgroup& on_cgroup) {
  std::vector<std::string> todo = {""};  // The next at the end.
  size_t seen = 0;
  while (!todo.empty()) {
    if (seen++ == cgroups_max) return false;
    const std::string path = std::move(todo.back());
    todo.pop_back();
    if (!on_cgroup(path.empty() ? "/" : path)) continue;
    DIR* stream = ::opendir((root + path).c_str());
    if (stream == nullptr) continue;  // It is gone.
    const size_t first = todo.size();
    // A cgroup has some eighty files, so the kind each entry comes with saves a call for each of them.
    while (const dirent* entry = ::readdir(stream)) {
      if (entry->d_name[0] == '.') continue;
      bool is_directory = entry->d_type == DT_DIR;
      if (entry->d_type == DT_UNKNOWN) {
        struct stat it {};
        is_directory = ::fstatat(::dirfd(stream), entry->d_name, &it, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(it.st_mode);
      }
      if (is_directory && todo.size() - first < cgroups_max) todo.push_back(path + "/" + entry->d_name);
    }
    ::closedir(stream);
    std::sort(todo.begin() + static_cast<ptrdiff_t>(first), todo.end(), std::greater<>());
  }
  return true;
}

}  // namespace tidemark::exporter
