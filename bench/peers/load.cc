// Load for the comparison with peers: writes what node_exporter-like hosts would have sent over some hours, as fast as
// the store takes it, by remote write 1.0. The same arguments give the same samples.
//
//   peer_load URL-HOST PORT PATH HOSTS HOURS STEP_S END_UNIX_S [CONNECTIONS]
//
// A host has about a thousand series: half counters of integers, the rest seconds with two decimals, gauges that
// wander, sizes in whole kilobytes, temperatures with one decimal, measurements with full precision, and many that
// never change. Prints one line of JSON: samples, refused, seconds.
#include <httplib.h>
#include <snappy.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <protozero/pbf_builder.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

enum class Kind { kCounter, kSeconds, kGauge, kKilobytes, kTenths, kNoisy, kConstant, kBucket };

struct Family {
  const char* name;
  Kind kind;
  const char* label;  // Null: one series.
  int values;
};

constexpr int kBounds = 12;  // Of a histogram.
constexpr Family kFamilies[] = {
    {"up", Kind::kConstant, nullptr, 1},
    {"node_load1", Kind::kSeconds, nullptr, 1},
    {"node_load5", Kind::kSeconds, nullptr, 1},
    {"node_cpu_seconds_total", Kind::kSeconds, "cpu_mode", 8 * 16},
    {"node_memory_bytes", Kind::kKilobytes, "field", 50},
    {"node_network_bytes_total", Kind::kCounter, "device_direction", 2 * 12},
    {"node_network_packets_total", Kind::kCounter, "device_direction", 2 * 12},
    {"node_network_errors_total", Kind::kConstant, "device_direction", 2 * 12},
    {"node_disk_io_time_seconds_total", Kind::kSeconds, "device", 12},
    {"node_disk_bytes_total", Kind::kCounter, "device_direction", 2 * 12},
    {"node_filesystem_avail_bytes", Kind::kKilobytes, "mountpoint", 20},
    {"node_filesystem_size_bytes", Kind::kConstant, "mountpoint", 20},
    {"node_filesystem_readonly", Kind::kConstant, "mountpoint", 20},
    {"node_vmstat", Kind::kCounter, "field", 60},
    {"node_netstat", Kind::kCounter, "field", 60},
    {"node_schedstat_seconds_total", Kind::kSeconds, "cpu", 48},
    {"node_systemd_unit_state", Kind::kConstant, "unit", 150},
    {"node_hwmon_temp_celsius", Kind::kTenths, "sensor", 24},
    {"node_pressure_seconds_total", Kind::kNoisy, "resource", 6},
    {"node_clock_offset_seconds", Kind::kNoisy, "source", 4},
    {"http_request_duration_seconds_bucket", Kind::kBucket, "le", 20 * kBounds},
    {"process_gauge", Kind::kGauge, "process", 60},
};

struct Series {
  std::string labels;  // Its encoded Label fields.
  Kind kind;
  double value;
  double pace;
};

void add_label(std::string& out, const std::string& name, const std::string& value) {
  std::string label;
  protozero::pbf_writer pair(label);
  pair.add_string(1, name);
  pair.add_string(2, value);
  protozero::pbf_writer(out).add_message(1, label);
}

std::vector<Series> host_series(int host, std::mt19937_64& random) {
  std::vector<Series> out;
  for (const Family& family : kFamilies) {
    for (int i = 0; i < family.values; ++i) {
      Series series;
      add_label(series.labels, "__name__", family.name);
      add_label(series.labels, "instance", "host-" + std::to_string(host) + ":9100");
      add_label(series.labels, "job", "node");
      if (family.kind == Kind::kBucket) {
        add_label(series.labels, "handler", "/api/" + std::to_string(i / kBounds));
        add_label(series.labels, "le", i % kBounds + 1 == kBounds ? "+Inf" : std::to_string(i % kBounds + 1));
      } else if (family.label != nullptr) {
        add_label(series.labels, family.label, family.label + std::to_string(i));
      }
      series.kind = family.kind;
      series.value = static_cast<double>(random() % 1'000'000);
      // Most counters of a host stand still or crawl.
      series.pace = random() % 3 == 0 ? static_cast<double>(random() % 5000) : static_cast<double>(random() % 4);
      out.push_back(std::move(series));
    }
  }
  return out;
}

