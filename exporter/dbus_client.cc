#include "exporter/dbus_client.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include <algorithm>

#include "model/clock.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kUnderWayMax = 64;  // systemd queues answers for us; it must not have to queue many.
constexpr size_t kUnitsMax = 100'000;
constexpr size_t kSessionsMax = 10'000;

// What we use of libsystemd.so.0.
struct Library {
#define TIDEMARK_SD_BUS(X)          \
  X(sd_bus_new)                     \
  X(sd_bus_set_address)             \
  X(sd_bus_set_bus_client)          \
  X(sd_bus_start)                   \
  X(sd_bus_close_unref)             \
  X(sd_bus_process)                 \
  X(sd_bus_wait)                    \
  X(sd_bus_call_async)              \
  X(sd_bus_slot_unref)              \
  X(sd_bus_message_new_method_call) \
  X(sd_bus_message_append)          \
  X(sd_bus_message_unref)           \
  X(sd_bus_message_get_error)       \
  X(sd_bus_message_read)            \
  X(sd_bus_message_read_basic)      \
  X(sd_bus_message_peek_type)       \
  X(sd_bus_message_enter_container) \
  X(sd_bus_message_exit_container)
// NOLINTBEGIN(bugprone-macro-parentheses): what they are given are names.
#define TIDEMARK_DECLARE(name) decltype(&::name) name = nullptr;
  TIDEMARK_SD_BUS(TIDEMARK_DECLARE)
#undef TIDEMARK_DECLARE
  // NOLINTEND(bugprone-macro-parentheses)
  std::string error;  // "": all of them are there.

  Library() {
    void* handle = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      error = fmt::format("D-Bus needs libsystemd.so.0, install the package libsystemd0: {}", ::dlerror());
      return;
    }
// NOLINTBEGIN(bugprone-macro-parentheses)
#define TIDEMARK_LOAD(name)                                        \
  name = reinterpret_cast<decltype(name)>(::dlsym(handle, #name)); \
  if (name == nullptr) error = "libsystemd.so.0 has no function " #name;
    TIDEMARK_SD_BUS(TIDEMARK_LOAD)
#undef TIDEMARK_LOAD
    // NOLINTEND(bugprone-macro-parentheses)
#undef TIDEMARK_SD_BUS
  }
};

const Library& library() {
  static const Library kLoaded;
  return kLoaded;
}

// A number of any of D-Bus' types, from inside a variant.
std::optional<double> read_number(const Library& sd, sd_bus_message* message) {
  char type = 0;
  const char* contents = nullptr;
  if (sd.sd_bus_message_peek_type(message, &type, &contents) <= 0 || type != 'v' || contents == nullptr ||
      ::strlen(contents) != 1 || ::strchr("ynqiuxtbd", contents[0]) == nullptr)
    return std::nullopt;
  const char kind = contents[0];
  if (sd.sd_bus_message_enter_container(message, 'v', contents) < 0) return std::nullopt;
  union {
    uint8_t y;
    int16_t n;
    uint16_t q;
    int32_t i;
    uint32_t u;
    int64_t x;
    uint64_t t;
    double d;
  } v = {};
  static_assert(sizeof v == 8);
  if (sd.sd_bus_message_read_basic(message, kind, &v) <= 0) return std::nullopt;
  switch (kind) {
    case 'y':
      return v.y;
    case 'n':
      return v.n;
    case 'q':
      return v.q;
    case 'i':
    case 'b':
      return v.i;
    case 'u':
      return v.u;
    case 'x':
      return static_cast<double>(v.x);
    case 't':
      return static_cast<double>(v.t);
    default:
      return v.d;
  }
}

class SdBusClient final : public DbusClient {
 public:
  SdBusClient(const Library& sd, sd_bus* bus, std::string service, bool is_a_peer, int64_t deadline_monotonic_ns)
      : sd_(sd), bus_(bus), service_(std::move(service)), is_a_peer_(is_a_peer), deadline_ns_(deadline_monotonic_ns) {}

  ~SdBusClient() override {
    // Without a flush: that could block, and nobody waits for what is left.
    sd_.sd_bus_close_unref(bus_);
  }

