// The ledger test: a store's process is killed with SIGKILL at random points, and each time the next one must find
// every acknowledged sample once, with its latest value, under its own labels; what was not acknowledged, whole or not
// at all.
//
//   crash_ledger [--kills N] [--seed S] [--keep FOLDER]
//
// This process keeps the ledger and never opens a store: RocksDB's threads would not survive its forks. After some
// kills it begins anew with an empty directory, so that no check takes long.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <string_view>
#include <thread>

#include "tests/crash/ledger.h"
#include "tests/crash/writer.h"
#include "tests/support/temp_dir.h"

namespace tidemark::crash {
namespace {

constexpr uint64_t kKillsOfADirectory = 100;
constexpr uint64_t kOpeningUs = 60'000;
// Some hundred operations, and less than what their acknowledgements need to fill a pipe.
constexpr uint64_t kWritingUs = 200'000;

struct Counts {
  uint64_t kills = 0;
  uint64_t operations = 0;
  uint64_t samples = 0;
  uint64_t while_opening = 0;
  uint64_t whole = 0;  // Operations that were under way and are there.
  uint64_t absent = 0;
};

class Parent {
 public:
  explicit Parent(uint64_t seed) : seed_(seed), random_(seed) {}

  // Kills that many writers of one directory. False when something was wrong.
  bool run(const std::string& path, uint64_t kills, Counts& counts) {
    WriterTask task;
    task.path = path;
    task.seed = random_();
    for (uint64_t i = 0; i < kills; ++i) {
      if (!kill_one(task, counts)) {
        std::cerr << "crash_ledger: wrong after kill " << counts.kills << " of seed " << seed_ << ", operations of "
                  << task.seed << ", before operation " << task.next << " (" << op_at(task.seed, task.next).name
                  << "):\n  " << wrong_ << "\n";
        return false;
      }
      ++counts.kills;
    }
    counts.samples += task.ledger.sample_count();
    return true;
  }

 private:
  bool kill_one(WriterTask& task, Counts& counts) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return give_up("pipe2");
    const pid_t child = fork();
    if (child < 0) return give_up("fork");
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(std::move(task), ends[1]);
    }
    ::close(ends[1]);
    // At a moment that does not depend on what the writer says, so that kills fall evenly in time: within commits,
    // sealing, checkpoints, work on closed days. What it said by then lies in the pipe.
    bool found_out = false;
    bool good = true;
    std::optional<std::chrono::steady_clock::time_point> at;
    const auto after = [&](uint64_t us_max) {
      return std::chrono::steady_clock::now() + std::chrono::microseconds(random_() % us_max);
    };
    // One in eight while it opens and checks; the others after that.
    if (random_() % 8 == 0) at = after(kOpeningUs);
    while (good && !at) {
      Message message;
      good = receive(ends[0], message) && take(message, ends[0], task, found_out, counts);
      if (good) at = after(kWritingUs);
    }
    if (good) {
      std::this_thread::sleep_until(*at);
      kill(child, SIGKILL);
      drain(ends[0], task, found_out, counts, good);
    }
    ::close(ends[0]);
    if (!good) kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    if (good && !WIFSIGNALED(status))
      good = give_up("the writer ended by itself, wait status " + std::to_string(status) + "; it");
    if (!found_out) ++counts.while_opening;
    return good;
  }

  bool receive(int pipe, Message& message) {
    return read(pipe, &message, sizeof message) == sizeof message || give_up("read");
  }

  // All that the writer said before it died.
  void drain(int pipe, WriterTask& task, bool& found_out, Counts& counts, bool& good) {
    Message message;
    while (good) {
      const ssize_t got = read(pipe, &message, sizeof message);
      if (got == 0) return;
      good = got == sizeof message ? take(message, pipe, task, found_out, counts) : give_up("read");
    }
  }

  bool take(const Message& message, int pipe, WriterTask& task, bool& found_out, Counts& counts) {
    if (message.kind == Message::Kind::kWrong) {
      wrong_.resize(message.n);
      for (size_t at = 0; at < wrong_.size();) {
        const ssize_t got = read(pipe, wrong_.data() + at, wrong_.size() - at);
        if (got <= 0) break;
        at += static_cast<size_t>(got);
      }
      return false;
    }
    if (message.n != task.next) return give_up("operation " + std::to_string(message.n) + " out of turn; it");
    if (message.kind != Message::Kind::kAbsent) task.ledger.apply(op_at(task.seed, message.n));
    if (message.kind == Message::Kind::kDone) {
      ++counts.operations;
    } else {
      found_out = true;
      ++(message.kind == Message::Kind::kWhole ? counts.whole : counts.absent);
    }
    ++task.next;
    return true;
  }

  bool give_up(const std::string& what) {
    wrong_ = what + " failed";
    return false;
  }

  const uint64_t seed_;
  std::mt19937_64 random_;
  std::string wrong_;
};

std::optional<uint64_t> number(std::string_view text) {
  uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

int run(uint64_t kills, uint64_t seed, const std::string& keep) {
  std::cout << "crash_ledger: --kills " << kills << " --seed " << seed << std::endl;
  Parent parent(seed);
  Counts counts;
  while (counts.kills < kills) {
    const testing::TempDir folder;
    if (!parent.run(folder.file("data"), std::min(kills - counts.kills, kKillsOfADirectory), counts)) {
      if (!keep.empty()) {
        std::filesystem::copy(folder.path(), keep, std::filesystem::copy_options::recursive);
        std::cerr << "crash_ledger: the directory is kept in " << keep << "\n";
      }
      return 1;
    }
    std::cout << "crash_ledger: " << counts.kills << " kills (" << counts.while_opening << " while opening), "
              << counts.operations << " operations, " << counts.samples << " samples checked; of those under way "
              << counts.whole << " whole, " << counts.absent << " absent" << std::endl;
  }
  return 0;
}

}  // namespace
}  // namespace tidemark::crash

int main(int argc, char** argv) {
  uint64_t kills = 40;
  uint64_t seed = std::random_device{}();
  std::string keep;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::optional<uint64_t> value = i + 1 < argc ? tidemark::crash::number(argv[i + 1]) : std::nullopt;
    if (flag == "--kills" && value) {
      kills = *value;
    } else if (flag == "--seed" && value) {
      seed = *value;
    } else if (flag == "--keep" && i + 1 < argc) {
      keep = argv[i + 1];
    } else {
      std::cerr << "usage: crash_ledger [--kills N] [--seed S] [--keep FOLDER]\n";
      return 2;
    }
  }
  return tidemark::crash::run(kills, seed, keep);
}
