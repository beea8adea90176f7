// Tidemark and its exporter as processes on free ports, with a directory of their own.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/e2e/http.h"
#include "tests/e2e/program.h"
#include "tests/support/temp_dir.h"

namespace tidemark::testing {

// tidemark-exporter on a free port.
class ExporterProcess {
 public:
  explicit ExporterProcess(const std::vector<std::string>& flags = {});

  uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  Program& program() { return *program_; }

 private:
  std::unique_ptr<Program> program_;
  uint16_t port_ = 0;
};

// tidemark on a free port. start() can be called again after a stop or a kill: same directory, same configuration.
class TidemarkProcess {
 public:
  // The configuration file's text; more files (alerts.yaml) can be written into dir() before start().
  explicit TidemarkProcess(std::string_view config, std::vector<std::string> flags = {});

  // Starts and waits until /-/ready answers 200. False when it ended or took too long: see output().
  bool start();
  // SIGTERM and wait; the exit code, -1 when it did not stop within `limit`.
  int stop(std::chrono::milliseconds limit = std::chrono::seconds(10));
  void kill();

  void write_config(std::string_view config) { dir_.write("tidemark.yml", config); }
  const TempDir& dir() const { return dir_; }
  std::string data_dir() const { return dir_.file("data"); }
  uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  Program& program() { return *program_; }
  std::string output() const { return program_ ? program_->output() : ""; }
  std::vector<std::string> argv() const;

 private:
  TempDir dir_;
  std::vector<std::string> flags_;
  std::unique_ptr<Program> program_;
  uint16_t port_ = 0;
};

}  // namespace tidemark::testing
