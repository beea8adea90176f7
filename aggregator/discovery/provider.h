// Provider: one source of targets. The door for further kinds of service discovery: one class each, made in
// discovery.cc from its part of the configuration.
#pragma once

#include <cstdint>
#include <vector>

#include "aggregator/discovery/target_group.h"

namespace tidemark::discovery {

// Belongs to one thread at a time; Discovery sees to that.
class Provider {
 public:
  virtual ~Provider() = default;

  // Looks at the source again; may block on it, not for ever. True when groups() has changed. A source that cannot be
  // read leaves the groups as they were: targets that were there are better than none.
  virtual bool refresh() = 0;

  // Of the last refresh() that worked; empty before the first.
  virtual std::vector<TargetGroup> groups() const = 0;

  // How long after one refresh() the next is due; 0: the source never changes.
  virtual int64_t refresh_interval_ms() const = 0;

  // Parts of the source that could not be read when last tried, and how often that has happened.
  virtual size_t broken() const { return 0; }
  virtual uint64_t errors() const { return 0; }
};

}  // namespace tidemark::discovery
