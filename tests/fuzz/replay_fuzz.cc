// A store whose log has a record of any bytes between good ones: it opens, holds what the good ones say, closes, and
// opens again to the same content. Much slower than the others: a few dozen a second.
#include <prometheus/registry.h>

#include <bit>
#include <map>
#include <memory>
#include <vector>

#include "aggregator/storage/data_dir.h"
#include "aggregator/storage/keys.h"
#include "aggregator/storage/log_record.h"
#include "aggregator/storage/rocks.h"
#include "aggregator/storage/store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace tidemark {
namespace {

using Content = std::map<std::string, std::map<int64_t, uint64_t>>;

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int kSeries = 3;
constexpr int kBatches = 3;

std::unique_ptr<storage::Store> open(const storage::Options& options, const Clock& clock,
                                     prometheus::Registry& registry) {
  auto store = storage::Store::open(options, clock, null_logger(), registry);
  fuzz::require(store.has_value(), "the store opens");
  return std::move(*store);
}

Content read(storage::Store& store) {
  Content out;
  const auto querier = store.querier();
  const auto set = (*querier)->select({Matcher::equal(kMetricName, "fuzz")}, INT64_MIN, INT64_MAX, {}, false);
  std::vector<int64_t> t_ms(100);
  std::vector<double> v(100);
  while (set->next()) {
    auto& column = out[set->labels().to_string()];
    storage::SampleReader& samples = set->samples();
    while (const size_t count = samples.next(t_ms, v)) {
      for (size_t i = 0; i < count; ++i) column[t_ms[i]] = std::bit_cast<uint64_t>(v[i]);
    }
    fuzz::require(samples.status().ok(), "samples read");
  }
  fuzz::require(set->status().ok(), "series read");
  return out;
}

void write(storage::Store& store) {
  for (int b = 0; b < kBatches; ++b) {
    storage::Batch batch;
    for (int s = 0; s < kSeries; ++s) {
      batch.add(storage::kNoRef, Labels{{"__name__", "fuzz"}, {"series", std::to_string(s)}}, kStartMs + b * 15'000,
                s * 1000 + b);
    }
    const auto report = store.commit(batch);
    fuzz::require(report && report->accepted() == batch.size(), "good samples are accepted");
  }
}

// Behind the good ones.
void put_log_record(const storage::Options& options, const std::string& record) {
  const auto dir = storage::prepare_data_dir(options.path);
  fuzz::require(dir.has_value(), "the directory is good");
  const auto rocks = storage::Rocks::open(*dir, options, null_logger());
  fuzz::require(rocks.has_value(), "the database opens");
  const auto status = (*rocks)->db().Put(rocksdb::WriteOptions(), (*rocks)->family(storage::Family::kLog),
                                         storage::log_key(100), record);
  fuzz::require(status.ok(), "a record is put");
}

}  // namespace
}  // namespace tidemark

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark;
  const testing::TempDir dir;
  testing::FakeClock clock(kStartMs);
  storage::Options options;
  options.path = dir.file("data");
  options.sync = storage::SyncPolicy::kNever;
  options.retention_ms = 0;
  options.shards = 2;
  const std::string record = fuzz::with_checksum(fuzz::view(data, size));
  Content want;
  {
    prometheus::Registry registry;
    const auto store = open(options, clock, registry);
    write(*store);
    want = read(*store);
  }
  put_log_record(options, record);
  std::vector<storage::LogSample> samples;
  std::vector<storage::LogHistogram> histograms;
  if (storage::decode_log_record(record, samples, histograms).ok()) {
    for (const auto& sample : samples) {
      if (sample.series > kSeries) continue;  // Has no record: left out.
      want[Labels{{"__name__", "fuzz"}, {"series", std::to_string(sample.series - 1)}}.to_string()][sample.t_ms] =
          std::bit_cast<uint64_t>(sample.v);
    }
  }
  for (int i = 0; i < 2; ++i) {
    prometheus::Registry registry;
    const auto store = open(options, clock, registry);
    fuzz::require(read(*store) == want, "the store holds what the log says");
    fuzz::require(store->close().ok(), "the store closes");
  }
  return 0;
}
