#include "tests/e2e/tidemark_process.h"

#include <signal.h>

#include "tests/support/eventually.h"

namespace tidemark::testing {

ExporterProcess::ExporterProcess(const std::vector<std::string>& flags) {
  std::vector<std::string> argv{bin_path("tidemark-exporter"), "--web.listen-address=127.0.0.1:0"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  program_ = std::make_unique<Program>(argv);
  port_ = program_->listening_port();
}

TidemarkProcess::TidemarkProcess(std::string_view config, std::vector<std::string> flags) : flags_(std::move(flags)) {
  write_config(config);
}

std::vector<std::string> TidemarkProcess::argv() const {
  std::vector<std::string> argv{bin_path("tidemark"), "--config.file=" + dir_.file("tidemark.yml"),
                                "--storage.tsdb.path=" + data_dir(), "--web.listen-address=127.0.0.1:0"};
  argv.insert(argv.end(), flags_.begin(), flags_.end());
  return argv;
}

bool TidemarkProcess::start() {
  program_ = std::make_unique<Program>(argv());
  port_ = program_->listening_port();
  if (port_ == 0) return false;
  return eventually([this] { return get(port_, "/-/ready").status == 200 || !program_->running(); },
                    std::chrono::seconds(20)) &&
         program_->running();
}

int TidemarkProcess::stop(std::chrono::milliseconds limit) {
  program_->signal(SIGTERM);
  return program_->wait(limit).value_or(-1);
}

void TidemarkProcess::kill() {
  program_->signal(SIGKILL);
  program_->wait();
}

}  // namespace tidemark::testing