  Status list_units(const std::function<void(const Unit&)>& use) override {
    return list("/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "ListUnits", "(ssssssouso)", kUnitsMax,
                [&](sd_bus_message* reply) {
                  const char *name, *description, *load, *active, *sub, *follows, *path, *job_type, *job_path;
                  uint32_t job = 0;
                  const int got = sd_.sd_bus_message_read(reply, "(ssssssouso)", &name, &description, &load, &active,
                                                          &sub, &follows, &path, &job, &job_type, &job_path);
                  if (got > 0) use({name, load, active, path});
                  return got;
                });
  }

  Status list_seats(const std::function<void(std::string_view)>& use) override {
    return list("/org/freedesktop/login1", "org.freedesktop.login1.Manager", "ListSeats", "(so)", kSessionsMax,
                [&](sd_bus_message* reply) {
                  const char *seat, *path;
                  const int got = sd_.sd_bus_message_read(reply, "(so)", &seat, &path);
                  if (got > 0) use(seat);
                  return got;
                });
  }

  Status list_sessions(const std::function<void(const Session&)>& use) override {
    return list("/org/freedesktop/login1", "org.freedesktop.login1.Manager", "ListSessions", "(susso)", kSessionsMax,
                [&](sd_bus_message* reply) {
                  const char *id, *user, *seat, *path;
                  uint32_t uid = 0;
                  const int got = sd_.sd_bus_message_read(reply, "(susso)", &id, &uid, &user, &seat, &path);
                  if (got > 0) use({seat, path});
                  return got;
                });
  }

  Status read(const std::vector<StringProperty>& strings, const std::vector<NumberProperty>& numbers) override {
    std::vector<Call> calls;
    calls.reserve(strings.size() + numbers.size());
    for (const StringProperty& one : strings) {
      add_property(calls, one.path, one.interface, one.name, [this, &one](sd_bus_message* reply) {
        const char* text = nullptr;
        if (sd_.sd_bus_message_read(reply, "v", "s", &text) > 0) one.use(text);
        return Status();
      });
    }
    for (const NumberProperty& one : numbers) {
      add_property(calls, one.path, one.interface, one.name, [this, &one](sd_bus_message* reply) {
        if (const auto v = read_number(sd_, reply)) one.use(*v);
        return Status();
      });
    }
    return run(calls);
  }

 private:
  struct Call {
    SdBusClient* client = nullptr;
    std::string path;
    const char* interface = nullptr;
    const char* member = nullptr;
    const char* property_interface = nullptr;  // Null: a call without arguments.
    const char* property = nullptr;
    std::function<Status(sd_bus_message*)> on_reply;
    bool must_work = false;
    sd_bus_slot* slot = nullptr;
  };

  static void add_property(std::vector<Call>& calls, const std::string& path, const char* interface, const char* name,
                           std::function<Status(sd_bus_message*)> on_reply) {
    Call& call = calls.emplace_back();
    call.path = path;
    call.interface = "org.freedesktop.DBus.Properties";
    call.member = "Get";
    call.property_interface = interface;
    call.property = name;
    call.on_reply = std::move(on_reply);
  }

  // Calls a method that answers an array, and `row` until that returns 0.
  Status list(const char* path, const char* interface, const char* member, const char* row_type, size_t max,
              const std::function<int(sd_bus_message*)>& row) {
    std::vector<Call> calls(1);
    calls[0].path = path;
    calls[0].interface = interface;
    calls[0].member = member;
    calls[0].must_work = true;
    calls[0].on_reply = [&](sd_bus_message* reply) {
      if (sd_.sd_bus_message_enter_container(reply, 'a', row_type) <= 0)
        return Status::invalid(fmt::format("{} of {} did not answer a list", member, service_));
      for (size_t n = 0;; ++n) {
        const int got = row(reply);
        if (got == 0) return Status();
        if (got < 0) return failed(fmt::format("answer of {}", member), -got);
        if (n == max) return Status::limit(fmt::format("{} of {} answered more than {}", member, service_, max));
      }
    };
    return run(calls);
  }

  Status failed(std::string_view what, int error) const {
    return Status::io(fmt::format("D-Bus, {}: {}: {}", service_, what, strerror(error)));
  }

