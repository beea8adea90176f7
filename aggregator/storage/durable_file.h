// Small files beside the database, which must never be found half written.
#pragma once

#include <string>
#include <string_view>

#include "model/status.h"

namespace tidemark::storage {

// Writes `<path>.new`, syncs it, renames it to `path` and syncs the folder: after a crash the file is the old one, or
// the new one whole. kIo with the system's reason and without the path, which the caller names with its remedy.
Status write_durably(const std::string& path, std::string_view bytes);

}  // namespace tidemark::storage
