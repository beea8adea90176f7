// Values as Prometheus' messages print them.
#pragma once

#include <string>

#include "model/labels.h"

namespace tidemark::promql {

// As Go's %g: the shortest text that reads back the same, with an exponent below 1e-4 and from 1e6 on.
std::string general(double v);

// {__name__="up", job="x"}: the name is a label like any other.
std::string braces(LabelsView labels);

}  // namespace tidemark::promql
