// systemd and logind collectors against a program of ours that answers as those do, at the other end of a socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <thread>

#include "tests/exporter/collect_support.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct FakeUnit {
  const char* name;
  const char* load;
  const char* active;
};

constexpr FakeUnit kUnits[] = {
    {"ssh.service", "loaded", "active"},         {"crash.service", "loaded", "failed"},
    {"gone.service", "not-found", "inactive"},   {"run.mount", "loaded", "active"},
    {"backup.timer", "loaded", "active"},        {"dbus.socket", "loaded", "active"},
    {"reload.service", "loaded", "maintenance"},
};

// Properties by "path interface name" of the last parts; strings and 64 bit numbers.
const std::map<std::string, std::string> kStrings = {
    {"systemd1 Version", "252.38-1~deb12u1"},
    {"systemd1 SystemState", "running"},
    {"systemd1 Virtualization", ""},
    {"ssh.service Type", "notify"},
    {"crash.service Type", "simple"},
    {"run.mount Type", "tmpfs"},
    {"c1 Type", "tty"},
    {"c1 Class", "user"},
    {"c2 Type", "hologram"},
    {"c2 Class", "user"},
};
const std::map<std::string, uint64_t> kNumbers = {
    {"backup.timer LastTriggerUSec", 1'700'000'000'500'000},
    {"ssh.service TasksCurrent", 3},
    {"ssh.service TasksMax", UINT64_MAX},
    {"ssh.service ActiveEnterTimestamp", 1'600'000'000'000'000},
};
const std::map<std::string, uint32_t> kSmallNumbers = {
    {"dbus.socket NAccepted", 7}, {"dbus.socket NConnections", 2}, {"dbus.socket NRefused", 1},
    {"ssh.service NRestarts", 4}, {"crash.service NRestarts", 9},
};

int answer_property(sd_bus_message* call) {
  const char *interface, *name;
  if (sd_bus_message_read(call, "ss", &interface, &name) < 0) return -EINVAL;
  const std::string path = sd_bus_message_get_path(call);
  const std::string key = path.substr(path.rfind('/') + 1) + " " + name;
  // Object paths hold no dots: the fake's have "_" in their place.
  std::string dotted = key;
  for (char& c : dotted) c = c == '_' ? '.' : c;
  if (dotted == "c1 Remote" || dotted == "c2 Remote")
    return sd_bus_reply_method_return(call, "v", "b", dotted[1] == '2' ? 1 : 0);
  if (const auto s = kStrings.find(dotted); s != kStrings.end())
    return sd_bus_reply_method_return(call, "v", "s", s->second.c_str());
  if (const auto n = kNumbers.find(dotted); n != kNumbers.end())
    return sd_bus_reply_method_return(call, "v", "t", n->second);
  if (const auto n = kSmallNumbers.find(dotted); n != kSmallNumbers.end())
    return sd_bus_reply_method_return(call, "v", "u", n->second);
  return sd_bus_reply_method_errorf(call, SD_BUS_ERROR_UNKNOWN_PROPERTY, "there is no %s", dotted.c_str());
}

int answer(sd_bus_message* call, void* context, sd_bus_error* /*error*/) {
  if (static_cast<std::atomic<bool>*>(context)->load()) return 1;  // Silent.
  if (sd_bus_message_is_method_call(call, "org.freedesktop.DBus.Properties", "Get") > 0) return answer_property(call);
  sd_bus_message* reply = nullptr;
  if (sd_bus_message_new_method_return(call, &reply) < 0) return -EINVAL;
  if (sd_bus_message_is_method_call(call, nullptr, "ListUnits") > 0) {
    sd_bus_message_open_container(reply, 'a', "(ssssssouso)");
    for (const FakeUnit& unit : kUnits) {
      std::string path = std::string("/org/freedesktop/systemd1/unit/") + unit.name;
      for (char& c : path) c = c == '.' ? '_' : c;
      sd_bus_message_append(reply, "(ssssssouso)", unit.name, "", unit.load, unit.active, "", "", path.c_str(), 0U, "",
                            "/");
    }
    sd_bus_message_close_container(reply);
  } else if (sd_bus_message_is_method_call(call, nullptr, "ListSeats") > 0) {
    sd_bus_message_append(reply, "a(so)", 1, "seat0", "/org/freedesktop/login1/seat/seat0");
  } else {
    sd_bus_message_append(reply, "a(susso)", 2, "c1", 1000U, "ann", "seat0", "/org/freedesktop/login1/session/c1", "c2",
                          1000U, "ann", "", "/org/freedesktop/login1/session/c2");
  }
  const int sent = sd_bus_send(nullptr, reply, nullptr);
  sd_bus_message_unref(reply);
  return sent < 0 ? sent : 1;
}

// Listens at `address()`, and answers one connection after another until it is destroyed.
class FakeService {
 public:
  explicit FakeService(bool silent = false) : silent_(silent) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    const std::string path = dir_.file("bus");
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeService() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
  }
  std::string address() const { return "unix:path=" + dir_.file("bus"); }

 private:
  void serve() {
    while (!stop_) {
      pollfd ready{listener_, POLLIN, 0};
      if (::poll(&ready, 1, 20) <= 0) continue;
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      sd_bus* bus = nullptr;
      sd_id128_t id;
      sd_id128_randomize(&id);
      if (fd < 0 || sd_bus_new(&bus) < 0) continue;
      sd_bus_set_fd(bus, fd, fd);
      sd_bus_set_server(bus, 1, id);
      sd_bus_start(bus);
      sd_bus_add_filter(bus, nullptr, answer, &silent_);
      for (int r = 0; r >= 0 && !stop_;) {
        r = sd_bus_process(bus, nullptr);
        if (r == 0) r = sd_bus_wait(bus, 20'000);
        if (r == -EINTR) r = 0;
      }
      sd_bus_close_unref(bus);
    }
  }

  tidemark::testing::TempDir dir_;
  std::atomic<bool> silent_;
  std::atomic<bool> stop_{false};
  int listener_ = -1;
  std::thread thread_;
};

CollectorConfig config_at(const std::string& address) {
  CollectorConfig config;
  config.systemd.address = address;
  config.systemd.private_connection = true;
  config.logind.address = address;
  config.logind.is_a_peer = true;
  return config;
}

TEST(Systemd, ShowsUnitsAndWhatTheyCount) {
  const FakeService service;
  const std::string page = collected("systemd", config_at(service.address()));
  EXPECT_THAT(page,
              AllOf(HasSubstr("node_systemd_version{version=\"252.38-1~deb12u1\"} 252.38\n"),
                    HasSubstr("node_systemd_virtualization_info{virtualization_type=\"none\"} 1\n"),
                    HasSubstr("node_systemd_system_running 1\n"), HasSubstr("node_systemd_units{state=\"active\"} 4\n"),
                    HasSubstr("node_systemd_units{state=\"inactive\"} 1\n"),
                    HasSubstr("node_systemd_units{state=\"maintenance\"} 1\n")));
  EXPECT_THAT(page,
              AllOf(HasSubstr("node_systemd_unit_state{name=\"ssh.service\",state=\"active\",type=\"notify\"} 1\n"),
                    HasSubstr("node_systemd_unit_state{name=\"crash.service\",state=\"failed\",type=\"simple\"} 1\n"),
                    HasSubstr("node_systemd_unit_state{name=\"crash.service\",state=\"active\",type=\"simple\"} 0\n"),
                    HasSubstr("node_systemd_unit_state{name=\"reload.service\",state=\"active\",type=\"\"} 0\n"),
                    Not(HasSubstr("gone.service")), Not(HasSubstr("run.mount"))));
  EXPECT_THAT(page,
              AllOf(HasSubstr("node_systemd_timer_last_trigger_seconds{name=\"backup.timer\"} 1700000000.5\n"),
                    HasSubstr("# TYPE node_systemd_socket_accepted_connections_total counter\n"),
                    HasSubstr("node_systemd_socket_accepted_connections_total{name=\"dbus.socket\"} 7\n"),
                    HasSubstr("node_systemd_socket_current_connections{name=\"dbus.socket\"} 2\n"),
                    HasSubstr("# TYPE node_systemd_socket_refused_connections_total gauge\n"),
                    Not(HasSubstr("node_systemd_service_restart_total")), Not(HasSubstr("node_systemd_unit_tasks"))));
}

TEST(Systemd, ShowsMoreWhenAsked) {
  const FakeService service;
  CollectorConfig config = config_at(service.address());
  config.systemd.tasks = true;
  config.systemd.restarts = true;
  config.systemd.start_time = true;
  config.systemd.units = {".*", "crash.*"};
  EXPECT_THAT(
      collected("systemd", config),
      AllOf(HasSubstr("node_systemd_service_restart_total{name=\"ssh.service\"} 4\n"),
            HasSubstr("node_systemd_unit_tasks_current{name=\"ssh.service\"} 3\n"),
            Not(HasSubstr("node_systemd_unit_tasks_max")), HasSubstr("type=\"tmpfs\""),
            HasSubstr("node_systemd_unit_start_time_seconds{name=\"ssh.service\"} 1600000000\n"),
            HasSubstr("node_systemd_unit_start_time_seconds{name=\"reload.service\"} 0\n"), Not(HasSubstr("crash"))));
  config.systemd.units = {"ssh", ""};  // The whole name must match.
  EXPECT_THAT(collected("systemd", config), Not(HasSubstr("ssh.service")));
}

TEST(Systemd, DoesNotWaitBeyondTheDeadline) {
  const FakeService service(/*silent=*/true);
  const auto collector = make_collector("systemd", config_at(service.address()));
  ScrapeContext context;
  context.begin(soon_ns(200));
  Families families;
  const int64_t start_ns = system_clock().monotonic_ns();
  const Status status = collector->collect(context, families);
  EXPECT_FALSE(status.ok());
  EXPECT_LT(system_clock().monotonic_ns() - start_ns, 5'000'000'000);
}

TEST(Systemd, SaysThatNobodyListens) {
  const tidemark::testing::TempDir empty;
  EXPECT_THAT(collected("systemd", config_at("unix:path=" + empty.file("none"))), StartsWith("failed: D-Bus"));
  EXPECT_THAT(collected("logind", config_at("nonsense")), StartsWith("failed: D-Bus"));
}

TEST(Logind, CountsSessions) {
  const FakeService service;
  const std::string page = collected("logind", config_at(service.address()));
  EXPECT_THAT(
      page,
      AllOf(HasSubstr("node_logind_sessions{class=\"user\",remote=\"false\",seat=\"seat0\",type=\"tty\"} 1\n"),
            HasSubstr("node_logind_sessions{class=\"user\",remote=\"true\",seat=\"\",type=\"other\"} 1\n"),
            HasSubstr("node_logind_sessions{class=\"greeter\",remote=\"true\",seat=\"seat0\",type=\"web\"} 0\n")));
  EXPECT_EQ(std::count(page.begin(), page.end(), '\n'), 1 + 2 * 2 * 7 * 5);
}

}  // namespace
}  // namespace tidemark::exporter::testing
