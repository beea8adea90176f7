// Hosts that are large, and one whose file system hangs.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "tests/exporter/collect_support.h"
#include "tests/support/eventually.h"

namespace tidemark::exporter::testing {
namespace {

size_t count_lines(std::string_view page, std::string_view start) {
  size_t count = 0;
  while (!page.empty()) count += next_line(page).starts_with(start) ? 1 : 0;
  return count;
}

TEST(Scale, AThousandMounts) {
  std::string mountinfo = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n";
  for (int i = 1; i < 1'000; ++i)
    mountinfo += fmt::format("{} 1 8:{} / /srv/volume{} rw,relatime shared:1 - ext4 /dev/sdb{} rw\n", i + 1, i, i, i);
  OneFile host("1/mountinfo", mountinfo);
  host.config.statfs_function = [](const char* path, struct statfs* out) {
    *out = {};
    out->f_bsize = 1;
    out->f_blocks = std::string_view(path).size();
    return 0;
  };
  const std::string page = collected("filesystem", host.config);
  EXPECT_EQ(count_lines(page, "node_filesystem_size_bytes{"), 1'000u);
  EXPECT_EQ(count_lines(page, "node_filesystem_device_error{"), 1'000u);
  EXPECT_NE(page.find(R"(fstype="ext4",mountpoint="/srv/volume999"} 14)"), page.npos);
}

TEST(Scale, FourThousandInterfaces) {
  constexpr int kInterfaces = 4'096;
  std::string table = "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes packets\n";
  for (int i = 0; i < kInterfaces; ++i)
    table += fmt::format("veth{}: {} 1 0 0 0 0 0 0 {} 2 0 0 0 0 0 0\n", i, i, 2 * i);
  OneFile host("net/dev", table);
  const std::string devices = collected("netdev", host.config);
  EXPECT_EQ(count_lines(devices, "node_network_receive_bytes_total{"), 4'096u);
  EXPECT_NE(devices.find("node_network_transmit_bytes_total{device=\"veth4095\"} 8190\n"), devices.npos);
}

// A FUSE file system whose server never answers: every statfs of it blocks until the mount goes.
class HangingMount {
 public:
  explicit HangingMount(std::string at) : at_(std::move(at)) {
    std::filesystem::create_directory(at_);
    fd_ = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (fd_ < 0) return;
    const std::string options = fmt::format("fd={},rootmode=40000,user_id=0,group_id=0", fd_);
    mounted_ = ::mount("hanging", at_.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0;
  }
  ~HangingMount() { release(); }
  HangingMount(const HangingMount&) = delete;
  HangingMount& operator=(const HangingMount&) = delete;

  bool mounted() const { return mounted_; }
  // Whoever waits for it gets an error.
  void release() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
    if (fd_ >= 0) ::close(fd_);
    mounted_ = false;
    fd_ = -1;
  }

 private:
  const std::string at_;
  int fd_ = -1;
  bool mounted_ = false;
};

TEST(Scale, AFileSystemThatHangsCostsItsOwnSeriesOnly) {
  OneFile host("x", "");
  HangingMount hanging(host.dir.file("hanging"));
  if (!hanging.mounted()) GTEST_SKIP() << "FUSE file systems cannot be mounted here";
  host.dir.write("1/mountinfo", fmt::format("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                                            "2 1 0:9 / {} rw - fuse.hanging hanging rw\n",
                                            host.dir.file("hanging")));
  host.config.filesystem.mount_timeout_ms = 200;
  host.config.filesystem.mount_points.exclude = "";
  const auto collector = make_collector("filesystem", host.config);
  for (int scrape = 0; scrape < 2; ++scrape) {
    const std::string page = collected(*collector);
    EXPECT_EQ(count_lines(page, "node_filesystem_size_bytes{device=\"/dev/sda1\""), 1u) << page;
    EXPECT_EQ(count_lines(page, "node_filesystem_size_bytes{"), 1u) << page;
    EXPECT_NE(page.find("device_error=\"mountpoint timeout\",fstype=\"fuse.hanging\""), page.npos) << page;
  }
  hanging.release();
  EXPECT_TRUE(tidemark::testing::eventually(
      [&] { return collected(*collector).find("mountpoint timeout") == std::string::npos; }));
}

}  // namespace
}  // namespace tidemark::exporter::testing
