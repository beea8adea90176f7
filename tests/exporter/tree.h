// Recorded trees of /proc and /sys as one text file each, so that a device of fifty files is read at a glance:
//
//   # A comment.
//   [sys/class/hwmon/hwmon0]             what follows is below this directory; "[]": the top
//   name: coretemp                       a file with this one line
//   device -> ../../../devices/isa.0     a symbolic link
//   empty/                               a directory
//   table:                               a file of several lines
//   | name  active
//   | one   1
//   cut: \                               a file that ends without a newline: "cut" here is empty
#pragma once

#include <string>

#include "model/status.h"

namespace tidemark::exporter::testing {

// Makes the tree that `file` describes below the directory `root`. The error names the line.
Status unpack_tree(const std::string& file, const std::string& root);

}  // namespace tidemark::exporter::testing
