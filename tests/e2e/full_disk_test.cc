// A real server on a real file system that fills up: it refuses samples and answers, also when it is killed and started
// again meanwhile, and goes on by itself when there is space.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <filesystem>
#include <fstream>

#include "model/clock.h"
#include "tests/e2e/remote_write.h"
#include "tests/e2e/tidemark_process.h"
#include "tests/support/eventually.h"

namespace tidemark::testing {
namespace {

class Disk {
 public:
  explicit Disk(std::string path) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=160m") == 0;
  }
  ~Disk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;

  bool mounted() const { return mounted_; }
  void fill() const {
    std::ofstream hog(path_ + "/hog", std::ios::app | std::ios::binary);
    const std::string block(1 << 16, 'x');
    while (hog.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void make_space() const { std::filesystem::remove(path_ + "/hog"); }

 private:
  const std::string path_;
  bool mounted_ = false;
};

class Written {
 public:
  explicit Written(const TidemarkProcess& tidemark) : tidemark_(tidemark) {}

  // A sample of each of some series; the answer's status.
  int one() {
    std::vector<WriteSeries> request;
    for (int i = 0; i < kSeries; ++i) {
      request.push_back({Labels{{"__name__", "written"}, {"i", std::to_string(i)}},
                         {{start_ms_ + next_ * 1000, static_cast<double>(next_)}}});
    }
    const int status = remote_write(tidemark_.port(), request).status;
    if (status == 204) acknowledged_ = ++next_;
    return status;
  }
  // Each series has what was acknowledged; of a request that was refused it may have the sample or not, as all have.
  void check() const {
    const double at_s = static_cast<double>(start_ms_) / 1000 + 9'999;  // The range is open on the left.
    const std::string found = query_value_at(tidemark_.port(), "min(count_over_time(written[10000s]))", at_s);
    EXPECT_TRUE(found == std::to_string(acknowledged_) || found == std::to_string(acknowledged_ + 1))
        << found << " samples, want " << acknowledged_;
    EXPECT_EQ(query_value_at(tidemark_.port(), "max(count_over_time(written[10000s]))", at_s), found);
  }

 private:
  static constexpr int kSeries = 100;

  const TidemarkProcess& tidemark_;
  const int64_t start_ms_ = system_clock().now_ms() - 3'600'000;
  int64_t next_ = 0;
  int64_t acknowledged_ = 0;
};

bool disk_is_full(const TidemarkProcess& tidemark) {
  return get(tidemark.port(), "/metrics").body.find("tidemark_storage_read_only_reason{reason=\"disk_full\"} 1") !=
         std::string::npos;
}

TEST(FullDisk, AServerKilledAndStartedOnItAnswersAndGoesOnWhenThereIsSpace) {
  TidemarkProcess tidemark(
      "", {"--web.enable-remote-write-receiver", "--storage.log-bytes-max=1MB", "--storage.min-free-disk-space=2MB"});
  const Disk disk(tidemark.data_dir());
  if (!disk.mounted()) GTEST_SKIP() << "mounting a tmpfs is not permitted";
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  Written written(tidemark);
  for (int i = 0; i < 30; ++i) ASSERT_EQ(written.one(), 204) << tidemark.output();

  // Again and again: files under way give back what they had been allocated ahead.
  EXPECT_TRUE(eventually([&] {
    disk.fill();
    written.one();
    return disk_is_full(tidemark);
  })) << tidemark.output();
  EXPECT_EQ(written.one(), 503);
  EXPECT_TRUE(eventually([&] { return !query_value(tidemark.port(), "vector(1)").empty(); }));
  written.check();

  for (int i = 0; i < 3; ++i) {
    tidemark.kill();
    disk.fill();
    ASSERT_TRUE(tidemark.start()) << tidemark.output();
    EXPECT_TRUE(disk_is_full(tidemark)) << tidemark.output();
    EXPECT_EQ(written.one(), 503);
    written.check();
  }

  disk.make_space();
  EXPECT_TRUE(eventually([&] { return written.one() == 204; })) << tidemark.output();
  written.check();
  EXPECT_FALSE(disk_is_full(tidemark));
  EXPECT_EQ(tidemark.stop(), 0);
  ASSERT_TRUE(tidemark.start()) << tidemark.output();
  written.check();
}

}  // namespace
}  // namespace tidemark::testing