double advance(Series& series, std::mt19937_64& random) {
  const auto upto = [&](double limit) {
    return limit < 1 ? 0.0 : static_cast<double>(random() % static_cast<uint64_t>(limit + 1));
  };
  switch (series.kind) {
    case Kind::kCounter:
    case Kind::kBucket:
      return series.value += upto(series.pace);
    case Kind::kSeconds:
      series.value += upto(series.pace);
      return series.value / 100;
    case Kind::kGauge:
      return series.value += upto(20) - 10;
    case Kind::kKilobytes:
      series.value += upto(series.pace) - upto(series.pace);
      return series.value * 4096;
    case Kind::kTenths:
      if (random() % 4 == 0) series.value += upto(10) - 5;
      return static_cast<double>(400 + static_cast<int64_t>(series.value) % 300) / 10;
    case Kind::kNoisy:
      return series.value += static_cast<double>(random() >> 11) * 0x1p-53;
    case Kind::kConstant:
      return series.value;
  }
  return 0;
}

struct Options {
  std::string host;
  int port;
  std::string path;
  int hosts;
  double hours;
  int step_s;
  int64_t end_s;
  int connections;
};

// Sends the hosts number `first`, first + connections, and so on.
void run(const Options& options, int first, std::atomic<int64_t>& samples, std::atomic<int64_t>& refused) {
  httplib::Client client(options.host, options.port);
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  client.set_read_timeout(120);
  const httplib::Headers headers{{"Content-Encoding", "snappy"}, {"X-Prometheus-Remote-Write-Version", "0.1.0"}};
  std::vector<std::vector<Series>> hosts;
  std::mt19937_64 random(static_cast<uint64_t>(first) + 1);
  for (int host = first; host < options.hosts; host += options.connections) hosts.push_back(host_series(host, random));
  const int64_t steps = static_cast<int64_t>(options.hours * 3600 / options.step_s);
  std::string message;
  int64_t in_message = 0;
  const auto send = [&] {
    std::string body;
    snappy::Compress(message.data(), message.size(), &body);
    const auto answer = client.Post(options.path, headers, body, "application/x-protobuf");
    if (!answer || answer->status >= 300) refused += in_message;
    samples += in_message;
    message.clear();
    in_message = 0;
  };
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t t_ms = (options.end_s - (steps - 1 - step) * options.step_s) * 1000;
    for (auto& host : hosts) {
      for (Series& series : host) {
        std::string sample;
        protozero::pbf_writer point(sample);
        point.add_double(1, advance(series, random));
        point.add_int64(2, t_ms);
        std::string whole = series.labels;
        protozero::pbf_writer(whole).add_message(2, sample);
        protozero::pbf_writer(message).add_message(1, whole);
        if (++in_message == 10'000) send();
      }
    }
  }
  if (in_message > 0) send();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8) {
    std::fputs("usage: peer_load HOST PORT PATH HOSTS HOURS STEP_S END_UNIX_S [CONNECTIONS]\n", stderr);
    return 2;
  }
  const Options options{argv[1],
                        std::atoi(argv[2]),
                        argv[3],
                        std::atoi(argv[4]),
                        std::atof(argv[5]),
                        std::atoi(argv[6]),
                        std::atoll(argv[7]),
                        argc > 8 ? std::atoi(argv[8]) : 2};
  std::atomic<int64_t> samples{0};
  std::atomic<int64_t> refused{0};
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < options.connections; ++i) threads.emplace_back([&, i] { run(options, i, samples, refused); });
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("{\"samples\": %lld, \"refused\": %lld, \"seconds\": %.3f}\n", static_cast<long long>(samples.load()),
              static_cast<long long>(refused.load()), seconds);
  return refused.load() == 0 ? 0 : 1;
}
