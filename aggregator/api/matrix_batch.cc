#include "aggregator/api/matrix_batch.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>

#include "model/mutex.h"

namespace tidemark::api {
namespace {

// Estimates: of a point, a histogram, and what is around them.
constexpr size_t kPointBytes = 36;
constexpr size_t kHistogramBytes = 512;
constexpr size_t kSeriesBytes = 64;

// Some 0.1 ms of encoding, several times what it takes to wake a helper; and a few milliseconds.
constexpr size_t kBatchBytesMin = 64 << 10;
constexpr size_t kBatchBytesMax = 1 << 20;

constexpr size_t kPartsEach = 2;  // A helper that came late leaves one to the others.

size_t bytes_of(const promql::ResultSeries& series) {
  return kSeriesBytes + series.labels.view().encoded().size() * 2 + series.samples.size() * kPointBytes +
         series.histograms.size() * kHistogramBytes;
}

}  // namespace

// Parts are taken one by one, by whoever is free.
class MatrixBatch::Encoding final : public promql::Job {
 public:
  explicit Encoding(std::span<Part> parts) : parts_(parts) {}

  void help() override {
    for (size_t i = next_++; i < parts_.size(); i = next_++) {
      try {
        encode(parts_[i]);
      } catch (...) {  // No memory.
        const MutexLock lock(mu_);
        failure_ = std::current_exception();
      }
    }
  }

  // REQUIRES: nobody helps any more.
  void rethrow() {
    const MutexLock lock(mu_);
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  static void encode(Part& part) {
    part.text.clear();
    for (const promql::ResultSeries& series : part.series) {
      if (!part.text.empty()) part.text += ',';
      part.writer.write(series, part.text, std::numeric_limits<size_t>::max());
    }
  }

  const std::span<Part> parts_;
  std::atomic<size_t> next_ = 0;
  Mutex mu_;
  std::exception_ptr failure_ TM_GUARDED_BY(mu_);
};

MatrixBatch::MatrixBatch(promql::Helpers& helpers) : helpers_(helpers) {}

size_t MatrixBatch::count_of(std::span<const promql::ResultSeries> series, size_t bytes) const {
  const size_t wanted = std::min(bytes, kBatchBytesMax);
  if (wanted < kBatchBytesMin) return 0;
  size_t sum = 0;
  size_t count = 0;
  while (count < series.size() && sum < wanted) sum += bytes_of(series[count++]);
  return count >= 2 && sum >= kBatchBytesMin && sum <= 2 * wanted ? count : 0;
}

void MatrixBatch::append(std::span<const promql::ResultSeries> series, std::string& out) {
  size_t left = 0;
  for (const promql::ResultSeries& one : series) left += bytes_of(one);
  parts_.resize(std::min(series.size(), kPartsEach * (helpers_.count() + 1)));
  for (size_t i = 0; i < parts_.size(); ++i) {
    // What is left, shared equally; each of those to come gets one at least.
    const size_t later = parts_.size() - i - 1;
    const size_t share = left / (later + 1);
    size_t sum = 0;
    size_t count = 0;
    while (count < series.size() - later && (count == 0 || later == 0 || sum < share)) sum += bytes_of(series[count++]);
    parts_[i].series = series.first(count);
    series = series.subspan(count);
    left -= sum;
  }
  Encoding encoding(parts_);
  {
    const promql::Helpers::Loan loan(helpers_, encoding, helpers_.count());
    encoding.help();
  }
  encoding.rethrow();
  for (size_t i = 0; i < parts_.size(); ++i) {
    if (i > 0) out += ',';
    out += parts_[i].text;
  }
}

}  // namespace tidemark::api
