// /proc/net/rpc/nfs and nfsd: lines of a keyword and numbers, "net 18628 0 18628 6". Lines of procedures begin with how
// many numbers follow. Kernels differ in which lines and how many numbers there are.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exporter/family.h"
#include "model/status.h"

namespace tidemark::exporter {

// One line's numbers; a number the kernel does not print reads as 0.
class RpcNumbers {
 public:
  uint64_t operator[](size_t i) const { return i < values_.size() ? values_[i] : 0; }
  size_t size() const { return values_.size(); }

 private:
  friend class RpcStats;
  std::vector<uint64_t> values_;
};

class RpcStats {
 public:
  Status parse(std::string_view path, std::string_view text);
  const RpcNumbers& line(std::string_view keyword) const;  // Without numbers when there was no such line.

 private:
  struct Line {
    std::string keyword;
    RpcNumbers numbers;
  };
  std::vector<Line> lines_;
};

// A procedure's name, and where its number stands on the line, the count in front included.
struct RpcProcedure {
  std::string_view method;
  size_t position;
};

void add_procedures(Family& requests, std::string_view protocol, std::span<const RpcProcedure> procedures,
                    const RpcNumbers& numbers);

extern const std::span<const RpcProcedure> kNfs2Procedures;  // Without NULL, as is kNfs3Procedures.
extern const std::span<const RpcProcedure> kNfs3Procedures;

}  // namespace tidemark::exporter
