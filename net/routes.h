// RouteTable: which handler answers a method on a path. Built before the server starts, read by many threads after.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "net/server.h"

namespace tidemark::net {

struct Route {
  std::string pattern;
  std::vector<std::string> methods;
  std::vector<std::string> segments;  // Of the pattern, split at "/"; "{name}" takes any one segment.
  Handler handler;
  size_t body_bytes_max = 0;  // 0: the server's.
};

// What became of a look-up: a route with what its {names} matched; or no route, and then the methods that the path
// does have ("GET, HEAD, POST"), or "" for an unknown path.
struct RouteMatch {
  const Route* route = nullptr;  // The table's.
  Params path_params;
  std::string allow;
};

class RouteTable {
 public:
  // As Server::route().
  void add(std::string_view methods, std::string_view pattern, Handler handler, size_t body_bytes_max);

  // `raw_path` as it was sent: segments are decoded one by one. Of several routes that fit, the one with the fewest
  // {names} answers. HEAD is answered by a GET route.
  RouteMatch find(std::string_view method, std::string_view raw_path) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace tidemark::net
