// Push mode: what is sent, what waits on disk, and what becomes of it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <snappy.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <map>

#include "exporter/push/pusher.h"
#include "model/mutex.h"
#include "model/sample.h"
#include "model/varint.h"
#include "net/server.h"
#include "tests/exporter/collect_support.h"
#include "tests/support/eventually.h"
#include "tests/support/memory_logger.h"
#include "tests/support/temp_dir.h"

namespace tidemark::exporter::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using tidemark::testing::eventually;

struct Decoded {
  std::map<std::string, double> series;  // "a=1,b=2" to value.
  int64_t t_ms = 0;
};

std::string_view take_field(std::string_view& in, int& number) {
  number = in[0] >> 3;
  const int type = in[0] & 7;
  in.remove_prefix(1);
  std::string_view out;
  uint64_t v = 0;
  if (type == 2) {
    EXPECT_TRUE(take_prefixed(in, out));
  } else if (type == 1) {
    out = in.substr(0, 8);
    in.remove_prefix(8);
  } else {
    const std::string_view before = in;
    EXPECT_TRUE(take_varint(in, v));
    out = before.substr(0, before.size() - in.size());
  }
  return out;
}

Decoded decode(const std::string& body) {
  std::string message;
  EXPECT_TRUE(snappy::Uncompress(body.data(), body.size(), &message));
  Decoded out;
  int number = 0;
  for (std::string_view rest = message; !rest.empty();) {
    std::string_view series = take_field(rest, number);
    EXPECT_EQ(number, 1);
    std::string labels;
    std::string last;
    while (!series.empty()) {
      std::string_view part = take_field(series, number);
      if (number == 1) {
        const std::string name(take_field(part, number));
        EXPECT_LT(last, name) << "labels are sorted and unique";
        last = name;
        labels += (labels.empty() ? "" : ",") + name + "=" + std::string(take_field(part, number));
      } else {
        const std::string_view bits = take_field(part, number);
        double v = 0;
        std::memcpy(&v, bits.data(), sizeof v);
        std::string_view time = take_field(part, number);
        uint64_t t = 0;
        EXPECT_TRUE(take_varint(time, t));
        out.t_ms = static_cast<int64_t>(t);
        EXPECT_TRUE(out.series.emplace(labels, v).second) << labels;
      }
    }
  }
  return out;
}

