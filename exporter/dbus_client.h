// DbusClient: calls over D-Bus with a deadline on all of them together, by libsystemd's sd-bus (sd-bus(3)).
//
// libsystemd is loaded when the first client connects, not linked: with what it pulls in it is 1.3 MB of resident
// memory, which only those should pay who turn on a collector that asks D-Bus.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/status.h"

namespace tidemark::exporter {

struct DbusAddress {
  std::string text;        // As in DBUS_SYSTEM_BUS_ADDRESS; "": that variable, else the system bus.
  bool is_a_peer = false;  // One program at the other end, not a bus with many: systemd's private socket.
};

// One thread.
class DbusClient {
 public:
  // A property to read: where it is, and what to do with it. A property that cannot be read is left out.
  struct StringProperty {
    std::string path;
    const char* interface;
    const char* name;
    std::function<void(std::string_view)> use;
  };
  struct NumberProperty {  // Of D-Bus type y, n, q, i, u, x, t, b or d.
    std::string path;
    const char* interface;
    const char* name;
    std::function<void(double)> use;
  };
  struct Unit {  // As systemd's ListUnits describes it; valid during the call only.
    std::string_view name;
    std::string_view load_state;
    std::string_view active_state;
    std::string_view path;
  };
  struct Session {  // Of logind's ListSessions.
    std::string_view seat;
    std::string_view path;
  };

  // Begins to connect. `service` is whom all calls are for. Fails when libsystemd is not installed or the address is
  // malformed; that nobody listens shows with the first call.
  static Result<std::unique_ptr<DbusClient>> connect(const DbusAddress& address, std::string service,
                                                     int64_t deadline_monotonic_ns);
  virtual ~DbusClient() = default;

  virtual Status list_units(const std::function<void(const Unit&)>& use) = 0;       // At most 100,000.
  virtual Status list_seats(const std::function<void(std::string_view)>& use) = 0;  // At most 10,000.
  virtual Status list_sessions(const std::function<void(const Session&)>& use) = 0;
  // Many calls under way at once, so that they cost one wait and not one each.
  virtual Status read(const std::vector<StringProperty>& strings, const std::vector<NumberProperty>& numbers) = 0;
};

}  // namespace tidemark::exporter
