#include "exporter/rpc_stats.h"

#include <fmt/format.h>

#include <algorithm>

#include "exporter/text_scan.h"

namespace tidemark::exporter {
namespace {

constexpr size_t kNumbersMax = 1'024;

// In the order of the kernel's procedure numbers (RFC 1094, RFC 1813).
constexpr RpcProcedure kNfs2[] = {{"GetAttr", 2},  {"SetAttr", 3}, {"Root", 4},     {"Lookup", 5},  {"ReadLink", 6},
                                  {"Read", 7},     {"WrCache", 8}, {"Write", 9},    {"Create", 10}, {"Remove", 11},
                                  {"Rename", 12},  {"Link", 13},   {"SymLink", 14}, {"MkDir", 15},  {"RmDir", 16},
                                  {"ReadDir", 17}, {"FsStat", 18}};
constexpr RpcProcedure kNfs3[] = {
    {"GetAttr", 2}, {"SetAttr", 3},   {"Lookup", 4}, {"Access", 5},   {"ReadLink", 6},     {"Read", 7},
    {"Write", 8},   {"Create", 9},    {"MkDir", 10}, {"SymLink", 11}, {"MkNod", 12},       {"Remove", 13},
    {"RmDir", 14},  {"Rename", 15},   {"Link", 16},  {"ReadDir", 17}, {"ReadDirPlus", 18}, {"FsStat", 19},
    {"FsInfo", 20}, {"PathConf", 21}, {"Commit", 22}};

}  // namespace

const std::span<const RpcProcedure> kNfs2Procedures = kNfs2;
const std::span<const RpcProcedure> kNfs3Procedures = kNfs3;

Status RpcStats::parse(std::string_view path, std::string_view text) {
  lines_.clear();
  for (int number = 1; !text.empty(); ++number) {
    std::string_view rest = next_line(text);
    const std::string_view keyword = next_word(rest);
    if (keyword.empty()) continue;
    Line& line = lines_.emplace_back();
    line.keyword = keyword;
    for (auto word = next_word(rest); !word.empty(); word = next_word(rest)) {
      // "th 8 0 0.000 ...": how busy the threads were is no longer counted.
      if (keyword == "th" && line.numbers.size() == 2) break;
      const auto value = to_u64(word);
      if (!value || line.numbers.size() >= kNumbersMax)
        return Status::invalid(fmt::format("{}:{}: \"{}\" of {} is not a number", path, number, word, keyword));
      line.numbers.values_.push_back(*value);
    }
  }
  return lines_.empty() ? Status::invalid(fmt::format("{}: empty", path)) : Status();
}

const RpcNumbers& RpcStats::line(std::string_view keyword) const {
  static const RpcNumbers kNone;
  const auto found =
      std::find_if(lines_.begin(), lines_.end(), [&](const Line& one) { return one.keyword == keyword; });
  return found == lines_.end() ? kNone : found->numbers;
}

void add_procedures(Family& requests, std::string_view protocol, std::span<const RpcProcedure> procedures,
                    const RpcNumbers& numbers) {
  for (const RpcProcedure& procedure : procedures)
    add_sample(requests, static_cast<double>(numbers[procedure.position]),
               {{"method", procedure.method}, {"proto", protocol}});
}

}  // namespace tidemark::exporter
