#include "aggregator/scrape/target.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <set>

#include "aggregator/scrape/relabel.h"
#include "model/duration.h"
#include "model/utf8.h"

namespace tidemark::scrape {
namespace {

using discovery::kAddressLabel;
constexpr std::string_view kSchemeLabel = "__scheme__";
constexpr std::string_view kMetricsPathLabel = "__metrics_path__";
constexpr std::string_view kIntervalLabel = "__scrape_interval__";
constexpr std::string_view kTimeoutLabel = "__scrape_timeout__";
constexpr std::string_view kParamPrefix = "__param_";
constexpr std::string_view kReservedPrefix = "__";

// What relabelling starts from: a target's own labels over its group's over the job's.
void discovered_labels(const config::ScrapeConfig& job, const discovery::TargetGroup& group, LabelsView own,
                       LabelsBuilder& labels) {
  labels.reset(group.labels);
  for (const LabelView& label : own) labels.set(label.name, label.value);
  const auto set_if_absent = [&](std::string_view name, std::string_view value) {
    if (labels.get(name).empty()) labels.set(name, value);
  };
  set_if_absent(kJobLabel, job.job_name);
  set_if_absent(kIntervalLabel, format_duration_ms(job.interval_ms));
  set_if_absent(kTimeoutLabel, format_duration_ms(job.timeout_ms));
  set_if_absent(kMetricsPathLabel, job.metrics_path);
  set_if_absent(kSchemeLabel, job.scheme);
  for (const auto& [name, values] : job.params) {
    if (!values.empty()) set_if_absent(std::string(kParamPrefix) + name, values[0]);
  }
}

// "user:password@host" becomes "<secret>@host": discovered labels are shown to whoever may look at the targets.
Labels without_secrets(const LabelsBuilder& labels) {
  const std::string_view address = labels.get(kAddressLabel);
  const size_t at = address.rfind('@');
  if (at == std::string_view::npos) return labels.build();
  LabelsBuilder shown(labels.build());
  shown.set(kAddressLabel, "<secret>" + std::string(address.substr(at)));
  return shown.build();
}

// A path as Go's URL prints it: what may stand in a path stays, the rest is escaped.
std::string escape_path(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (std::string_view("/$&+,:;=@!'()*").find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += net::url_encode(std::string_view(&c, 1));
    }
  }
  return out.starts_with('/') ? out : "/" + out;
}

// The job's parameters by name, the first value of each as __param_NAME has it now.
std::string encode_params(const config::ScrapeConfig& job, const LabelsBuilder& labels) {
  std::map<std::string, std::vector<std::string>> params;
  for (const auto& [name, values] : job.params) params[name] = values;
  for (const auto& [name, value] : labels.pairs()) {
    if (!name.starts_with(kParamPrefix)) continue;
    std::vector<std::string>& values = params[name.substr(kParamPrefix.size())];
    if (values.empty()) {
      values.push_back(value);
    } else {
      values[0] = value;
    }
  }
  std::string out;
  for (const auto& [name, values] : params) {
    for (const std::string& value : values) {
      out += fmt::format("{}{}={}", out.empty() ? "?" : "&", net::url_encode(name), net::url_encode(value));
    }
  }
  return out;
}

// A time label's value in milliseconds; 0 with `error` set when it is not one above 0.
int64_t time_label(const LabelsBuilder& labels, std::string_view label, std::string_view what, std::string& error) {
  const Result<int64_t> ms = parse_duration_ms(labels.get(label));
  if (!ms) {
    error = fmt::format("error parsing {}: {}", what, ms.error().message());
    return 0;
  }
  if (*ms == 0) error = fmt::format("{} cannot be 0", what);
  return *ms;
}

// "", or why this is no target.
std::string build(const config::ScrapeConfig& job, LabelsBuilder& labels, Target& target) {
  const std::string address(labels.get(kAddressLabel));
  if (address.empty()) return "no address";
  if (address.find('@') != std::string::npos) {
    return "the address holds user information; use basic_auth or authorization";
  }
  if (address.find_first_of("/?# \t\r\n") != std::string::npos) {
    return fmt::format("\"{}\" is not a valid hostname", address);
  }
  std::string error;
  target.interval_ms = time_label(labels, kIntervalLabel, "scrape interval", error);
  if (!error.empty()) return error;
  target.timeout_ms = time_label(labels, kTimeoutLabel, "scrape timeout", error);
  if (!error.empty()) return error;
  if (target.timeout_ms > target.interval_ms) {
    return fmt::format("scrape timeout cannot be greater than scrape interval (\"{}\" > \"{}\")",
                       labels.get(kTimeoutLabel), labels.get(kIntervalLabel));
  }
  target.url_text = fmt::format("{}://{}{}{}", labels.get(kSchemeLabel), address,
                                escape_path(labels.get(kMetricsPathLabel)), encode_params(job, labels));
  const auto url = net::parse_url(target.url_text);
  if (!url) return url.error();
  target.url = *url;

  if (labels.get(kInstanceLabel).empty()) labels.set(kInstanceLabel, address);
  std::vector<LabelView> kept;
  for (const auto& [name, value] : labels.pairs()) {
    if (name.starts_with(kReservedPrefix)) continue;
    if (!is_valid_utf8(value)) return fmt::format("invalid label value for \"{}\"", name);
    kept.push_back({name, value});
  }
  target.labels = Labels::from_pairs(std::move(kept));
  return {};
}

}  // namespace

std::string_view target_health_name(TargetHealth health) {
  switch (health) {
    case TargetHealth::kUp:
      return "up";
    case TargetHealth::kDown:
      return "down";
    case TargetHealth::kUnknown:
      break;
  }
  return "unknown";
}

std::string Target::identity() const {
  return fmt::format("{} {} {} {}", interval_ms, timeout_ms, url_text, labels.encoded());
}

int64_t Target::offset_ns(int64_t now_ns, uint64_t seed) const {
  const std::string key = identity();
  const int64_t interval_ns = interval_ms * 1'000'000;
  const uint64_t place = (XXH3_64bits(key.data(), key.size()) ^ seed) % static_cast<uint64_t>(interval_ns);
  const int64_t to_boundary_ns = interval_ns - now_ns % interval_ns;
  return (to_boundary_ns + static_cast<int64_t>(place)) % interval_ns;
}

BuiltTargets build_targets(const config::ScrapeConfig& job, const std::vector<discovery::TargetGroup>& groups,
                           size_t dropped_max) {
  BuiltTargets built;
  std::set<std::string> identities;
  LabelsBuilder labels;
  for (const discovery::TargetGroup& group : groups) {
    for (const Labels& own : group.targets) {
      discovered_labels(job, group, own, labels);
      Target target;
      target.discovered_labels = without_secrets(labels);
      const std::string reason =
          relabel(job.relabel_configs, labels) ? build(job, labels, target) : "dropped by relabel_configs";
      if (reason.empty()) {
        if (identities.insert(target.identity()).second) built.active.push_back(std::move(target));
        continue;
      }
      ++built.dropped_count;
      if (built.dropped.size() < dropped_max) {
        built.dropped.push_back({job.job_name, std::move(target.discovered_labels), reason});
      }
    }
  }
  return built;
}

}  // namespace tidemark::scrape
