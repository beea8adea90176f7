// `tidemark check config FILE...` and `tidemark check rules FILE...`: says what the server would say, without starting.
#pragma once

#include <string>
#include <vector>

namespace tidemark {

// `args` is what stands behind "check". Prints to stdout and stderr; the exit code: 0 when all files are right, 1 when
// one is not or the call is wrong.
int check_command(const std::vector<std::string>& args);

}  // namespace tidemark