TEST(WriteRequest, SaysWhoWeAreAndEndsWhatIsGone) {
  WriteRequestBuilder builder({{"instance", "host"}, {"job", "node"}, {"zone", "a"}});
  Families families;
  add_sample(add_gauge(families, "a", ""), 1.5, {{"cpu", "0"}, {"job", "theirs"}});
  add_sample(add_gauge(families, "b", ""), 2);
  auto& histogram = families.add_family("h", MetricType::kHistogram, "");
  histogram.add(1, LabelSet(), SamplePart::kBucket, 1);
  histogram.add(1, LabelSet(), SamplePart::kBucket, INFINITY);
  histogram.add(3, LabelSet(), SamplePart::kSum);
  families.seal();
  const auto request = builder.build(families, 1'000);
  EXPECT_EQ(request.samples, 6u);
  const Decoded first = decode(request.body);
  EXPECT_EQ(first.t_ms, 1'000);
  const std::map<std::string, double> want = {
      {"__name__=a,cpu=0,exported_job=theirs,instance=host,job=node,zone=a", 1.5},
      {"__name__=b,instance=host,job=node,zone=a", 2},
      {"__name__=h_bucket,instance=host,job=node,le=1.0,zone=a", 1},
      {"__name__=h_bucket,instance=host,job=node,le=+Inf,zone=a", 1},
      {"__name__=h_sum,instance=host,job=node,zone=a", 3},
      {"__name__=up,instance=host,job=node,zone=a", 1},
  };
  EXPECT_EQ(first.series, want);

  families.clear();
  add_sample(add_gauge(families, "b", ""), 3);
  families.seal();
  const Decoded second = decode(builder.build(families, 2'000).body);
  EXPECT_EQ(second.series.size(), 6u);
  EXPECT_TRUE(is_stale(second.series.at("__name__=h_sum,instance=host,job=node,zone=a")));
  EXPECT_EQ(second.series.at("__name__=b,instance=host,job=node,zone=a"), 3);
  EXPECT_EQ(decode(builder.build(families, 3'000).body).series.size(), 2u) << "ended once";
  const Decoded last = decode(builder.build_stale(4'000).body);
  EXPECT_EQ(last.series.size(), 2u);
  for (const auto& [labels, v] : last.series) EXPECT_TRUE(is_stale(v)) << labels;
  EXPECT_EQ(builder.build_stale(5'000).samples, 0u);
}

class SpoolTest : public ::testing::Test {
 protected:
  Spool open(uint64_t bytes_max = 1 << 20) { return std::move(*Spool::open(dir_.file("spool"), bytes_max)); }
  std::vector<std::string> files() {
    std::vector<std::string> out;
    for (const auto& each : std::filesystem::directory_iterator(dir_.file("spool"))) {
      if (each.path().extension() == ".push") out.push_back(each.path());
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  // What is there, oldest first.
  static std::vector<std::string> drain(Spool& spool) {
    std::vector<std::string> out;
    while (const auto entry = spool.front()) {
      out.push_back(entry->body);
      spool.remove(entry->number);
    }
    return out;
  }

  const tidemark::testing::TempDir dir_;
};

TEST_F(SpoolTest, KeepsOrderOverRestarts) {
  {
    Spool spool = open();
    EXPECT_TRUE(spool.put("one", 1'000, 5, false));
    EXPECT_TRUE(spool.put("two", 2'000, 6, true));
    EXPECT_EQ(spool.front()->body, "one");
    EXPECT_EQ(spool.front()->body, "one") << "until it is removed";
    EXPECT_EQ(Spool::open(dir_.file("spool"), 1).error().code(), Code::kUnavailable) << "one process only";
  }
  Spool spool = open();
  EXPECT_EQ(spool.entries(), 2u);
  const auto entry = spool.front();
  EXPECT_EQ(entry->made_ms, 1'000);
  EXPECT_EQ(entry->samples, 5u);
  spool.remove(entry->number);
  EXPECT_TRUE(spool.put("three", 3'000, 7, false));
  EXPECT_THAT(drain(spool), ElementsAre("two", "three"));
  EXPECT_EQ(spool.bytes(), 0u);
  EXPECT_TRUE(files().empty());
}

TEST_F(SpoolTest, TheOldestMakesRoom) {
  Spool spool = open(1'000);
  const std::string body(268, 'x');  // 300 with its head.
  EXPECT_EQ(*spool.put("1" + body.substr(1), 1, 1, false), 0u);
  EXPECT_EQ(*spool.put("2" + body.substr(1), 1, 1, false), 0u);
  EXPECT_EQ(*spool.put("3" + body.substr(1), 1, 1, false), 0u);
  EXPECT_EQ(*spool.put("4" + body.substr(1), 1, 1, false), 1u);
  EXPECT_EQ(spool.entries(), 3u);
  EXPECT_LE(spool.bytes(), 1'000u);
  EXPECT_EQ(spool.front()->body[0], '2');
  EXPECT_EQ(spool.put(std::string(2'000, 'x'), 1, 1, false).error().code(), Code::kLimit);
}

TEST_F(SpoolTest, ATornEntryCostsOnlyItself) {
  {
    Spool spool = open();
    for (const char* body : {"one", "two", "three", "four", "five"}) EXPECT_TRUE(spool.put(body, 1, 1, false));
  }
  const auto paths = files();
  std::filesystem::resize_file(paths[0], 33);  // Cut off.
  std::filesystem::resize_file(paths[1], 0);
  std::fstream(paths[3], std::ios::in | std::ios::out | std::ios::binary).seekp(34).put('X');
  dir_.write("spool/00000000000000000006.push.tmp", "half");
  Spool spool = open();
  EXPECT_THAT(drain(spool), ElementsAre("three", "five"));
  EXPECT_EQ(spool.torn(), 4u);
  EXPECT_EQ(spool.bytes(), 0u);
}

TEST_F(SpoolTest, EachByteOfAnEntryCounts) {
  {
    Spool spool = open();
    EXPECT_TRUE(spool.put("body", 123, 45, false));
  }
  const std::string path = files()[0];
  const auto size = std::filesystem::file_size(path);
  std::ifstream in(path, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  for (size_t i = 0; i < size; ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    dir_.write("spool/00000000000000000001.push", bad);
    Spool spool = open();
    EXPECT_FALSE(spool.front()) << i;
  }
}

// A receiver that answers what it is told to.
class Receiver {
 public:
  explicit Receiver(uint16_t port = 0) {
    net::ServerOptions options;
    options.listen_addresses = {"127.0.0.1:" + std::to_string(port)};
    server_ = std::make_unique<net::Server>(options);
    server_->route("POST", "/write", [this](const net::Request& request, net::Response& response) {
      const MutexLock lock(mu_);
      response.status = status_;
      if (status_ / 100 != 2) response.body = "no, because\nof this";
      if (!retry_after_.empty()) response.headers.emplace_back("Retry-After", retry_after_);
      ++asked_;
      headers_ = request.headers;
      if (status_ / 100 == 2) bodies_.push_back(request.body);
    });
    error_ = server_->start();
  }
  bool up() const { return error_.empty(); }
  uint16_t port() const { return server_->ports()[0]; }
  void answer(int status, std::string retry_after = "") {
    const MutexLock lock(mu_);
    status_ = status;
    retry_after_ = std::move(retry_after);
  }
  std::vector<std::string> bodies() {
    const MutexLock lock(mu_);
    return bodies_;
  }
  int asked() {
    const MutexLock lock(mu_);
    return asked_;
  }
  net::Params headers() {
    const MutexLock lock(mu_);
    return headers_;
  }

 private:
  Mutex mu_;
  int status_ TM_GUARDED_BY(mu_) = 204;
  std::string retry_after_ TM_GUARDED_BY(mu_);
  int asked_ TM_GUARDED_BY(mu_) = 0;
  net::Params headers_ TM_GUARDED_BY(mu_);
  std::vector<std::string> bodies_ TM_GUARDED_BY(mu_);
  std::string error_;
  std::unique_ptr<net::Server> server_;
};

class PusherTest : public ::testing::Test {
 protected:
  void start(uint16_t port) {
    open(port);
    run();
  }
  void open(uint16_t port) {
    PushOptions options;
    options.url = "http://127.0.0.1:" + std::to_string(port) + "/write";
    options.interval_ms = 100;
    options.instance = "host";
    options.stop_grace_ms = stop_grace_ms_;
    options.spool_directory = dir_.file("spool");
    options.bearer_token_file = dir_.write("token", "secret\n");
    const Status status = check_push_options(options);
    ASSERT_TRUE(status.ok()) << status.message();
    auto opened = Pusher::open(options, logger_);
    ASSERT_TRUE(opened) << opened.error().message();
    pusher_ = std::move(*opened);
  }
  void run() {
    pusher_->start([this](int64_t) {
      auto families = std::make_shared<Families>();
      add_sample(add_counter(*families, "collections_total", ""), ++collections_);
      families->seal();
      return families;
    });
  }
  std::string metrics() {
    Families families;
    pusher_->append_metrics(families);
    families.seal();
    std::string out;
    write_text(out, families);
    return out;
  }
  // Every collection in the order it arrived; 0 for an end.
  static std::vector<double> values(const std::vector<std::string>& bodies) {
    std::vector<double> out;
    for (const std::string& body : bodies) {
      const double v = decode(body).series.at("__name__=collections_total,instance=host,job=node");
      out.push_back(is_stale(v) ? 0 : v);
    }
    return out;
  }
  // 1, 2, 3, ... and an end.
  static void expect_whole(const std::vector<double>& got, size_t last) {
    ASSERT_EQ(got.size(), last + 1);
    for (size_t i = 0; i < last; ++i) EXPECT_EQ(got[i], static_cast<double>(i + 1));
    EXPECT_EQ(got.back(), 0);
  }

  const tidemark::testing::TempDir dir_;
  tidemark::testing::MemoryLogger logger_;
  std::atomic<int> collections_{0};
  int64_t stop_grace_ms_ = 5'000;
  std::unique_ptr<Pusher> pusher_;
};

TEST_F(PusherTest, DeliversEachCollectionAndItsEnd) {
  Receiver receiver;
  start(receiver.port());
  EXPECT_TRUE(eventually([&] { return receiver.bodies().size() >= 3; }));
  EXPECT_EQ(net::find_param(receiver.headers(), "authorization"), "Bearer secret");
  EXPECT_EQ(net::find_param(receiver.headers(), "content-encoding"), "snappy");
  EXPECT_EQ(net::find_param(receiver.headers(), "x-prometheus-remote-write-version"), "0.1.0");
  pusher_->stop();
  expect_whole(values(receiver.bodies()), static_cast<size_t>(collections_));
  EXPECT_EQ(decode(receiver.bodies()[0]).series.at("__name__=up,instance=host,job=node"), 1);
  EXPECT_THAT(metrics(), AllOf(HasSubstr("tidemark_push_spool_entries 0\n"), HasSubstr("tidemark_push_failing 0\n"),
                               HasSubstr("tidemark_push_requests_total{code=\"204\"} ")));
}

TEST_F(PusherTest, AnOutageLosesNothing) {
  auto receiver = std::make_unique<Receiver>();
  const uint16_t port = receiver->port();
  start(port);
  EXPECT_TRUE(eventually([&] { return receiver->bodies().size() >= 2; }));
  receiver->answer(503);
  EXPECT_TRUE(eventually([&] { return collections_ >= 5; }));
  const std::vector<std::string> before = receiver->bodies();
  receiver = nullptr;
  EXPECT_TRUE(eventually([&] { return collections_ >= 8; }));
  EXPECT_THAT(metrics(), HasSubstr("tidemark_push_failing 1\n"));
  receiver = std::make_unique<Receiver>(port);
  ASSERT_TRUE(receiver->up());
  EXPECT_TRUE(eventually([&] { return receiver->bodies().size() >= 6; }));
  pusher_->stop();
  std::vector<std::string> all = before;
  for (const std::string& body : receiver->bodies()) all.push_back(body);
  expect_whole(values(all), static_cast<size_t>(collections_));
  EXPECT_TRUE(logger_.contains("push works again"));
}

TEST_F(PusherTest, WhatIsLeftIsDeliveredByTheNextStart) {
  uint16_t port = 0;
  {
    const Receiver gone;
    port = gone.port();
  }
  start(port);
  EXPECT_TRUE(eventually([&] { return collections_ >= 3; }));
  pusher_->stop();
  const auto first = static_cast<size_t>(collections_);
  EXPECT_TRUE(logger_.contains("stay in the spool"));
  pusher_ = nullptr;
  collections_ = 0;
  Receiver receiver(port);
  ASSERT_TRUE(receiver.up());
  start(port);
  EXPECT_TRUE(eventually([&] { return receiver.bodies().size() >= first + 2; }));
  pusher_->stop();
  std::vector<double> got = values(receiver.bodies());
  ASSERT_GT(got.size(), first);
  expect_whole({got.begin(), got.begin() + static_cast<ptrdiff_t>(first) + 1}, first);
}

TEST_F(PusherTest, WhatIsRefusedIsDroppedAndCounted) {
  Receiver receiver;
  receiver.answer(400);
  start(receiver.port());
  EXPECT_TRUE(eventually([&] { return receiver.asked() >= 3; }));
  receiver.answer(204);
  EXPECT_TRUE(eventually([&] { return !receiver.bodies().empty(); }));
  pusher_->stop();
  EXPECT_GT(values(receiver.bodies())[0], 2);
  EXPECT_THAT(metrics(), Not(HasSubstr("tidemark_push_dropped_entries_total{reason=\"refused\"} 0\n")));
  EXPECT_TRUE(logger_.contains("HTTP status 400: no, because"));
}

TEST_F(PusherTest, RetryAfterIsHeeded) {
  Receiver receiver;
  receiver.answer(429, "3600");
  start(receiver.port());
  EXPECT_TRUE(eventually([&] { return receiver.asked() >= 1 && collections_ >= 8; }));
  EXPECT_EQ(receiver.asked(), 1);
  receiver.answer(204);
  pusher_->stop();  // Tries once more.
  expect_whole(values(receiver.bodies()), static_cast<size_t>(collections_));
}

TEST_F(PusherTest, AReceiverThatNeverAnswersDoesNotHoldTheStop) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), bytes), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &bytes), 0);
  stop_grace_ms_ = 300;
  start(ntohs(address.sin_port));
  EXPECT_TRUE(eventually([&] { return collections_ >= 2; }));
  const int64_t start_ns = system_clock().monotonic_ns();
  pusher_->stop();
  EXPECT_LT(system_clock().monotonic_ns() - start_ns, 4'000'000'000);
  ::close(listener);
}

TEST_F(PusherTest, WhatTheDiskDoesNotTakeIsDeliveredAllTheSame) {
  Receiver receiver;
  open(receiver.port());
  const std::string spool = dir_.file("spool");
  std::filesystem::rename(spool, dir_.file("gone"));
  run();
  EXPECT_TRUE(eventually([&] { return receiver.bodies().size() >= 3; }));
  EXPECT_TRUE(logger_.contains("cannot spool what is to be pushed"));
  receiver.answer(503);
  EXPECT_TRUE(eventually([&] { return metrics().find("tidemark_push_memory_entries 0\n") == std::string::npos; }));
  // It takes all that waits once it can.
  std::filesystem::rename(dir_.file("gone"), spool);
  EXPECT_TRUE(eventually([&] { return logger_.contains("the spool takes again"); }));
  EXPECT_THAT(metrics(), HasSubstr("tidemark_push_memory_entries 0\n"));
  receiver.answer(204);
  pusher_->stop();
  expect_whole(values(receiver.bodies()), static_cast<size_t>(collections_));
  EXPECT_THAT(metrics(), HasSubstr("tidemark_push_dropped_entries_total{reason=\"spool_error\"} 0\n"));
}

TEST_F(PusherTest, ADiskThatHangsDoesNotHoldUpAScrape) {
  Receiver receiver;
  open(receiver.port());
  const std::string next = dir_.file("spool/00000000000000000001.push.tmp");
  ASSERT_EQ(::mkfifo(next.c_str(), 0600), 0);  // To open it waits for a reader.
  run();
  EXPECT_TRUE(eventually([&] { return collections_ >= 1; }));
  EXPECT_THAT(metrics(), HasSubstr("tidemark_push_spool_entries 0\n"));
  ASSERT_EQ(::link(next.c_str(), dir_.file("end").c_str()), 0);
  ASSERT_EQ(::unlink(next.c_str()), 0);
  const int reader = ::open(dir_.file("end").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  EXPECT_TRUE(eventually([&] { return receiver.bodies().size() >= 2; }));
  ::close(reader);
  pusher_->stop();
  expect_whole(values(receiver.bodies()), static_cast<size_t>(collections_));
}

TEST(PushQueue, KeepsOrderWhenTheDiskComesAndGoes) {
  const tidemark::testing::TempDir dir;
  const std::string folder = dir.file("spool");
  PushQueue queue(std::move(*Spool::open(folder, 1 << 20)));
  const auto put = [&](const std::string& body) { return queue.put(body, 1, 1, false); };
  const auto deliver = [&] {
    const auto entry = queue.take();
    if (!entry) return std::string("none");
    queue.done(*entry);
    return entry->body;
  };
  EXPECT_TRUE(put("1").spool.ok());
  std::filesystem::rename(folder, dir.file("gone"));
  EXPECT_FALSE(put("2").spool.ok());
  EXPECT_EQ(queue.numbers().entries, 2u);
  std::filesystem::rename(dir.file("gone"), folder);
  EXPECT_EQ(deliver(), "1");
  const auto second = queue.take();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->body, "2");
  put("3");  // Stays behind the one that is being sent.
  EXPECT_EQ(queue.numbers().in_memory, 2u);
  queue.later();
  put("4");
  EXPECT_EQ(queue.numbers().in_memory, 0u);
  for (const char* want : {"2", "3", "4", "none"}) EXPECT_EQ(deliver(), want);
  EXPECT_EQ(queue.numbers().entries, 0u);
  // Memory has a bound too; the newest stays.
  std::filesystem::remove_all(folder);
  size_t lost = 0;
  for (int i = 0; i < 10; ++i) lost += put(std::to_string(i) + std::string(1 << 20, 'x')).lost;
  EXPECT_EQ(lost, 7u);
  EXPECT_EQ(deliver()[0], '7');
}

TEST(PushOptions, MistakesNameTheirFlag) {
  const auto f = [](auto change, const std::string& want) {
    PushOptions options;
    options.url = "http://localhost:9090/api/v1/write";
    change(options);
    const Status status = check_push_options(options);
    EXPECT_THAT(status.ok() ? "none" : status.message(), HasSubstr(want));
  };
  f([](auto&) {}, "none");
  f([](auto& o) { o.url = "ftp://x"; }, "--push.url");
  f([](auto& o) { o.url = "http://a:b@x/"; }, "--push.username");
  f([](auto& o) { o.interval_ms = 5; }, "--push.interval");
  f([](auto& o) { o.label_texts = {"a"}; }, "--push.label must be NAME=VALUE");
  f([](auto& o) { o.label_texts = {"job=x"}; }, "\"job\" is given twice");
  f([](auto& o) { o.spool_bytes_max_text = "1"; }, "--push.spool-max-bytes");
  f([](auto& o) { o.spool_bytes_max_text = "1KB"; }, "at least 1MB");
  f([](auto& o) { o.username = "a"; }, "--push.password-file");
  f([](auto& o) { o.tls.cert_file = "a"; }, "--push.tls-key-file");
}

}  // namespace
}  // namespace tidemark::exporter::testing
