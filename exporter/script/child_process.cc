#include "exporter/script/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tidemark::exporter {
namespace {

constexpr const char* kPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Pipe {
  int ends[2] = {-1, -1};
  ~Pipe() {
    close(0);
    close(1);
  }
  bool open() { return ::pipe2(ends, O_CLOEXEC) == 0; }
  void close(int i) {
    if (ends[i] >= 0) ::close(ends[i]);
    ends[i] = -1;
  }
  int take(int i) {
    const int fd = ends[i];
    ends[i] = -1;
    return fd;
  }
};

// Everything the child needs, made before the fork: after it only async-signal-safe calls are allowed.
struct Launch {
  const char* path;
  char* const* argv;
  char* const* envp;
  const ScriptUser* user;
  int nice;
  int output;
  int errors;
  int report;  // Where errno goes when something fails.
};

[[noreturn]] void fail_in_child(int report) {
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof error);
  ::_exit(127);
}

[[noreturn]] void run_child(const Launch& launch) {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int ignored : {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGCHLD}) ::signal(ignored, SIG_DFL);
  ::setsid();
  const int input = ::open("/dev/null", O_RDONLY);
  if (input < 0 || ::dup2(input, 0) < 0 || ::dup2(launch.output, 1) < 0 || ::dup2(launch.errors, 2) < 0)
    fail_in_child(launch.report);
  constexpr int kReport = 3;
  if (launch.report != kReport && ::dup2(launch.report, kReport) < 0) fail_in_child(launch.report);
  ::fcntl(kReport, F_SETFD, FD_CLOEXEC);
  ::syscall(SYS_close_range, kReport + 1, ~0U, 0);
  ::umask(022);
  if (::chdir("/") != 0) fail_in_child(kReport);
  if (launch.nice != 0 && ::setpriority(PRIO_PROCESS, 0, launch.nice) != 0) fail_in_child(kReport);
  if (launch.user != nullptr && (::setgroups(launch.user->groups.size(), launch.user->groups.data()) != 0 ||
                                 ::setgid(launch.user->gid) != 0 || ::setuid(launch.user->uid) != 0))
    fail_in_child(kReport);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // Not to outlive an exporter that was killed.
  ::execve(launch.path, launch.argv, launch.envp);
  fail_in_child(kReport);
}

Status failed(const char* what, int error) { return Status::io(fmt::format("{}: {}", what, strerror(error))); }

}  // namespace

ChildProcess::~ChildProcess() {
  if (pid_ > 0) {
    kill_group();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  for (const int fd : {output, errors, pidfd_}) {
    if (fd >= 0) ::close(fd);
  }
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const std::string& path, const ScriptSpec& spec) {
  Pipe output;
  Pipe errors;
  Pipe report;
  if (!output.open() || !errors.open() || !report.open()) return fail(failed("pipe", errno));
  const std::string home = "HOME=" + (spec.user ? spec.user->home : std::string("/"));
  std::vector<const char*> argv = {path.c_str()};
  for (const std::string& arg : spec.args) argv.push_back(arg.c_str());
  argv.push_back(nullptr);
  const char* envp[] = {kPath, "LC_ALL=C", home.c_str(), nullptr};
  const Launch launch{path.c_str(),
                      const_cast<char* const*>(argv.data()),
                      const_cast<char* const*>(envp),
                      spec.user ? &*spec.user : nullptr,
                      spec.nice,
                      output.ends[1],
                      errors.ends[1],
                      report.ends[1]};
  const pid_t pid = ::fork();
  if (pid < 0) return fail(failed("fork", errno));
  if (pid == 0) run_child(launch);

  std::unique_ptr<ChildProcess> child(new ChildProcess);
  child->pid_ = pid;
  child->pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (child->pidfd_ < 0) return fail(failed("pidfd_open", errno));
  report.close(1);
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(report.ends[0], &error, sizeof error)) < 0 && errno == EINTR) {
  }
  if (got == sizeof error) return fail(failed("cannot be started", error));
  child->output = output.take(0);
  child->errors = errors.take(0);
  for (const int fd : {child->output, child->errors}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
  return child;
}

void ChildProcess::kill_group() {
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // Should it not have become a group's leader yet.
}

int ChildProcess::reap() {
  // The ended leader still holds the group's number, so nobody else can be hit.
  ::kill(-pid_, SIGKILL);
  int status = 0;
  pid_t reaped = 0;
  while ((reaped = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (reaped < 0) return 127;  // Its code is lost: no success that is known of.
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace tidemark::exporter