  // Sends all calls, a bounded number at a time, and waits for their answers until the deadline.
  Status run(std::vector<Call>& calls) {
    under_way_ = 0;
    first_error_ = Status();
    Status status;
    for (size_t sent = 0; status.ok() && (sent < calls.size() || under_way_ > 0);) {
      while (status.ok() && sent < calls.size() && under_way_ < kUnderWayMax) status = send(calls[sent++]);
      if (status.ok()) status = wait_a_little();
      if (status.ok()) status = first_error_;
    }
    // Those without an answer must not find us gone.
    for (Call& call : calls) call.slot = sd_.sd_bus_slot_unref(call.slot);
    return status;
  }

  Status send(Call& call) {
    call.client = this;
    sd_bus_message* message = nullptr;
    int r = sd_.sd_bus_message_new_method_call(bus_, &message, is_a_peer_ ? nullptr : service_.c_str(),
                                               call.path.c_str(), call.interface, call.member);
    if (r >= 0 && call.property != nullptr)
      r = sd_.sd_bus_message_append(message, "ss", call.property_interface, call.property);
    if (r >= 0) {
      const int64_t left_us = (deadline_ns_ - system_clock().monotonic_ns()) / 1'000;
      r = sd_.sd_bus_call_async(bus_, &call.slot, message, &SdBusClient::on_answer, &call,
                                static_cast<uint64_t>(std::max<int64_t>(left_us, 1)));
    }
    sd_.sd_bus_message_unref(message);
    if (r < 0) return failed(call.member, -r);
    ++under_way_;
    return {};
  }

  static int on_answer(sd_bus_message* reply, void* context, sd_bus_error* /*error*/) {
    const Call& call = *static_cast<const Call*>(context);
    SdBusClient& client = *call.client;
    --client.under_way_;
    Status status;
    if (const sd_bus_error* refused = client.sd_.sd_bus_message_get_error(reply); refused != nullptr) {
      const std::string_view why = refused->message == nullptr ? refused->name : refused->message;
      if (call.must_work) status = Status::io(fmt::format("D-Bus, {}: {}: {}", client.service_, call.member, why));
    } else {
      status = call.on_reply(reply);
    }
    if (client.first_error_.ok()) client.first_error_ = std::move(status);
    return 1;
  }

  // Handles what has come, or waits for something to come, at most until the deadline.
  Status wait_a_little() {
    const int64_t left_us = (deadline_ns_ - system_clock().monotonic_ns()) / 1'000;
    if (left_us <= 0) return Status::timeout(fmt::format("D-Bus: {} did not answer in time", service_));
    const int handled = sd_.sd_bus_process(bus_, nullptr);
    if (handled < 0) return failed("connection", -handled);
    if (handled > 0) return {};
    const int waited = sd_.sd_bus_wait(bus_, static_cast<uint64_t>(left_us));
    return waited < 0 && waited != -EINTR ? failed("connection", -waited) : Status();
  }

  const Library& sd_;
  sd_bus* const bus_;
  const std::string service_;
  const bool is_a_peer_;
  const int64_t deadline_ns_;
  size_t under_way_ = 0;
  Status first_error_;
};

}  // namespace

Result<std::unique_ptr<DbusClient>> DbusClient::connect(const DbusAddress& address, std::string service,
                                                        int64_t deadline_monotonic_ns) {
  const Library& sd = library();
  if (!sd.error.empty()) return fail(Status::unsupported(sd.error));
  std::string where = address.text;
  if (where.empty()) {
    const char* told = ::getenv("DBUS_SYSTEM_BUS_ADDRESS");
    where = told != nullptr ? told : "unix:path=/run/dbus/system_bus_socket";
  }
  sd_bus* bus = nullptr;
  int r = sd.sd_bus_new(&bus);
  if (r < 0) return fail(Status::io(fmt::format("D-Bus: {}", strerror(-r))));
  auto client = std::make_unique<SdBusClient>(sd, bus, std::move(service), address.is_a_peer, deadline_monotonic_ns);
  r = sd.sd_bus_set_address(bus, where.c_str());
  if (r >= 0) r = sd.sd_bus_set_bus_client(bus, address.is_a_peer ? 0 : 1);
  if (r >= 0) r = sd.sd_bus_start(bus);
  if (r < 0) return fail(Status::io(fmt::format("D-Bus: connect to {}: {}", where, strerror(-r))));
  return client;
}

}  // namespace tidemark::exporter
