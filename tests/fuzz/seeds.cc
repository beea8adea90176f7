// Writes a seed corpus for each fuzz target, made by the encoders themselves: seeds FOLDER fills FOLDER/<target>/.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "aggregator/storage/checkpoint_record.h"
#include "aggregator/storage/chunk_codec.h"
#include "aggregator/storage/head_group.h"
#include "aggregator/storage/histogram_chunk.h"
#include "aggregator/storage/int_column.h"
#include "aggregator/storage/lifetimes.h"
#include "aggregator/storage/log_record.h"
#include "aggregator/storage/open_chunk.h"
#include "aggregator/storage/postings.h"
#include "aggregator/storage/rollup_chunk.h"
#include "aggregator/storage/window_marks.h"
#include "tests/remote/write_request.h"

namespace tidemark::storage {
namespace {

constexpr int64_t kStartMs = 1'700'000'000'000;

class Seeds {
 public:
  explicit Seeds(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void add(const std::string& target, std::string_view bytes) {
    const auto path = folder_ / target;
    std::filesystem::create_directories(path);
    std::ofstream out(path / std::to_string(count_++), std::ios::binary);
    out << bytes;
    if (!out.flush()) throw std::runtime_error("cannot write into " + path.string());
  }
  // Targets put checksums on by themselves.
  void add_without_checksum(const std::string& target, std::string_view bytes) {
    add(target, bytes.substr(0, bytes.size() - 4));
  }

 private:
  const std::filesystem::path folder_;
  size_t count_ = 0;
};

// Shapes of monitoring: 0 constant, 1 counter, 2 two decimals, 3 noise, 4 what is no number.
double shaped(int shape, uint32_t i, std::mt19937_64& random) {
  switch (shape) {
    case 0:
      return 42;
    case 1:
      return i * 100.0 + static_cast<double>(random() % 30);
    case 2:
      return static_cast<double>(random() % 10'000) / 100;
    case 3:
      return std::sin(i) * 1e-3;
    default:
      return i % 3 == 0 ? std::nan("7") : i % 3 == 1 ? -0.0 : -std::numeric_limits<double>::infinity();
  }
}

// So many, of a layout that hangs on the shape.
std::vector<LateHistogram> histograms_like(int shape, int count) {
  std::vector<LateHistogram> out;
  for (int i = 0; i < count; ++i) {
    auto h = std::make_shared<NativeHistogram>();
    h->schema = shape == 4 ? kCustomBuckets : shape - 1;
    h->positive = {{{shape, 2}, {i > 2 ? 3 : 1, 1}}, {1.0 + i, 2.0 * i, 0.5 * shape}};
    h->count = 1.0 + 3 * i + 0.5 * shape;
    h->sum = 1.25 * i;
    if (shape == 4) h->bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
    if (shape == 2) h->zero_threshold = 1e-3;
    if (shape == 3) h->negative = {{{-4, 1}}, {7}};
    out.push_back({kStartMs + 90'000 + i * 15'000, std::move(h), 5, shape == 1 ? kStartMs : kNoStart});
  }
  return out;
}

void histogram_chunks(Seeds& seeds) {
  for (int shape = 0; shape < 5; ++shape) {
    for (const int count : {1, 3, 60}) {
      std::vector<HistogramSample> samples;
      std::vector<int64_t> start_ms;
      for (const LateHistogram& one : histograms_like(shape, count)) {
        samples.push_back({one.t_ms, one.histogram});
        start_ms.push_back(one.start_ms);
      }
      seeds.add_without_checksum("histogram_chunk_fuzz", make_histogram_chunk(samples, start_ms));
    }
  }
}

void chunks(Seeds& seeds, std::mt19937_64& random) {
  for (int shape = 0; shape < 5; ++shape) {
    for (const uint32_t count : {1U, 2U, 60U, 512U}) {
      std::vector<int64_t> t_ms;
      std::vector<double> v;
      OpenChunk open;
      for (uint32_t i = 0; i < count; ++i) {
        t_ms.push_back(kStartMs + int64_t{i} * 15'000 + (shape == 3 ? static_cast<int64_t>(random() % 9) : 0));
        v.push_back(shaped(shape, i, random));
        open.append(t_ms.back(), v.back());
      }
      seeds.add_without_checksum("chunk_fuzz", make_chunk(t_ms, v));
      std::vector<int64_t> start_ms(t_ms);
      for (size_t i = 0; i < start_ms.size(); ++i) start_ms[i] -= i % 5 == 4 ? start_ms[i] : 1000;
      seeds.add_without_checksum("chunk_fuzz", make_chunk(t_ms, v, start_ms));
      seeds.add_without_checksum("chunk_fuzz", encode_chunk(open.copy().view()));
      std::string group;
      begin_head_group(group);
      append_head_entry(group, 7, false, open, {}, {}, histograms_like(shape, 3));
      append_head_entry(group, 8, true, open, encode_starts(std::span(t_ms).first(1), std::span(t_ms).first(1)),
                        {{kStartMs - 5, 1.5, 3}, {kStartMs - 4, 2.5, 4, kStartMs}}, {});
      end_head_group(group);
      seeds.add_without_checksum("head_group_fuzz", group);
    }
  }
}

void log_records(Seeds& seeds, std::mt19937_64& random) {
  for (int shape = 0; shape < 5; ++shape) {
    std::vector<LogSample> samples;
    for (uint32_t i = 0; i < 20; ++i) {
      samples.push_back({1 + i % 4, kStartMs + 60'000 + i / 4 * 15'000, shaped(shape, i, random), kNoStart});
      if (shape == 2 && i > 10) samples.back().start_ms = kStartMs;
    }
    std::string record;
    std::vector<LogHistogram> histograms;
    for (const LateHistogram& one : histograms_like(shape, 4)) {
      histograms.push_back({9, one.t_ms, one.start_ms, one.histogram});
    }
    encode_log_record(samples, histograms, record);
    seeds.add_without_checksum("log_record_fuzz", record);
    seeds.add_without_checksum("replay_fuzz", record);
  }
}

void postings(Seeds& seeds, std::mt19937_64& random) {
  Roaring sparse = Roaring::bitmapOf(4, 1U, 5U, 70'000U, 4'000'000'000U);
  Roaring dense;
  for (int i = 0; i < 6000; ++i) dense.add(static_cast<uint32_t>(random() % 65'536));
  Roaring run;
  run.addRange(10, 70'000);
  for (const Roaring& ids : {Roaring(), sparse, dense, run}) seeds.add("postings_fuzz", encode_postings(ids));
  seeds.add("postings_fuzz", encode_postings(sparse) + encode_postings(run));
}

void records(Seeds& seeds) {
  seeds.add_without_checksum("records_fuzz", encode_marker({5, 6, 7, kStartMs, 8}));
  seeds.add_without_checksum("records_fuzz", encode_progress({WindowProgress::kAllIds, 3}));
  seeds.add("records_fuzz", encode_lifetimes({{1, {0, 10}}, {2, {5, 1439}}, {9, {7, 7}}}));
  seeds.add("records_fuzz", chunk_key({Tier::kRaw, 19'000, 7, kStartMs, 9}));
  seeds.add("records_fuzz", postings_key(Tier::k5m, 19'000, "job", "node"));
  seeds.add("records_fuzz", series_key(7));
  seeds.add("records_fuzz", head_group_key({3, 2, 1}));
  seeds.add("records_fuzz", log_key(77));
}

void rollups(Seeds& seeds, std::mt19937_64& random) {
  for (int shape = 0; shape < 4; ++shape) {
    RollupFold fold(Tier::k5m);
    for (uint32_t i = 0; i < 400; ++i) {
      const int64_t t_ms = kStartMs + int64_t{i} * 15'000;
      const double v = shaped(shape, i, random);
      fold.add({&t_ms, 1}, {&v, 1});
    }
    seeds.add_without_checksum("rollup_fuzz", encode_rollup(fold.take()));
  }
  std::vector<int64_t> x;
  for (int64_t i = 0; i < 200; ++i) x.push_back(i * 15'000 + static_cast<int64_t>(random() % 7));
  std::string column("\xc7\x00", 2);  // Its length, less one.
  append_ints(column, x);
  seeds.add("rollup_fuzz", column);
}

void texts(Seeds& seeds) {
  for (const char* query :
       {"up", "sum by (job) (rate(http_requests_total{code=~\"5..\"}[5m] offset 1h)) / on (job) group_left 2 ^ -3",
        "histogram_quantile(0.9, x) or y unless z", "max_over_time((a @ end())[30m:1m])", "{\"a.b\", c!=\"d\"}",
        "label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")", "topk(5, a) > bool 0x1F",
        "info(rate(a[5m] anchored), {b=~\".+\"})", "1e3 + Inf - NaN % 5m"}) {
    seeds.add("promql_fuzz", query);
  }
  seeds.add("exposition_fuzz",
            "# HELP a Some \\n text.\n# TYPE a counter\na{b=\"c\\\"d\",e=\"\"} 1.5 1700000000000\n# TYPE h histogram\n"
            "h_bucket{le=\"+Inf\"} 3\n{\"x.y\",z=\"w\"} NaN\n");
  namespace wire = remote::testing;
  wire::Request2 request2;
  request2.add({{"__name__", "hits_total"}, {"job", "node"}}, {{kStartMs, 1, kStartMs - 5}, {kStartMs + 1000, 2}},
               {.type = 1, .help = "Hits.", .unit = "hits"});
  request2.add_refs({1, 2, 3, 99}, true);
  seeds.add("remote_write_fuzz", request2.message());
  seeds.add(
      "remote_write_fuzz",
      wire::message({wire::series({{"__name__", "up"}, {"job", "node"}}, {{kStartMs, 1}, {kStartMs + 15'000, 0.5}}),
                     wire::series({{"__name__", "h"}}, {{kStartMs, 2}}, 1,
                                  {wire::histogram(kStartMs + 5), wire::custom_histogram(kStartMs + 6)})},
                    {wire::metadata(1, "up", "Whether it is up.", "")}));
}

// What drives samples_fuzz has no encoder: its draws, at random.
void samples(Seeds& seeds, std::mt19937_64& random) {
  for (int i = 0; i < 8; ++i) {
    std::string draws;
    for (int n = 0; n < 400; ++n) draws += static_cast<char>(random() % (i < 4 ? 6 : 256));
    seeds.add("samples_fuzz", draws);
  }
}

}  // namespace
}  // namespace tidemark::storage

int main(int argc, char** argv) {
  using namespace tidemark::storage;
  if (argc != 2) {
    std::cerr << "usage: seeds FOLDER\n";
    return 2;
  }
  Seeds seeds(argv[1]);
  std::mt19937_64 random(1);
  chunks(seeds, random);
  histogram_chunks(seeds);
  log_records(seeds, random);
  postings(seeds, random);
  records(seeds);
  rollups(seeds, random);
  texts(seeds);
  samples(seeds, random);
  return 0;
}
