// Sessions of users, over D-Bus (org.freedesktop.login1(5)), counted by seat, type, class, and whether they are remote.
#include <algorithm>
#include <map>

#include "exporter/collectors/collectors.h"
#include "exporter/dbus_client.h"

namespace tidemark::exporter {
namespace {

constexpr std::string_view kTypes[] = {"other", "unspecified", "tty", "x11", "wayland", "mir", "web"};
constexpr std::string_view kClasses[] = {"other", "user", "greeter", "lock-screen", "background"};
constexpr const char* kSession = "org.freedesktop.login1.Session";

template <size_t kCount>
std::string_view known_or_other(std::string_view value, const std::string_view (&known)[kCount]) {
  const auto* found = std::find(std::begin(known), std::end(known), value);
  return found == std::end(known) ? "other" : *found;
}

struct Session {
  std::string seat;
  std::string path;
  std::optional<bool> remote;
  std::string type;
  std::string session_class;
};

class Logind final : public Collector {
 public:
  explicit Logind(const CollectorConfig& config) : address_{config.logind.address, config.logind.is_a_peer} {}

  Status collect(ScrapeContext& context, Families& out) override {
    auto client = DbusClient::connect(address_, "org.freedesktop.login1", context.deadline_monotonic_ns());
    if (!client) return client.error();
    std::vector<std::string> seats = {""};  // Remote sessions have none.
    Status status = (*client)->list_seats([&](std::string_view seat) { seats.emplace_back(seat); });
    if (!status.ok()) return status;
    std::vector<Session> sessions;
    status = (*client)->list_sessions([&](const DbusClient::Session& one) {
      sessions.push_back({std::string(one.seat), std::string(one.path), std::nullopt, "", ""});
    });
    if (!status.ok()) return status;
    std::vector<DbusClient::StringProperty> strings;
    std::vector<DbusClient::NumberProperty> numbers;
    for (Session& one : sessions) {
      strings.push_back({one.path, kSession, "Type", [&one](std::string_view v) { one.type = v; }});
      strings.push_back({one.path, kSession, "Class", [&one](std::string_view v) { one.session_class = v; }});
      numbers.push_back({one.path, kSession, "Remote", [&one](double v) { one.remote = v != 0; }});
    }
    status = (*client)->read(strings, numbers);
    if (!status.ok()) return status;
    std::map<std::string, uint64_t> counts;
    for (const Session& one : sessions) {
      if (!one.remote || one.type.empty() || one.session_class.empty()) continue;  // It has ended since.
      ++counts[key(one.seat, *one.remote, known_or_other(one.type, kTypes),
                   known_or_other(one.session_class, kClasses))];
    }
    auto& family = add_gauge(out, "node_logind_sessions", "Sessions of users.");
    for (const std::string& seat : seats) {
      for (const bool remote : {false, true}) {
        for (const std::string_view type : kTypes) {
          for (const std::string_view session_class : kClasses) {
            const auto count = counts.find(key(seat, remote, type, session_class));
            add_sample(
                family, count == counts.end() ? 0 : static_cast<double>(count->second),
                {{"class", session_class}, {"remote", remote ? "true" : "false"}, {"seat", seat}, {"type", type}});
          }
        }
      }
    }
    return {};
  }

 private:
  static std::string key(std::string_view seat, bool remote, std::string_view type, std::string_view session_class) {
    return std::string(seat).append(remote ? "\n1\n" : "\n0\n").append(type).append("\n").append(session_class);
  }

  const DbusAddress address_;
};

}  // namespace

CollectorResult make_logind(const CollectorConfig& config) { return std::make_unique<Logind>(config); }

}  // namespace tidemark::exporter
