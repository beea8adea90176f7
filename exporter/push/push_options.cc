#include "exporter/push/push_options.h"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <algorithm>

#include "config/byte_size.h"
#include "model/labels.h"
#include "model/utf8.h"
#include "net/client.h"

namespace tidemark::exporter {
namespace {

constexpr int64_t kIntervalMinMs = 100;
constexpr uint64_t kSpoolBytesMin = 1 << 20;

Status check_labels(PushOptions& options) {
  if (options.instance.empty()) {
    utsname host{};
    ::uname(&host);
    options.instance = host.nodename;
  }
  options.labels = {{std::string(kInstanceLabel), options.instance}, {std::string(kJobLabel), options.job}};
  for (const std::string& text : options.label_texts) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals == std::string::npos || !is_classic_label_name(name) || name.starts_with("__"))
      return Status::invalid(fmt::format("--push.label must be NAME=VALUE, got \"{}\"", text));
    for (const auto& [other, value] : options.labels) {
      if (other == name) return Status::invalid(fmt::format("--push.label: \"{}\" is given twice", name));
    }
    options.labels.emplace_back(name, text.substr(equals + 1));
  }
  std::erase_if(options.labels, [](const auto& label) { return label.second.empty(); });
  for (const auto& [name, value] : options.labels) {
    if (!is_valid_utf8(value))
      return Status::invalid(fmt::format("the value of the push label \"{}\" is not UTF-8", name));
  }
  std::sort(options.labels.begin(), options.labels.end());
  return {};
}

Status check_authentication(PushOptions& options) {
  if (!options.bearer_token_file.empty() && !options.username.empty())
    return Status::invalid("--push.bearer-token-file and --push.username exclude each other");
  if (options.username.empty() != options.password_file.empty())
    return Status::invalid("--push.username and --push.password-file need each other");
  if (options.tls.cert_file.empty() != options.tls.key_file.empty())
    return Status::invalid("--push.tls-cert-file and --push.tls-key-file need each other");
  options.http.tls = options.tls;
  if (!options.username.empty()) {
    auto& basic = options.http.basic_auth.emplace();
    basic.username = options.username;
    basic.password_file = options.password_file;
  }
  if (!options.bearer_token_file.empty())
    options.http.authorization.emplace().credentials_file = options.bearer_token_file;
  return {};
}

}  // namespace

void declare_push_flags(config::Flags& flags, PushOptions& options) {
  flags.add("push.url", &options.url, "Remote write receiver to send every sample to: http://HOST:9090/api/v1/write");
  flags.add_duration("push.interval", &options.interval_ms, "How often to collect and push.");
  flags.add_duration("push.timeout", &options.timeout_ms, "How long one request may take.");
  flags.add("push.job", &options.job, "Label job of what is pushed.");
  flags.add("push.instance", &options.instance, "Label instance of what is pushed; by default the host's name.");
  flags.add("push.label", &options.label_texts, "Further label of what is pushed, NAME=VALUE; repeatable.");
  flags.add("push.spool-dir", &options.spool_directory, "Where requests wait until they are acknowledged.");
  flags.add("push.spool-max-bytes", &options.spool_bytes_max_text, "How much may wait there; the oldest makes room.");
  flags.add("push.username", &options.username, "User for basic authentication.");
  flags.add("push.password-file", &options.password_file, "File with that user's password.");
  flags.add("push.bearer-token-file", &options.bearer_token_file, "File with a bearer token, read for each request.");
  flags.add("push.tls-ca-file", &options.tls.ca_file, "Authorities the receiver's certificate must be of.");
  flags.add("push.tls-cert-file", &options.tls.cert_file, "Client certificate.");
  flags.add("push.tls-key-file", &options.tls.key_file, "Its key.");
  flags.add("push.tls-server-name", &options.tls.server_name, "Name in the receiver's certificate, if not the URL's.");
  flags.add("push.tls-insecure-skip-verify", &options.tls.insecure_skip_verify,
            "Do not verify the receiver's certificate.");
}

Status check_push_options(PushOptions& options) {
  if (options.url.empty()) return {};
  const auto url = net::parse_url(options.url);
  if (!url) return Status::invalid(fmt::format("--push.url: {}", url.error()));
  if (!url->user_info.empty())
    return Status::invalid(
        "--push.url: a password does not belong there; use --push.username and --push.password-file");
  if (options.interval_ms < kIntervalMinMs) return Status::invalid("--push.interval must be at least 100ms");
  if (options.timeout_ms < 1) return Status::invalid("--push.timeout must be more than 0");
  const auto bytes = config::parse_byte_size(options.spool_bytes_max_text);
  if (!bytes) return bytes.error().at("--push.spool-max-bytes");
  if (*bytes < kSpoolBytesMin) return Status::invalid("--push.spool-max-bytes must be at least 1MB");
  options.spool_bytes_max = *bytes;
  if (Status status = check_labels(options); !status.ok()) return status;
  return check_authentication(options);
}

}  // namespace tidemark::exporter
