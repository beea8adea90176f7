#include "aggregator/promql/functions.h"

#include <algorithm>
#include <iterator>

namespace tidemark::promql {
namespace {

constexpr ValueType S = ValueType::kScalar;
constexpr ValueType V = ValueType::kVector;
constexpr ValueType M = ValueType::kMatrix;
constexpr ValueType T = ValueType::kString;

// Signatures, by the initials of their types.
constexpr ValueType kM[] = {M};
constexpr ValueType kMS[] = {M, S};
constexpr ValueType kMSS[] = {M, S, S};
constexpr ValueType kS[] = {S};
constexpr ValueType kSM[] = {S, M};
constexpr ValueType kSS[] = {S, S};
constexpr ValueType kSSV[] = {S, S, V};
constexpr ValueType kSV[] = {S, V};
constexpr ValueType kV[] = {V};
constexpr ValueType kVS[] = {V, S};
constexpr ValueType kVSS[] = {V, S, S};
constexpr ValueType kVT[] = {V, T};
constexpr ValueType kVTSS[] = {V, T, S, S};
constexpr ValueType kVTTT[] = {V, T, T, T};
constexpr ValueType kVTTTT[] = {V, T, T, T, T};
constexpr ValueType kVV[] = {V, V};

// Sorted by name.
constexpr Function kFunctions[] = {
    {"abs", kV, 0, V, false},
    {"absent", kV, 0, V, false},
    {"absent_over_time", kM, 0, V, false},
    {"acos", kV, 0, V, false},
    {"acosh", kV, 0, V, false},
    {"asin", kV, 0, V, false},
    {"asinh", kV, 0, V, false},
    {"atan", kV, 0, V, false},
    {"atanh", kV, 0, V, false},
    {"avg_over_time", kM, 0, V, false},
    {"ceil", kV, 0, V, false},
    {"changes", kM, 0, V, false},
    {"clamp", kVSS, 0, V, false},
    {"clamp_max", kVS, 0, V, false},
    {"clamp_min", kVS, 0, V, false},
    {"cos", kV, 0, V, false},
    {"cosh", kV, 0, V, false},
    {"count_over_time", kM, 0, V, false},
    {"day_of_month", kV, 1, V, false},
    {"day_of_week", kV, 1, V, false},
    {"day_of_year", kV, 1, V, false},
    {"days_in_month", kV, 1, V, false},
    {"deg", kV, 0, V, false},
    {"delta", kM, 0, V, false},
    {"deriv", kM, 0, V, false},
    {"double_exponential_smoothing", kMSS, 0, V, true},
    {"end", {}, 0, S, true},
    {"exp", kV, 0, V, false},
    {"first_over_time", kM, 0, V, false},
    {"floor", kV, 0, V, false},
    {"histogram_avg", kV, 0, V, false},
    {"histogram_count", kV, 0, V, false},
    {"histogram_fraction", kSSV, 0, V, false},
    {"histogram_quantile", kSV, 0, V, false},
    {"histogram_quantiles", kVTSS, 9, V, true},
    {"histogram_stddev", kV, 0, V, false},
    {"histogram_stdvar", kV, 0, V, false},
    {"histogram_sum", kV, 0, V, false},
    {"hour", kV, 1, V, false},
    {"idelta", kM, 0, V, false},
    {"increase", kM, 0, V, false},
    {"info", kVV, 1, V, true},
    {"irate", kM, 0, V, false},
    {"label_join", kVTTT, Function::kUnbounded, V, false},
    {"label_replace", kVTTTT, 0, V, false},
    {"last_over_time", kM, 0, V, false},
    {"ln", kV, 0, V, false},
    {"log10", kV, 0, V, false},
    {"log2", kV, 0, V, false},
    {"mad_over_time", kM, 0, V, true},
    {"max_of", kSS, 0, S, true},
    {"max_over_time", kM, 0, V, false},
    {"min_of", kSS, 0, S, true},
    {"min_over_time", kM, 0, V, false},
    {"minute", kV, 1, V, false},
    {"month", kV, 1, V, false},
    {"pi", {}, 0, S, false},
    {"predict_linear", kMS, 0, V, false},
    {"present_over_time", kM, 0, V, false},
    {"quantile_over_time", kSM, 0, V, false},
    {"rad", kV, 0, V, false},
    {"range", {}, 0, S, true},
    {"rate", kM, 0, V, false},
    {"resets", kM, 0, V, false},
    {"round", kVS, 1, V, false},
    {"scalar", kV, 0, S, false},
    {"sgn", kV, 0, V, false},
    {"sin", kV, 0, V, false},
    {"sinh", kV, 0, V, false},
    {"sort", kV, 0, V, false},
    {"sort_by_label", kVT, Function::kUnbounded, V, true},
    {"sort_by_label_desc", kVT, Function::kUnbounded, V, true},
    {"sort_desc", kV, 0, V, false},
    {"sqrt", kV, 0, V, false},
    {"start", {}, 0, S, true},
    {"start_timestamp", kV, 0, V, true},
    {"stddev_over_time", kM, 0, V, false},
    {"stdvar_over_time", kM, 0, V, false},
    {"step", {}, 0, S, true},
    {"sum_over_time", kM, 0, V, false},
    {"tan", kV, 0, V, false},
    {"tanh", kV, 0, V, false},
    {"time", {}, 0, S, false},
    {"timestamp", kV, 0, V, false},
    {"ts_of_first_over_time", kM, 0, V, true},
    {"ts_of_last_over_time", kM, 0, V, true},
    {"ts_of_max_over_time", kM, 0, V, true},
    {"ts_of_min_over_time", kM, 0, V, true},
    {"vector", kS, 0, V, false},
    {"year", kV, 1, V, false},
};

}  // namespace

const Function* find_function(std::string_view name) {
  const auto* found = std::lower_bound(std::begin(kFunctions), std::end(kFunctions), name,
                                       [](const Function& f, std::string_view wanted) { return f.name < wanted; });
  return found != std::end(kFunctions) && found->name == name ? found : nullptr;
}

std::span<const Function> all_functions() { return kFunctions; }

}  // namespace tidemark::promql
