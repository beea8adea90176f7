// WriteReceiver: what POST /api/v1/write does, without the HTTP: content type and body in, status and reason out.
//
//   204  everything was stored
//   400  malformed: nothing was stored. Or some samples were refused for good (their message says how many and why),
//        and the others were stored: the sender must not send them again, as it would after a 5xx.
//   413  larger than allowed; nothing was stored
//   415  neither remote write 1.0 nor 2.0
//   500  the store failed, 503 it takes no writes at the moment: nothing was stored, the sender tries again
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/remote/write_decoder.h"
#include "aggregator/storage/appender.h"
#include "model/clock.h"
#include "model/log.h"
#include "model/metric_type.h"

namespace prometheus {
class Registry;
}
namespace tidemark::net {
class Server;
}

namespace tidemark::remote {

struct WriteReceiverOptions {
  // Bounds.
  WriteLimits limits;
  size_t body_bytes_max = 32 << 20;    // As it arrives.
  size_t metadata_max = 10'000;        // Metrics whose metadata is kept; later ones are dropped.
  size_t metadata_text_max = 1 << 10;  // Bytes of a help text that are kept.

  // Speed.
  size_t series_cache_max = 10'000'000;  // As many as the store has active series by default.
};

struct WriteAnswer {
  int status = 204;
  std::string message;  // Ends with a newline; "" with 204.
  // What became of a request of version 2.0, for the headers that tell its sender.
  struct Written {
    size_t samples = 0;  // Stored, or there already. Exemplars: none.
    size_t histograms = 0;
  };
  std::optional<Written> written = {};
};

struct ReceivedMetadata {
  std::string metric;
  MetricType type = MetricType::kUnknown;
  std::string help;
  std::string unit;
};

// Thread-safe: as many requests at a time as the server has workers.
class WriteReceiver {
 public:
  // All must outlive the receiver. Metrics: tidemark_remote_write_*.
  WriteReceiver(const WriteReceiverOptions& options, storage::Appender& appender, const Clock& clock, Logger& logger,
                prometheus::Registry& metrics);
  ~WriteReceiver();
  WriteReceiver(const WriteReceiver&) = delete;
  WriteReceiver& operator=(const WriteReceiver&) = delete;

  // The headers as they came, "" when absent.
  WriteAnswer receive(std::string_view content_type, std::string_view content_encoding, std::string_view body);

  // What senders said about their metrics, sorted by metric. The last word wins.
  std::vector<ReceivedMetadata> metadata() const;

  const WriteReceiverOptions& options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Registers POST /api/v1/write. With a null receiver (--web.enable-remote-write-receiver was not given) it answers 404
// and names that flag, as Prometheus does. Before server.start(); the receiver must outlive the server.
void route_remote_write(net::Server& server, WriteReceiver* receiver);

}  // namespace tidemark::remote
