// Values as Prometheus' messages print them.
#pragma once

#include <string>

namespace tidemark::promql {

// As Go's %g: the shortest text that reads back the same, with an exponent below 1e-4 and from 1e6 on.
std::string general(double v);

}  // namespace tidemark::promql
