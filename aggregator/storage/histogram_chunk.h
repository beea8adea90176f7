// The payload of a chunk of native histograms: columns as those of floats, one for each number a histogram has. A
// bucket that counts up from sample to sample packs like any counter.
//
//   payload  times (column_times.h, without the first) | hints | run*
//   hints    (varint(samples << 2 | hint))*, of all samples
//   run      varint(samples) | layout (histogram_code.h) | counts | zero counts | sums | a column for each bucket of
//   the
//            positive side, then of the negative one     columns as in column_values.h
//
// A run is of one layout. Written whole, once; exact. Any bytes may be read: what is no payload is told.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "aggregator/storage/chunk.h"
#include "model/native_histogram.h"
#include "model/sample.h"

namespace tidemark::storage {

// A whole chunk as it lies in the chunks family. REQUIRES: not empty, at most kChunkSamplesMax, times rise and lie
// within one window; histograms that check_histogram() takes; as many start timestamps as samples, or none at all.
std::string make_histogram_chunk(std::span<const HistogramSample> samples, std::span<const int64_t> start_ms = {});

// All samples of a chunk of Codec::kHistograms, with the hints they came with. Empty when it does not decode.
std::vector<HistogramSample> decode_histograms(const ChunkView& chunk);

}  // namespace tidemark::storage
